// <deal-watch src version>: asks the server now and then whether the deal has moved, and if so shows the page anew.
// It is asked for anew, never reloaded: a page that answered a press would be reloaded by pressing once more, and pay.
// It never goes on under a person who is typing or has a box ticked: then it shows the link that it holds instead.

import { isBeingLeft } from "../leaving";

const INTERVAL_MS = 4000;

export class DealWatch extends HTMLElement {
  #timer: number | undefined;

  connectedCallback(): void {
    this.#timer = window.setInterval(() => void this.#ask(), INTERVAL_MS);
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  disconnectedCallback(): void {
    window.clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  readonly #onVisible = (): void => void this.#ask();

  async #ask(): Promise<void> {
    if (document.hidden) return;
    try {
      const response = await fetch(this.getAttribute("src") ?? "", { headers: { Accept: "application/json" } });
      if (!response.ok) return;
      const answer = (await response.json()) as { version: string };
      if (answer.version !== this.getAttribute("version") && !isBeingLeft()) this.#show();
    } catch {
      // Offline for a moment: the next question will tell.
    }
  }

  #show(): void {
    if (this.#inUse()) this.hidden = false;
    else window.location.replace(this.querySelector("a")?.href ?? window.location.href);
  }

  #inUse(): boolean {
    const fields = document.querySelectorAll<HTMLInputElement>("main form input:not([type=hidden])");
    return [...fields].some((field) => (field.type === "checkbox" ? field.checked : field.value !== field.defaultValue));
  }
}

customElements.define("deal-watch", DealWatch);
