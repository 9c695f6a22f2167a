/** `<lot-panel>`: the buttons of the next legal amounts, and one box for "bid now" and "bid up to". */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { link } from "../live/socket";
import { SteadyAmounts } from "../live/steady";
import { fromWire, parseAmount } from "../money";
import { counted, text } from "../texts";
import { type Kind, pending, placeBid, verdict } from "./bidding";
import { confirmBid, needsConfirming } from "./confirming";
import { isOver, leading, legalAmounts, lowest, price, state, stepsAbove, you } from "./model";
import { money } from "./page";
import { begun } from "./ticking";
import { verdictText } from "./verdicts";

export class LotPanel extends LiveElement {
  private readonly amounts = new SteadyAmounts(() => this.requestUpdate());
  private kind: Kind = "now";
  private typed = "";
  private problem = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.amounts.connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.amounts.disconnect();
  }

  override render(): TemplateResult {
    if (isOver.value) return html``;
    return html`<div class="quick-bids" role="group" aria-label=${text("lot.next_bids")}>
        ${this.amounts.show(legalAmounts.value).map((amount, index) => this.quickButton(amount, index))}
      </div>
      ${leading.value ? html`<p class="hint">${text("lot.raise_own_hint")}</p>` : nothing} ${this.box()}
      <p class="verdict ${this.tone()}" aria-live="off">${this.words()}</p>`;
  }

  /** For how many milliseconds the buttons have shown the same amounts. */
  get steadyFor(): number {
    return this.amounts.steadyFor;
  }

  /** Press a quick button by its number, as the keys 1, 2 and 3 do. */
  press(index: number): void {
    this.amounts.hold();
    this.bidHeld(index);
  }

  focusBox(): void {
    this.querySelector<HTMLInputElement>("#bid-amount")?.focus();
  }

  private blocked(): boolean {
    return link.value !== "live" || pending.value !== null || state.value.paused_at !== null || !begun.value;
  }

  private quickButton(amount: bigint, index: number): TemplateResult {
    return html`<button type="button" class="button quick" ?disabled=${this.blocked() || leading.value}
      @pointerdown=${this.amounts.hold} @keydown=${this.amounts.holdByKey} @blur=${this.amounts.letGo} @click=${() => this.bidHeld(index)}>
      <span class="quick-amount">${money.text(amount)}</span><span class="quick-steps">${this.stepWords(index)}</span></button>`;
  }

  /** How far the amount is above the price; before the first bid, above the start price. */
  private stepWords(index: number): string {
    const steps = stepsAbove(index);
    return steps === 0 ? text("lot.start_price_step") : counted("lot.steps", steps);
  }

  private bidHeld(index: number): void {
    const amount = this.amounts.take(index);
    if (amount === null || this.blocked() || leading.peek()) return;
    if (amount === "too_soon") verdict.value = { kind: "too_soon" };
    else void this.bid("now", amount);
  }

  private async bid(kind: Kind, minor: bigint): Promise<boolean> {
    if (needsConfirming(minor) && !(await confirmBid(kind, minor))) return false;
    placeBid(kind, minor);
    return true;
  }

  private box(): TemplateResult {
    const kind = this.boxKind();
    const parsed = parseAmount(this.typed, money.exponent);
    const amount = "minor" in parsed ? money.text(parsed.minor) : "";
    const submit = amount === "" ? text(`lot.bid_${kind}`) : text(`lot.bid_${kind}_amount`, { amount });
    return html`<form class="bid-box" novalidate @submit=${this.submit}>
      <fieldset class="bid-kind"><legend class="vh">${text("lot.bid_kind")}</legend>
        ${this.kindChoice("now")}${this.kindChoice("maximum")}</fieldset>
      <div class="field ${this.problem ? "has-error" : ""}">
        <label for="bid-amount">${text(`lot.amount_${kind}`)}</label>
        <input id="bid-amount" name="amount" type="text" inputmode="decimal" autocomplete="off" class="n"
          .value=${this.typed} @input=${this.type} aria-describedby="bid-rule bid-problem" aria-invalid=${this.problem ? "true" : "false"} />
        <p class="hint" id="bid-rule">${this.rule(kind)}</p>
        <p class="field-error" id="bid-problem" ?hidden=${!this.problem}>${icon("circle-alert")}${this.problem}</p>
      </div>
      <button class="button primary bid-submit" ?disabled=${this.blocked()}>${icon("gavel")}${this.submitWords(submit)}</button>
    </form>`;
  }

  /** Who leads may only raise his own maximum. */
  private boxKind(): Kind {
    return leading.value ? "maximum" : this.kind;
  }

  private kindChoice(kind: Kind): TemplateResult {
    return html`<label><input type="radio" name="kind" value=${kind} .checked=${this.boxKind() === kind}
      ?disabled=${kind === "now" && leading.value} @change=${() => this.choose(kind)} /><span>${text(`lot.kind_${kind}`)}</span></label>`;
  }

  private choose(kind: Kind): void {
    this.kind = kind;
    this.requestUpdate();
  }

  private rule(kind: Kind): string {
    const floor = lowest.value;
    if (floor === null) return "";
    const step = money.text(BigInt(state.value.increment_minor));
    const own = fromWire(you.value?.maximum_minor);
    if (leading.value && own !== null && own > (price.value ?? 0n)) return text("lot.rule_raise", { own: money.text(own), step });
    if (leading.value) return text("lot.rule_raise_first", { price: money.text(price.value ?? floor), step });
    return text(`lot.rule_${kind}`, { lowest: money.text(floor), step });
  }

  private submitWords(words: string): string {
    const bid = pending.value;
    if (bid === null) return words;
    return text(bid.status === "sending" ? "lot.sending" : "lot.checking", { amount: money.text(bid.minor) });
  }

  private readonly type = (event: InputEvent): void => {
    this.typed = (event.target as HTMLInputElement).value;
    this.problem = "";
    this.requestUpdate();
  };

  private readonly submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.blocked()) return;
    const parsed = parseAmount(this.typed, money.exponent);
    const floor = lowest.peek();
    if ("problem" in parsed) this.problem = text(`amount_problem.${parsed.problem}`);
    else if (!leading.peek() && floor !== null && parsed.minor < floor) {
      this.problem = text("lot.below_lowest", { lowest: money.text(floor) });
    } else this.problem = "";
    this.requestUpdate();
    if (this.problem || !("minor" in parsed)) {
      this.focusBox();
      return;
    }
    if (await this.bid(this.boxKind(), parsed.minor)) this.typed = "";
    this.requestUpdate();
  };

  private tone(): string {
    const kind = verdict.value?.kind;
    return kind === "accepted" ? "accepted" : kind === undefined ? "" : "refused";
  }

  private words(): TemplateResult | typeof nothing {
    const words = verdict.value === null ? "" : verdictText(verdict.value);
    if (words === "" || pending.value !== null) return nothing;
    return html`${icon(this.tone() === "accepted" ? "circle-check" : "circle-alert")}<span>${words}</span>`;
  }
}

customElements.define("lot-panel", LotPanel);
