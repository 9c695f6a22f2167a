/** `<lot-price>`: the price, what it rests on, and one's own place in words and icon. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { fromWire } from "../money";
import { counted, text } from "../texts";
import { hasBid, isOver, leading, lowest, outbid, price, state, you } from "./model";
import { money, page } from "./page";

class LotPrice extends LiveElement {
  override render(): TemplateResult {
    const amount = price.value ?? lowest.value;
    const sold = state.value.outcome === "sold";
    const label = sold ? "lot.hammer_price" : isOver.value && price.value !== null ? "lot.highest_bid" : price.value === null ? "lot.start_price" : "lot.current_price";
    return html`<p class="glance-label">${text("lot.joined", { first: text(label), second: page.currency })}</p>
      <p class="price-figure">${amount === null ? text("lot.no_price") : html`<data value=${amount.toString()}>${money.text(amount)}</data>`}</p>
      <p class="glance-note">${this.foundation()}</p>`;
  }

  private foundation(): string {
    const bids = state.value.bids === 0 ? text("lot.no_bids") : counted("lot.bids", state.value.bids);
    const reserve = text(`lot.reserve_${state.value.reserve}`);
    return text("lot.joined", { first: bids, second: reserve });
  }
}

class LotPosition extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    const place = you.value;
    if (place === null || (isOver.value && state.value.outcome !== "sold")) return nothing;
    const paddle = html`<span class="position-paddle">${text("lot.your_paddle", { paddle: place.paddle })}</span>`;
    const [tone, name, words] = this.words();
    return html`<p class="position ${tone}">${icon(name)}<span>${words}</span>${paddle}</p>`;
  }

  private words(): [string, string, string] {
    const maximum = fromWire(you.value?.maximum_minor);
    if (isOver.value && leading.value) return ["leading", "trophy", text("lot.you_won")];
    if (isOver.value) return ["plain", "info", text("lot.you_did_not_win")];
    if (leading.value && maximum !== null && maximum > (price.value ?? 0n)) {
      return ["leading", "circle-check", text("lot.you_lead_maximum", { amount: money.text(maximum) })];
    }
    if (leading.value) return ["leading", "circle-check", text("lot.you_lead")];
    if (outbid.value) return ["outbid", "triangle-alert", text("lot.you_are_outbid")];
    if (!you.value?.admitted) return ["plain", "lock", text("lot.you_may_not_bid")];
    return ["plain", "hand", text(hasBid.value ? "lot.you_are_outbid" : "lot.you_have_not_bid")];
  }
}

customElements.define("lot-price", LotPrice);
customElements.define("lot-position", LotPosition);
