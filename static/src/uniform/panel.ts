/** `<uniform-panel>`: one's own hidden bids, and the form that adds one or raises one. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { link } from "../live/socket";
import { pending, placeBid, type Verdict, verdict } from "../lot/bidding";
import { budget } from "../lot/budget";
import { askFirst } from "../lot/confirming";
import { increment, isOver, lowest, state } from "../lot/model";
import { money } from "../lot/page";
import { begun } from "../lot/ticking";
import { verdictText } from "../lot/verdicts";
import { decimalText, parseAmount } from "../money";
import { text } from "../texts";
import { type OwnBid, ownBids, sale } from "./model";

interface Sent {
  price: bigint;
  quantity: number;
}

class UniformPanel extends LiveElement {
  private price = "";
  private units = "1";
  private whole = false;
  private raised: OwnBid | null = null;
  private sent: Sent | null = null;
  private problems = { price: "", units: "" };

  override render(): TemplateResult | typeof nothing {
    if (isOver.value) return nothing;
    const left = sale.value.bids_per_bidder - ownBids.value.length;
    return html`<h2 class="panel-title">${text("uniform.panel")}</h2>
      ${ownBids.value.length === 0
        ? html`<p class="quiet">${text("uniform.no_own_bids")}</p>`
        : html`<ul class="own-bids">${ownBids.value.map((bid) => this.ownBid(bid))}</ul>`}
      ${left > 0 || this.raised !== null ? this.form() : html`<p class="hint">${text("uniform.all_used")}</p>`} ${this.said()}`;
  }

  /** The key B. */
  focusBox(): void {
    this.querySelector<HTMLInputElement>("#unit-price")?.focus();
  }

  private ownBid(bid: OwnBid): TemplateResult {
    const price = BigInt(bid.price_minor);
    const params = { quantity: bid.quantity, price: money.text(price), total: money.text(price * BigInt(bid.quantity)) };
    return html`<li><span><span class="quiet small">${text("uniform.bid_number", { number: bid.bid })}</span> <span class="own-bid">${text("uniform.own_bid", params)}</span>${bid.all_or_none
        ? html` <span class="quiet small">${text("uniform.all_or_none")}</span>`
        : nothing}</span>
      <button type="button" class="button quiet" ?disabled=${this.blocked()} @click=${() => this.startRaising(bid)}>${text("uniform.raise")}<span class="vh"> ${text("uniform.bid_number", { number: bid.bid })}</span></button></li>`;
  }

  private startRaising(bid: OwnBid): void {
    this.raised = bid;
    this.price = decimalText(BigInt(bid.price_minor), money.exponent);
    this.units = String(bid.quantity);
    this.whole = bid.all_or_none;
    this.clear();
    void this.updateComplete.then(() => this.focusBox());
  }

  private readonly startNew = (): void => {
    this.raised = null;
    this.price = "";
    this.units = "1";
    this.whole = false;
    this.clear();
  };

  private clear(): void {
    this.problems = { price: "", units: "" };
    this.requestUpdate();
  }

  private blocked(): boolean {
    return link.value !== "live" || pending.value !== null || state.value.paused_at !== null || !begun.value;
  }

  private form(): TemplateResult {
    const raised = this.raised;
    const floor = lowest.value ?? 0n;
    const hint = raised === null
      ? text("uniform.price_hint", { lowest: money.text(floor), step: money.text(increment.value) })
      : text("uniform.raise_hint", { price: money.text(BigInt(raised.price_minor)), quantity: raised.quantity });
    return html`<form class="bid-box" novalidate @submit=${this.submit} aria-labelledby="bid-form-title">
      <h3 id="bid-form-title">${raised === null ? text("uniform.new_bid") : text("uniform.raising", { number: raised.bid })}</h3>
      <div class="form-row">
        ${this.box("unit-price", "price", text("uniform.price"), hint, this.price, "decimal")}
        ${this.box("units", "units", text("uniform.quantity"), text("uniform.quantity_hint", { most: sale.value.quantity }), this.units, "numeric")}
      </div>
      ${sale.value.all_or_none && (raised === null || raised.all_or_none)
        ? html`<div class="field choice"><label><input type="checkbox" name="all_or_none" .checked=${this.whole} @change=${this.chooseWhole} /><span>${text("uniform.all_or_none_choice")}</span></label></div>`
        : nothing}
      <button class="button primary bid-submit" ?disabled=${this.blocked()}>${icon("gavel")}${this.submitWords()}</button>
      ${raised === null ? nothing : html`<button type="button" class="button quiet" @click=${this.startNew}>${text("uniform.cancel")}</button>`}
    </form>`;
  }

  private box(id: string, name: "price" | "units", label: string, hint: string, value: string, mode: string): TemplateResult {
    const problem = this.problems[name];
    return html`<div class="field ${problem ? "has-error" : ""}">
      <label for=${id}>${label}</label>
      <input id=${id} name=${name} type="text" inputmode=${mode} autocomplete="off" class="n" .value=${value} @input=${this.type}
        aria-describedby="${id}-hint ${id}-problem" aria-invalid=${problem ? "true" : "false"} />
      <p class="hint" id="${id}-hint">${hint}</p>
      <p class="field-error" id="${id}-problem" ?hidden=${!problem}>${icon("circle-alert")}${problem}</p>
    </div>`;
  }

  private readonly type = (event: InputEvent): void => {
    const box = event.target as HTMLInputElement;
    if (box.name === "price") this.price = box.value;
    else this.units = box.value;
    this.clear();
  };

  private readonly chooseWhole = (event: Event): void => {
    this.whole = (event.target as HTMLInputElement).checked;
  };

  private quantity(): number | null {
    const typed = this.units.normalize("NFKC").trim();
    return /^\d{1,12}$/.test(typed) && Number(typed) > 0 ? Number(typed) : null;
  }

  private params(price: bigint, quantity: number): Record<string, string | number> {
    return { quantity, price: money.text(price), total: money.text(price * BigInt(quantity)) };
  }

  private submitWords(): string {
    const bid = pending.value;
    if (bid !== null) return text(bid.status === "sending" ? "lot.sending" : "lot.checking", { amount: money.text(bid.minor) });
    const parsed = parseAmount(this.price, money.exponent);
    const quantity = this.quantity();
    return "minor" in parsed && quantity !== null ? text("uniform.submit_total", this.params(parsed.minor, quantity)) : text("uniform.submit");
  }

  private readonly submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.blocked()) return;
    const parsed = parseAmount(this.price, money.exponent);
    const quantity = this.quantity();
    this.problems = {
      price: "problem" in parsed ? text(`amount_problem.${parsed.problem}`) : "",
      units: quantity === null ? text("uniform.quantity_problem") : "",
    };
    this.requestUpdate();
    if ("problem" in parsed || quantity === null) {
      this.querySelector<HTMLInputElement>("problem" in parsed ? "#unit-price" : "#units")?.focus();
      return;
    }
    await this.place(parsed.minor, quantity);
  };

  private async place(price: bigint, quantity: number): Promise<void> {
    const limit = budget.peek();
    const params = this.params(price, quantity);
    if (limit !== null && price * BigInt(quantity) > limit) {
      const reasons = (): string[] => [text("lot.confirm_budget", { budget: money.text(limit) })];
      if (!(await askFirst(text("uniform.confirm", params), text("uniform.submit_total", params), reasons))) return;
    }
    this.sent = { price, quantity };
    const raised = this.raised;
    placeBid("now", price, { quantity, all_or_none: this.whole, ...(raised && { bid: raised.bid }) });
    this.startNew();
  }

  private said(): TemplateResult {
    const answer = pending.value === null ? verdict.value : null;
    if (answer === null) return html`<p class="verdict" aria-live="off"></p>`;
    const good = answer.kind === "accepted";
    return html`<p class="verdict ${good ? "accepted" : "refused"}" aria-live="off">${icon(good ? "circle-check" : "circle-alert")}<span>${this.words(answer)}</span></p>`;
  }

  private words(answer: Verdict): string {
    if (answer.kind !== "accepted" || this.sent === null) return verdictText(answer);
    return text("uniform.accepted", { quantity: this.sent.quantity, price: money.text(this.sent.price) });
  }
}

customElements.define("uniform-panel", UniformPanel);
