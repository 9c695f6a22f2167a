// Whether this page is being left by a press or a link: who then went elsewhere would call back what was just asked for.

const AT_MOST_MS = 20_000;
let leftAt = Number.NEGATIVE_INFINITY;

window.addEventListener("beforeunload", () => {
  leftAt = performance.now();
});
window.addEventListener("pageshow", () => {
  leftAt = Number.NEGATIVE_INFINITY;
});

/** For a while only: what was asked for may have been a file, and then this page stays. */
export function isBeingLeft(): boolean {
  return performance.now() - leftAt < AT_MOST_MS;
}
