/** `<uniform-price>`: what is for sale and from what price; after the close, the one price. `<uniform-result>`: what it came to. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { isOver, lowest, price, state, you } from "../lot/model";
import { money, page } from "../lot/page";
import { text } from "../texts";
import { got, sale } from "./model";

class UniformPrice extends LiveElement {
  override render(): TemplateResult {
    const label = text(price.value === null ? "uniform.lowest_price" : "uniform.unit_price");
    const amount = price.value ?? lowest.value;
    const units = text("uniform.units", { quantity: sale.value.quantity });
    const reserve = text(`lot.reserve_${state.value.reserve}`);
    return html`<p class="glance-label">${text("lot.joined", { first: label, second: page.currency })}</p>
      <p class="price-figure">${amount === null ? text("lot.no_price") : html`<data value=${amount.toString()}>${money.text(amount)}</data>`}</p>
      <p class="glance-note">${text("lot.joined", { first: units, second: isOver.value ? reserve : text("uniform.hidden_note") })}</p>`;
  }
}

class UniformResult extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    if (!isOver.value) return nothing;
    const { units } = got.value;
    const sold = state.value.outcome === "sold";
    return html`${this.own()}<div class="result">
      <p class="result-title">${icon(sold ? "gavel" : "info")}${this.headline()}</p>
      <p>${text(units > 0n ? "uniform.next_won" : sold ? "uniform.next_other" : `lot.next_${state.value.outcome ?? "unsold"}`)}</p>
      ${units > 0n && page.deals !== null ? html`<p class="cluster"><a class="button primary" href=${page.deals}>${icon("handshake")}${text("lot.to_deal")}</a></p>` : nothing}
      <p class="quiet small">${text("lot.log_head", { seq: state.value.seq })} <span class="mono">${state.value.head.slice(0, 16)}</span></p>
    </div>`;
  }

  private headline(): string {
    const clearing = sale.value.clearing;
    if (price.value === null || clearing === undefined) return text(`lot.result_${state.value.outcome ?? "unsold"}`);
    return text("uniform.result_sold", { sold: clearing.sold, quantity: clearing.quantity, price: money.text(price.value) });
  }

  /** The viewer's own place, in words and icon. */
  private own(): TemplateResult | typeof nothing {
    const place = you.value;
    if (place === null || !got.value.bid) return nothing;
    const { units, total } = got.value;
    const words = units > 0n ? text("uniform.result_yours", { units: units.toString(), total: money.text(total) }) : text("uniform.result_nothing");
    return html`<p class="position ${units > 0n ? "leading" : "plain"}">${icon(units > 0n ? "trophy" : "info")}<span>${words}</span>
      <span class="position-paddle">${text("lot.your_paddle", { paddle: place.paddle })}</span></p>`;
  }
}

customElements.define("uniform-price", UniformPrice);
customElements.define("uniform-result", UniformResult);
