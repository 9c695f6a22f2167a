/** A thumbnail shows its photo in the large frame; without this it opens the photo itself. */

const large = document.querySelector<HTMLImageElement>(".lot-photos img.photo");

for (const thumb of document.querySelectorAll<HTMLAnchorElement>("a[data-photo]")) {
  thumb.addEventListener("click", (event) => {
    const small = thumb.querySelector("img");
    if (large === null || small === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    large.srcset = thumb.dataset["srcset"] ?? "";
    large.src = thumb.href;
    large.alt = small.alt;
    for (const other of document.querySelectorAll("a[data-photo]")) other.removeAttribute("aria-current");
    thumb.setAttribute("aria-current", "true");
  });
}
