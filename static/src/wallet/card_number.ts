/**
 * `<card-number>` around a field: shows the figures of a card in groups of four while they are typed. Full-width figures
 * (a Chinese keyboard's) become plain ones.
 */

class CardNumber extends HTMLElement {
  connectedCallback(): void {
    const field = this.querySelector("input");
    field?.addEventListener("input", () => {
      const atEnd = field.selectionStart === field.value.length;
      if (!atEnd) return;
      const figures = field.value.normalize("NFKC").replace(/\D/g, "").slice(0, 19);
      field.value = figures.replace(/(\d{4})(?=\d)/g, "$1 ");
    });
  }
}

customElements.define("card-number", CardNumber);
