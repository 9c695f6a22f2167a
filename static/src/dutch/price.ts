/** `<dutch-price>`: the price that stands now, when it falls next and to what, and how far it has fallen. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { isOver, leading, price, state, you } from "../lot/model";
import { money, page } from "../lot/page";
import { begun } from "../lot/ticking";
import { text } from "../texts";
import { fall, falling, nextFall } from "./falling";

class DutchPrice extends LiveElement {
  override render(): TemplateResult {
    const amount = price.value ?? falling.value;
    return html`<p class="glance-label">${icon("trending-down")}${text("lot.joined", { first: text(this.label()), second: page.currency })}</p>
      <p class="price-figure"><data value=${amount.toString()}>${money.text(amount)}</data></p>
      ${this.step()}
      <p class="glance-note">${text("dutch.fall", { start: money.text(fall.value.start), floor: money.text(fall.value.floor) })}</p>`;
  }

  private label(): string {
    if (price.value !== null) return "lot.hammer_price";
    if (isOver.value) return "dutch.price_unsold";
    return begun.value ? "dutch.price_now" : "dutch.price_waiting";
  }

  private step(): TemplateResult | typeof nothing {
    if (price.value !== null || isOver.value) return nothing;
    const next = nextFall.value;
    if (next === null) return html`<p class="glance-note">${text("dutch.at_floor")}</p>`;
    if (state.value.paused_at !== null) return html`<p class="glance-note">${text("dutch.stands_still")}</p>`;
    if (!begun.value) return html`<p class="glance-note">${text("dutch.next_fall_first", { price: money.text(next.price) })}</p>`;
    const seconds = next.left < 10_000 ? (Math.ceil(next.left / 100) / 10).toFixed(1) : Math.ceil(next.left / 1000);
    return html`<progress max=${next.step} value=${Math.min(next.left, next.step)} aria-label=${text("dutch.step_bar")}></progress>
      <p class="glance-note">${text("dutch.next_fall", { price: money.text(next.price), seconds })}</p>`;
  }
}

class DutchPosition extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    const place = you.value;
    if (place === null || (isOver.value && state.value.outcome !== "sold")) return nothing;
    const [tone, name, words] = this.words();
    const paddle = html`<span class="position-paddle">${text("lot.your_paddle", { paddle: place.paddle })}</span>`;
    return html`<p class="position ${tone}">${icon(name)}<span>${text(words)}</span>${paddle}</p>`;
  }

  private words(): [string, string, string] {
    if (leading.value) return ["leading", "trophy", "dutch.you_won"];
    return price.value === null ? ["plain", "hand", "dutch.may_press"] : ["plain", "info", "dutch.other_won"];
  }
}

customElements.define("dutch-price", DutchPrice);
customElements.define("dutch-position", DutchPosition);
