/** The house's live elements: Lit in light DOM, drawn again when a signal that they read has changed. */
import { effect } from "@preact/signals-core";
import { html, LitElement, type TemplateResult } from "lit";

const sprite = document.querySelector<SVGUseElement>("svg.icon > use")?.getAttribute("href")?.split("#")[0] ?? "";

/** An icon of the sprite that the page already uses; always with a word beside it. */
export function icon(name: string): TemplateResult {
  return html`<svg class="icon" aria-hidden="true" focusable="false"><use href="${sprite}#${name}"></use></svg>`;
}

export abstract class LiveElement extends LitElement {
  private stop: (() => void) | undefined;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    // The server's words stand until the first drawing takes their place, within the same frame.
    if (!this.hasUpdated) this.replaceChildren();
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.();
    this.stop = undefined;
  }

  protected override performUpdate(): void {
    if (!this.isUpdatePending) return;
    this.stop?.();
    let drawing = true;
    this.stop = effect(() => {
      if (drawing) {
        drawing = false;
        super.performUpdate();
      } else this.requestUpdate();
    });
  }
}
