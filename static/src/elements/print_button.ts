// <print-button>: its button opens the browser's print dialog. Without JavaScript the button stays hidden.

export class PrintButton extends HTMLElement {
  connectedCallback(): void {
    this.hidden = false;
    this.querySelector("button")?.addEventListener("click", () => window.print());
  }
}

customElements.define("print-button", PrintButton);
