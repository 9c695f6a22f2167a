/** `<quick-bid>`: the next legal amount of one English lot on a button, one's own place there, and what the house answered. */
import { computed, effect, signal } from "@preact/signals-core";
import { html, nothing, type TemplateResult } from "lit";
import { Bids } from "../live/bids";
import { askAbout, type AskedLot, cautions } from "../live/confirming";
import { icon, LiveElement } from "../live/element";
import type { State } from "../live/protocol";
import { ownBudget } from "../live/remembered";
import { link, listen } from "../live/socket";
import { SteadyAmounts } from "../live/steady";
import { verdictWords } from "../live/verdict_words";
import { fromWire, Money } from "../money";
import { serverNow } from "../server_clock";
import { text } from "../texts";

const FORMAT = "english";
const bidders = new Map<number, QuickBid>();

/** To screen readers, with the lot that it is about. */
function say(words: string): void {
  const region = document.getElementById("say-assertive");
  if (region === null) return;
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = words));
}

/** What the button needs to know of the lot. */
type Seen = Pick<State, "next_minor" | "price_minor" | "increment_minor" | "starts_at" | "outcome" | "paused_at">;

class QuickBid extends LiveElement implements AskedLot {
  readonly lot = Number(this.getAttribute("lot"));
  readonly money = new Money(document.documentElement.lang, this.getAttribute("currency") ?? "", Number(this.getAttribute("exponent")));
  private readonly paddle = Number(this.getAttribute("paddle"));
  private readonly seen = signal<Seen>({
    next_minor: this.getAttribute("next") || null,
    price_minor: this.getAttribute("price") || null,
    increment_minor: "0",
    starts_at: this.getAttribute("starts-at") ?? "",
    outcome: null,
    paused_at: null,
  });
  private readonly leads = signal(this.hasAttribute("leading"));
  private readonly hasBid = signal(this.hasAttribute("bid"));
  readonly price = computed(() => fromWire(this.seen.value.price_minor));
  readonly lowest = computed(() => fromWire(this.seen.value.next_minor));
  readonly increment = computed(() => BigInt(this.seen.value.increment_minor));
  readonly isOver = computed(() => this.seen.value.outcome !== null);
  private readonly bids = new Bids(this.lot);
  private readonly amounts = new SteadyAmounts(() => this.requestUpdate());
  private place: [number, number] = [0, 0];

  readonly budget = (): bigint | null => ownBudget(this.lot);

  constructor() {
    super();
    effect(() => {
      const verdict = this.bids.verdict.value;
      if (verdict !== null) this.say(verdictWords(verdict, this.money, FORMAT));
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    bidders.set(this.lot, this);
    this.amounts.connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.amounts.disconnect();
    bidders.delete(this.lot);
  }

  /** For how many milliseconds the button has shown the same amount. */
  get steadyFor(): number {
    return this.amounts.steadyFor;
  }

  show(state: State): void {
    const [epoch, seq] = this.place;
    if (state.epoch === epoch && state.seq < seq) return;
    this.place = [state.epoch, state.seq];
    const ledBefore = this.leads.peek();
    this.seen.value = state;
    this.leads.value = state.leader === this.paddle;
    if (this.leads.peek()) this.hasBid.value = true;
    if (ledBefore && !this.leads.peek() && state.outcome === null) this.say(text("sale.place_outbid"));
    // "You are the highest bidder" was true when it was said.
    if (ledBefore && !this.leads.peek() && this.bids.verdict.peek()?.kind === "accepted") this.bids.verdict.value = null;
  }

  /** The house has taken a bid of one's own; the public frame may come a little later. */
  accepted(leading: boolean): void {
    this.hasBid.value = true;
    this.leads.value = leading;
  }

  override render(): TemplateResult {
    const next = this.lowest.value;
    const amounts = this.amounts.show(next === null ? [] : [next]);
    const amount = amounts[0];
    return html`${this.position()}
      ${this.isOver.value || amount === undefined
        ? nothing
        : html`<button type="button" class="button primary" ?disabled=${this.blocked()} @pointerdown=${this.amounts.hold}
            @keydown=${this.amounts.holdByKey} @blur=${this.amounts.letGo} @click=${this.press}>${icon("gavel")}<span>${this.label(amount)}</span></button>`}
      <p class="verdict ${this.tone()}" aria-live="off">${this.words()}</p>`;
  }

  private say(words: string): void {
    say(text("sale.said", { lot: this.getAttribute("called") ?? "", words }));
  }

  private position(): TemplateResult {
    const [tone, name, words] = this.placeWords();
    return html`<p class="card-place ${tone}">${icon(name)}<span>${words}</span></p>`;
  }

  private placeWords(): [string, string, string] {
    if (this.isOver.value && this.seen.value.outcome === "sold" && this.leads.value) return ["leading", "trophy", text("sale.place_won")];
    if (this.isOver.value) return ["plain", "info", text("sale.place_over")];
    if (this.leads.value) return ["leading", "circle-check", text("sale.place_leading")];
    if (this.hasBid.value) return ["outbid", "triangle-alert", text("sale.place_outbid")];
    return ["plain", "hand", text("sale.place_admitted", { paddle: this.paddle })];
  }

  private label(amount: bigint): string {
    const bid = this.bids.pending.value;
    if (bid === null) return text("sale.bid_amount", { amount: this.money.text(amount) });
    return text(bid.status === "sending" ? "lot.sending" : "lot.checking", { amount: this.money.text(bid.minor) });
  }

  private blocked(): boolean {
    const { paused_at, starts_at } = this.seen.value;
    const begun = Date.parse(starts_at) <= serverNow();
    return link.value !== "live" || this.bids.pending.value !== null || this.leads.value || paused_at !== null || !begun;
  }

  private readonly press = (): void => {
    const amount = this.amounts.take(0);
    if (amount === null || this.blocked()) return;
    if (amount === "too_soon") this.bids.verdict.value = { kind: "too_soon" };
    else void this.bid(amount);
  };

  private async bid(minor: bigint): Promise<void> {
    const words = text("lot.confirm_now", { amount: this.money.text(minor) });
    if (cautions(this, minor).length > 0 && !(await askAbout(this, words, words, () => cautions(this, minor)))) return;
    this.bids.place("now", minor);
  }

  private tone(): string {
    const kind = this.bids.verdict.value?.kind;
    return kind === "accepted" ? "accepted" : kind === undefined ? "" : "refused";
  }

  private words(): TemplateResult | typeof nothing {
    const verdict = this.bids.verdict.value;
    if (verdict === null || this.bids.pending.value !== null) return nothing;
    return html`${icon(verdict.kind === "accepted" ? "circle-check" : "circle-alert")}<span>${verdictWords(verdict, this.money, FORMAT)}</span>`;
  }
}

customElements.define("quick-bid", QuickBid);

listen((message) => {
  if (message.type === "state" || message.type === "subscribed") bidders.get(message.lot)?.show(message);
  else if (message.type === "accepted") bidders.get(message.lot)?.accepted(message.leading);
});
