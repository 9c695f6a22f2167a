/** `<reverse-panel>`: price and attributes, the total cost they come to, and the highest price that would stand now. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { link } from "../live/socket";
import { pending, placeBid, type Verdict, verdict } from "../lot/bidding";
import { isOver, state } from "../lot/model";
import { money } from "../lot/page";
import { begun } from "../lot/ticking";
import { verdictText } from "../lot/verdicts";
import { decimalText, parseAmount } from "../money";
import { text } from "../texts";
import { type Fraction, typedDecimal } from "./fractions";
import { type Attribute, bestOf, costOf, costText, highestLegal, nameOf, own, problemOf, rule, unitOf } from "./model";

class ReversePanel extends LiveElement {
  private price = "";
  private typed: Record<string, string> | null = null;
  private problems: Record<string, string> = {};

  override render(): TemplateResult | typeof nothing {
    if (isOver.value) return nothing;
    return html`<h2 class="panel-title">${text("reverse.panel")}</h2>
      <form class="bid-box" novalidate @submit=${this.submit} aria-label=${text("reverse.panel")}>
        ${rule.attributes.map((one) => this.attributeBox(one))}
        ${this.box("price", text("reverse.price"), this.price, this.priceHint(), this.priceChip())}
        <p class="total" role="status"><span>${text("reverse.total")}</span> <output class="n">${this.total()}</output></p>
        <button class="button primary bid-submit" ?disabled=${this.blocked()}>${icon("gavel")}${this.submitWords()}</button>
      </form>${this.said()}`;
  }

  /** The key B. */
  focusBox(): void {
    this.querySelector<HTMLInputElement>("#reverse-price")?.focus();
  }

  /** What is typed beside the price; at first what one bid last. */
  private text(one: Attribute): string {
    return this.typed?.[one.key] ?? own.value?.bid?.attributes[one.key] ?? "";
  }

  private values(): Record<string, Fraction> {
    const read: Record<string, Fraction> = {};
    for (const one of rule.attributes) {
      const value = typedDecimal(this.text(one))?.value;
      if (value !== undefined) read[one.key] = value;
    }
    return read;
  }

  private attributeBox(one: Attribute): TemplateResult {
    const unit = unitOf(one);
    const label = unit ? text("reverse.with_unit", { name: nameOf(one), unit }) : nameOf(one);
    const hint = text(one.floor === null ? "reverse.range" : `reverse.range_floor_${one.better}`, {
      lowest: one.lowest, highest: one.highest, best: bestOf(one), floor: one.floor ?? "",
    });
    return this.box(one.key, label, this.text(one), hint);
  }

  private box(name: string, label: string, value: string, hint: string, extra: TemplateResult | typeof nothing = nothing): TemplateResult {
    const problem = this.problems[name] ?? "";
    const id = `reverse-${name}`;
    return html`<div class="field ${problem ? "has-error" : ""}">
      <label for=${id}>${label}</label>
      <input id=${id} name=${name} type="text" inputmode="decimal" autocomplete="off" class="n" .value=${value} @input=${this.type}
        aria-describedby="${id}-hint ${id}-problem" aria-invalid=${problem ? "true" : "false"} />
      <p class="hint" id="${id}-hint">${hint}</p>${extra}
      <p class="field-error" id="${id}-problem" ?hidden=${!problem}>${icon("circle-alert")}${problem}</p>
    </div>`;
  }

  private isWhole(values: Record<string, Fraction>): boolean {
    return rule.attributes.every((one) => problemOf(one, values[one.key]) === null);
  }

  private highest(): bigint | null {
    const values = this.values();
    return this.isWhole(values) ? highestLegal(values) : null;
  }

  private priceHint(): string {
    return text("reverse.price_hint", { ceiling: money.text(BigInt(rule.start_price_minor)), step: money.text(BigInt(rule.decrement_minor)) });
  }

  private priceChip(): TemplateResult | typeof nothing {
    const highest = this.highest();
    if (highest === null) return nothing;
    return html`<p><button type="button" class="button quiet" @click=${() => this.take(highest)}>${text("reverse.take_highest", { price: money.text(highest) })}</button></p>`;
  }

  private take(price: bigint): void {
    this.price = decimalText(price, money.exponent);
    this.requestUpdate();
  }

  private total(): string {
    const parsed = parseAmount(this.price, money.exponent);
    const values = this.values();
    if (!("minor" in parsed) || Object.keys(values).length < rule.attributes.length) return text("reverse.no_total");
    return costText(costOf(parsed.minor, values));
  }

  private blocked(): boolean {
    return link.value !== "live" || pending.value !== null || state.value.paused_at !== null || !begun.value;
  }

  private submitWords(): string {
    const bid = pending.value;
    if (bid !== null) return text(bid.status === "sending" ? "lot.sending" : "lot.checking", { amount: money.text(bid.minor) });
    const parsed = parseAmount(this.price, money.exponent);
    return "minor" in parsed ? text("reverse.submit_amount", { amount: money.text(parsed.minor) }) : text("reverse.submit");
  }

  private readonly type = (event: InputEvent): void => {
    const box = event.target as HTMLInputElement;
    if (box.name === "price") this.price = box.value;
    else this.typed = { ...Object.fromEntries(rule.attributes.map((one) => [one.key, this.text(one)])), [box.name]: box.value };
    this.problems = {};
    this.requestUpdate();
  };

  private check(): bigint | null {
    const parsed = parseAmount(this.price, money.exponent);
    const values = this.values();
    this.problems = {};
    for (const one of rule.attributes) {
      const problem = problemOf(one, values[one.key]);
      if (problem !== null) this.problems[one.key] = text(`reverse.problem_${problem}`, { lowest: one.lowest, highest: one.highest, floor: one.floor ?? "" });
    }
    if ("problem" in parsed) this.problems["price"] = text(`amount_problem.${parsed.problem}`);
    else if (parsed.minor > BigInt(rule.start_price_minor)) this.problems["price"] = text("reverse.problem_ceiling", { ceiling: money.text(BigInt(rule.start_price_minor)) });
    return "minor" in parsed && Object.keys(this.problems).length === 0 ? parsed.minor : null;
  }

  private readonly submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (this.blocked()) return;
    const price = this.check();
    this.requestUpdate();
    if (price === null) {
      const first = [...rule.attributes.map((one) => one.key), "price"].find((name) => this.problems[name]);
      this.querySelector<HTMLInputElement>(`#reverse-${first}`)?.focus();
      return;
    }
    const attributes = Object.fromEntries(rule.attributes.map((one) => [one.key, typedDecimal(this.text(one))!.text]));
    placeBid("now", price, rule.attributes.length > 0 ? { attributes } : undefined);
  };

  private said(): TemplateResult {
    const answer: Verdict | null = pending.value === null ? verdict.value : null;
    if (answer === null) return html`<p class="verdict" aria-live="off"></p>`;
    const good = answer.kind === "accepted";
    return html`<p class="verdict ${good ? "accepted" : "refused"}" aria-live="off">${icon(good ? "circle-check" : "circle-alert")}<span>${verdictText(answer)}</span></p>`;
  }
}

customElements.define("reverse-panel", ReversePanel);
