// <watch-lot>: its form is sent without leaving the page. Where that fails it is sent as any form.

export class WatchLot extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send(event.target as HTMLFormElement);
    });
  }

  async #send(form: HTMLFormElement): Promise<void> {
    const wish = form.querySelector<HTMLInputElement>("input[name=watch]");
    const button = form.querySelector("button");
    if (wish === null || button === null) return;
    const body = new URLSearchParams({ watch: wish.value, back: "/" });
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    // The house answers with the way back, which a script need not go.
    if (answer?.type !== "opaqueredirect") return form.submit();
    button.setAttribute("aria-pressed", String(wish.value === "1"));
    wish.value = wish.value === "1" ? "0" : "1";
  }
}

customElements.define("watch-lot", WatchLot);
