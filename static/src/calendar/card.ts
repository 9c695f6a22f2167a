/** `<lot-card>`: keeps the server's card of one lot live. It changes words and figures in place and draws nothing itself. */
import { type FallOnWire, fallenTo } from "../dutch/fall";
import type { State } from "../live/protocol";
import { listen, onOpen, send } from "../live/socket";
import { fromWire, Money } from "../money";
import { serverNow } from "../server_clock";
import { counted, text } from "../texts";
import { timeText } from "../times";

const cards = new Map<number, LotCard>();

class LotCard extends HTMLElement {
  private money!: Money;
  private epoch = 0;
  private seq = 0;
  private falling = 0;

  connectedCallback(): void {
    this.money = new Money(document.documentElement.lang, this.attribute("currency"), Number(this.attribute("exponent")));
    this.epoch = Number(this.attribute("epoch"));
    this.seq = Number(this.attribute("seq"));
    cards.set(Number(this.attribute("lot")), this);
    this.waitForStart();
  }

  disconnectedCallback(): void {
    window.clearTimeout(this.falling);
    cards.delete(Number(this.attribute("lot")));
  }

  subscribe(): void {
    send({ type: "subscribe", lot: Number(this.attribute("lot")), epoch: this.epoch, seq: this.seq });
  }

  show(state: State): void {
    if (state.epoch === this.epoch && state.seq < this.seq) return;
    this.epoch = state.epoch;
    this.seq = state.seq;
    window.clearTimeout(this.falling);
    this.showPrice(state);
    this.showClock(state);
    this.put("[data-bids]", bidsText(state));
    const words = this.querySelector("[data-phase] .badge");
    const begun = Date.parse(state.starts_at) <= serverNow();
    const phase = state.outcome ?? (state.paused_at === null ? state.phase : "paused");
    words?.lastChild?.replaceWith(begun ? text(`lot.phase_${phase}`) : text("calendar.state_upcoming"));
    words?.classList.toggle("live", begun && state.outcome === null);
  }

  private showPrice(state: State): void {
    const price = fromWire(state.price_minor);
    if (price === null) return this.showFall(state);
    const closed = state.outcome === "sold" ? "lot.hammer_price" : "lot.highest_bid";
    this.put("[data-price-label]", text(state.outcome === null ? "lot.current_price" : closed));
    if (this.put("[data-price]", this.money.text(price))) {
      const figure = this.querySelector("[data-price]");
      figure?.classList.remove("price-moved");
      requestAnimationFrame(() => figure?.classList.add("price-moved"));
    }
  }

  /** A falling price moves without a word from the server. */
  private showFall(state: State): void {
    window.clearTimeout(this.falling);
    if (state.format !== "dutch" || state.outcome !== null || Date.parse(state.starts_at) > serverNow()) return;
    const at = state.paused_at === null ? serverNow() : Date.parse(state.paused_at);
    this.put("[data-price-label]", text("lot.current_price"));
    this.put("[data-price]", this.money.text(fallenTo(state.detail as unknown as FallOnWire, at)));
    this.falling = window.setTimeout(() => this.showFall(state), 1_000);
  }

  private showClock(state: State): void {
    const begun = Date.parse(state.starts_at) <= serverNow();
    if (state.outcome !== null) {
      this.put("[data-clock-label]", text("calendar.ended"));
      this.put("[data-clock]", timeText(new Date(state.ends_at), "day"));
    } else {
      this.put("[data-clock-label]", text(begun ? "calendar.ends_in" : "calendar.starts_in"));
      this.querySelector("time-left")?.setAttribute("ends-at", begun ? state.ends_at : state.starts_at);
    }
  }

  /** The server says nothing at the start of a lot, so the card asks at that moment. */
  private waitForStart(): void {
    const wait = Date.parse(this.attribute("starts-at")) - serverNow();
    if (wait > 0 && wait < 86_400_000) window.setTimeout(() => this.restart(), wait + 50);
  }

  private restart(): void {
    send({ type: "unsubscribe", lot: Number(this.attribute("lot")) });
    send({ type: "subscribe", lot: Number(this.attribute("lot")) });
  }

  private put(selector: string, words: string): boolean {
    const element = this.querySelector(selector);
    if (element === null || element.textContent === words) return false;
    element.textContent = words;
    return true;
  }

  private attribute(name: string): string {
    return this.getAttribute(name) ?? "";
  }
}

const HIDES_BIDS = ["sealed", "reverse", "uniform"];

function bidsText(state: State): string {
  if (state.outcome === null && HIDES_BIDS.includes(state.format ?? "english")) return text("lot.bids_hidden");
  return state.bids === 0 ? text("lot.no_bids") : counted("lot.bids", state.bids);
}

customElements.define("lot-card", LotCard);

listen((message) => {
  if (message.type === "state" || message.type === "subscribed") cards.get(message.lot)?.show(message);
});

onOpen(() => {
  for (const card of cards.values()) card.subscribe();
});
