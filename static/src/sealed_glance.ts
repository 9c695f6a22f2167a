/** `<sealed-price>`: the start price until the opening, then the price. `<sealed-clock>`: the end, then who is waited for. */
import { computed } from "@preact/signals-core";
import { html, nothing, type TemplateResult } from "lit";
import { clockDigits } from "./durations";
import { icon, LiveElement } from "./live/element";
import { isOver, lowest, price, state } from "./lot/model";
import { money, page } from "./lot/page";
import { begun, endsAt, left, startsAt, tooLate } from "./lot/ticking";
import { counted, text } from "./texts";
import { timeText } from "./times";

export interface Opened {
  amount_minor: string;
  paddle: number;
  seq: number;
}

export interface Voided {
  paddle: number;
  reason: string;
  seq: number;
  amount_minor?: string;
}

/** What the house says to everybody of a sealed lot. */
export interface Sale {
  pricing: "first" | "second";
  public_key: string;
  threshold: number;
  officers: number;
  opening_by: string;
  price_from: string | null;
  unsealed: { bids: Opened[]; voids: Voided[]; reserve_minor: string | null } | null;
}

export const sale = computed(() => state.value.detail as unknown as Sale);

const RUNNING_OUT = 60_000;
const DAY = 86_400_000;

class SealedPrice extends LiveElement {
  override render(): TemplateResult {
    const sold = price.value !== null;
    const figure = price.value ?? lowest.value ?? BigInt(page.state.next_minor ?? 0);
    return html`<p class="glance-label">${text("lot.joined", { first: text(sold ? "lot.hammer_price" : "lot.start_price"), second: page.currency })}</p>
      <p class="price-figure">${figure === 0n ? text("lot.no_price") : html`<data value=${figure.toString()}>${money.text(figure)}</data>`}</p>
      <p class="glance-note">${isOver.value ? counted("lot.bids", state.value.bids) : text("sealed.secret_now")}</p>`;
  }
}

/** What a sealed lot's clock says it waits for. */
function phase(): string {
  if (isOver.value) return "closed";
  if (state.value.paused_at !== null) return "paused";
  return begun.value ? (state.value.phase === "timed" && left.value === 0 ? "opening" : state.value.phase) : "before";
}

class SealedClock extends LiveElement {
  override render(): TemplateResult {
    const stage = phase();
    const runs = stage === "timed" || stage === "before";
    return html`<p class="glance-label">${icon(stage === "paused" ? "pause" : "timer")}${text(`sealed.phase_${stage}`)}</p>
      ${runs ? this.countdown() : html`<p class="clock-ended">${timeText(new Date(endsAt.value), "second")}</p>`}
      ${stage === "opening" ? this.awaited() : nothing}
      ${stage === "timed" && tooLate.value ? html`<p class="too-late">${icon("triangle-alert")}${text("lot.too_late")}</p>` : nothing}`;
  }

  private countdown(): TemplateResult {
    const days = Math.floor(left.value / DAY);
    const rest = clockDigits(left.value - days * DAY);
    const digits = days === 0 ? rest : text("clock.days", { days, time: rest });
    const hot = begun.value && left.value < RUNNING_OUT;
    return html`<p class="clock-digits ${hot ? "running-out" : ""}" role="timer">${digits}</p>
      <p class="glance-note">${timeText(new Date(begun.value ? endsAt.value : startsAt.value), "second")}</p>`;
  }

  private awaited(): TemplateResult {
    const { threshold, officers, opening_by } = sale.value;
    return html`<p class="glance-note">${text("sealed.opening_by", { threshold, officers, time: timeText(new Date(opening_by), "minute") })}</p>`;
  }
}

customElements.define("sealed-price", SealedPrice);
customElements.define("sealed-clock", SealedClock);
