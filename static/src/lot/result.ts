/** `<lot-result>`: after the close, what came of the lot and where it goes on for this viewer. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { text } from "../texts";
import { isOver, leading, price, state } from "./model";
import { money, page } from "./page";

class LotResult extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    if (!isOver.value) return nothing;
    const sold = state.value.outcome === "sold";
    const amount = price.value === null ? "" : money.text(price.value);
    const title = sold ? text("lot.result_sold", { price: amount }) : text(`lot.result_${state.value.outcome ?? "unsold"}`);
    const key = sold ? (leading.value ? "lot.next_won" : "lot.next_sold") : `lot.next_${state.value.outcome ?? "unsold"}`;
    return html`<div class="result">
      <p class="result-title">${icon(sold ? "gavel" : "info")}${title}</p>
      <p>${text(key)}</p>
      ${sold && leading.value ? this.links() : nothing}
      <p class="quiet small">${text("lot.log_head", { seq: state.value.seq })} <span class="mono">${state.value.head.slice(0, 16)}</span></p>
    </div>`;
  }

  private links(): TemplateResult {
    return html`<p class="cluster">
      ${page.deals === null ? nothing : html`<a class="button primary" href=${page.deals}>${icon("handshake")}${text("lot.to_deal")}</a>`}
      ${page.confirmation === null ? nothing : html`<a class="button" href=${page.confirmation}>${icon("printer")}${text("lot.to_confirmation")}</a>`}
    </p>`;
  }
}

customElements.define("lot-result", LotResult);
