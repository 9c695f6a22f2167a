// <copy-text value done>: its button puts the value on the clipboard and says so. Without a clipboard it stays hidden.

export class CopyText extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector("button");
    if (button === null || navigator.clipboard === undefined) return;
    this.hidden = false;
    button.addEventListener("click", () => void this.#copy(button));
  }

  async #copy(button: HTMLButtonElement): Promise<void> {
    await navigator.clipboard.writeText(this.getAttribute("value") ?? "");
    const status = this.querySelector("[role=status]");
    if (status !== null) status.textContent = this.getAttribute("done");
    button.dataset.state = "done";
  }
}

customElements.define("copy-text", CopyText);
