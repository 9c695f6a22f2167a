/** What every page has: times in the viewer's own zone, dialogs that ask, the focus on a form's errors. */
import "./elements/copy_text";
import "./elements/deal_watch";
import "./elements/lot_editor";
import "./elements/print_button";
import "./elements/time_left";
import "./elements/topic_watch";
import "./elements/watch_lot";
import { localiseTimes, nameTheZone } from "./times";

localiseTimes(document);
nameTheZone(document);
document.getElementById("errors")?.focus();

// On a phone the tabs are pulled sideways: the open one is in sight.
for (const tab of document.querySelectorAll<HTMLElement>(".tabs [aria-current]")) {
  const strip = tab.closest(".tabs");
  if (strip !== null) strip.scrollLeft += tab.getBoundingClientRect().left - strip.getBoundingClientRect().left - 24;
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-confirm]")) {
  const dialog = document.getElementById(form.dataset["confirm"] ?? "");
  if (!(dialog instanceof HTMLDialogElement)) continue;
  let agreed = false;
  form.addEventListener("submit", (event) => {
    if (agreed) return;
    event.preventDefault();
    dialog.showModal();
  });
  dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  dialog.querySelector("[data-agree]")?.addEventListener("click", () => {
    agreed = true;
    dialog.close();
    form.requestSubmit();
  });
}
