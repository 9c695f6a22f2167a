/** `<sealed-panel>`: a sum is checked, sealed in this browser and sent; then its receipt, with replacing and withdrawing. */
import { signal } from "@preact/signals-core";
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "./live/element";
import { link, listen } from "./live/socket";
import { pending, placeBid, verdict } from "./lot/bidding";
import { increment, isOver, lowest, state, you } from "./lot/model";
import { money, page } from "./lot/page";
import { begun, endsAt, left } from "./lot/ticking";
import { decimalText, parseAmount } from "./money";
import { canSeal, sealBid } from "./sealed_crypto";
import { sale } from "./sealed_glance";
import { download, keep, type Kept, keptBid } from "./sealed_receipt";
import { text } from "./texts";
import { timeText } from "./times";

interface Own {
  received_at: string | null;
  commitment: string | null;
  left: number;
}

const own = signal<Own>((page.you?.detail as unknown as Own | undefined) ?? { received_at: null, commitment: null, left: 0 });
const question = signal<{ kind: "bid"; minor: bigint } | { kind: "withdraw" } | null>(null);
const fault = signal("");
let sealing: Kept | null = null;

listen((message) => {
  if (message.type === "subscribed" && message.lot === page.lot && message.you?.detail) own.value = message.you.detail as unknown as Own;
  if (message.type !== "accepted" || message.lot !== page.lot) return;
  if (sealing === null) own.value = { ...own.peek(), received_at: null, commitment: null };
  else {
    keep({ ...sealing, received_at: message.at });
    own.value = { received_at: message.at, commitment: sealing.commitment, left: own.peek().left - 1 };
  }
});

class SealedPanel extends LiveElement {
  private typed = "";
  private problem = "";

  override render(): TemplateResult | typeof nothing {
    if (isOver.value) return this.receipt();
    return html`${this.receipt()} ${takesBids() ? this.form() : nothing} ${this.said()} ${this.dialog()}`;
  }

  private receipt(): TemplateResult {
    const { received_at, commitment } = own.value;
    if (received_at === null || commitment === null) return html`<p class="quiet" data-receipt>${text("sealed.none_yet")}</p>`;
    const kept = keptBid(you.value?.paddle ?? 0, commitment);
    return html`<div class="sealed-receipt" data-receipt>
      <p class="result-title">${icon("shield-check")}${text("sealed.received", { time: timeText(new Date(received_at), "second") })}</p>
      <dl class="facts">
        <div><dt>${text("sealed.commitment")}</dt><dd class="mono">${commitment}</dd></div>
      </dl>
      ${kept === undefined
        ? html`<p>${text("sealed.own_unknown")}</p>`
        : html`<p>${text("sealed.own_amount", { amount: money.text(BigInt(kept.amount_minor)) })}</p>
            <p><button type="button" class="button" @click=${() => download(kept)}>${icon("download")}${text("sealed.receipt")}</button></p>
            <p class="hint">${text("sealed.receipt_hint")}</p>`}
    </div>`;
  }

  private form(): TemplateResult {
    if (!canSeal) return html`<p class="notice warning" role="alert">${icon("triangle-alert")}${text("sealed.no_crypto")}</p>`;
    const stands = own.value.commitment !== null;
    const blocked = this.blocked();
    return html`<form class="bid-box" novalidate @submit=${this.submit}>
      <div class="field ${this.problem ? "has-error" : ""}">
        <label for="sealed-sum">${text("sealed.your_bid", { currency: page.currency })}</label>
        <input id="sealed-sum" name="sum" type="text" inputmode="decimal" autocomplete="off" class="n" .value=${this.typed} @input=${this.type}
          aria-describedby="sealed-hint sealed-problem" aria-invalid=${this.problem ? "true" : "false"} />
        <p class="hint" id="sealed-hint">${text("sealed.below_start", { start: money.text(lowest.value ?? 0n) })} ${text("sealed.left", { count: own.value.left })}</p>
        <p class="field-error" id="sealed-problem" ?hidden=${!this.problem}>${icon("circle-alert")}${this.problem}</p>
      </div>
      <button class="button primary bid-submit" ?disabled=${blocked}>${icon("lock")}${pending.value === null ? text(stands ? "sealed.replace" : "sealed.seal") : text("sealed.sending")}</button>
      ${stands ? html`<button type="button" class="button quiet" data-withdraw ?disabled=${blocked} @click=${() => (question.value = { kind: "withdraw" })}>${icon("rotate-ccw")}${text("sealed.withdraw")}</button>` : nothing}
    </form>`;
  }

  private blocked(): boolean {
    return link.value !== "live" || pending.value !== null || state.value.paused_at !== null;
  }

  private readonly type = (event: InputEvent): void => {
    this.typed = (event.target as HTMLInputElement).value;
    this.problem = "";
    this.requestUpdate();
  };

  private readonly submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (this.blocked()) return;
    const parsed = parseAmount(this.typed, money.exponent);
    this.problem = "problem" in parsed ? text(`amount_problem.${parsed.problem}`) : unfit(parsed.minor);
    this.requestUpdate();
    if ("problem" in parsed || this.problem) this.querySelector<HTMLInputElement>("#sealed-sum")?.focus();
    else question.value = { kind: "bid", minor: parsed.minor };
  };

  private dialog(): TemplateResult {
    const asked = question.value;
    const sum = asked?.kind === "bid" ? money.text(asked.minor) : "";
    const words = asked?.kind === "withdraw"
      ? text("sealed.withdraw_question")
      : text("sealed.check_question", { amount: sum, ends: timeText(new Date(endsAt.value), "second") });
    return html`<dialog aria-labelledby="sealed-question" @close=${() => (question.value = null)}>
      <h2 id="sealed-question">${words}</h2>
      <div class="dialog-actions">
        <button type="button" class="button" autofocus data-cancel @click=${() => (question.value = null)}>${text("form.cancel")}</button>
        <button type="button" class="button primary" data-agree ?disabled=${this.blocked()} @click=${this.agree}>${asked?.kind === "withdraw" ? text("sealed.withdraw") : text("sealed.confirm", { amount: sum })}</button>
      </div>
    </dialog>`;
  }

  protected override updated(): void {
    const dialog = this.querySelector("dialog");
    if (dialog === null || dialog.open === (question.peek() !== null)) return;
    if (question.peek() === null) dialog.close();
    else dialog.showModal();
  }

  private readonly agree = (): void => {
    const asked = question.peek();
    question.value = null;
    fault.value = "";
    if (asked === null || this.blocked()) return;
    if (asked.kind === "bid") void this.seal(asked.minor);
    else {
      sealing = null;
      placeBid("now", 0n, { withdraw: true });
    }
  };

  private async seal(minor: bigint): Promise<void> {
    const paddle = you.peek()?.paddle ?? 0;
    try {
      const made = await sealBid(sale.peek().public_key, page.lot, paddle, minor);
      sealing = { lot: page.lot, paddle, currency: page.currency, amount_minor: minor.toString(), nonce: made.nonce, commitment: made.commitment };
      keep(sealing);
      placeBid("now", 0n, { ciphertext: made.ciphertext, commitment: made.commitment });
      this.typed = "";
      this.requestUpdate();
    } catch (error) {
      fault.value = text("sealed.failed", { reason: String(error) });
    }
  }

  private said(): TemplateResult {
    const words = this.words();
    if (words === null) return html`<p class="verdict" role="status"></p>`;
    const good = pending.value !== null || verdict.value?.kind === "accepted";
    return html`<p class="verdict ${good ? "accepted" : "refused"}" role="status">${icon(good ? "circle-check" : "circle-alert")}<span>${words}</span></p>`;
  }

  private words(): string | null {
    if (fault.value) return fault.value;
    if (link.value !== "live") return text("sealed.offline");
    if (pending.value !== null) return text(pending.value.status === "sending" ? "sealed.sending" : "sealed.not_answered");
    const answer = verdict.value;
    if (answer === null) return null;
    if (answer.kind === "refused") return text(`refusal.${answer.code}`);
    if (answer.kind !== "accepted") return text("sealed.not_sent");
    const { received_at } = own.value;
    return received_at === null ? text("sealed.withdrawn") : text("sealed.received", { time: timeText(new Date(received_at), "second") });
  }
}

/** Whether sealed bids are taken now, as far as this page knows; the house decides by its own clock. */
function takesBids(): boolean {
  return begun.value && state.value.phase === "timed" && left.value > 0;
}

/** Why this sum would be void at the opening. The house cannot say so before: it does not see the sum. */
function unfit(minor: bigint): string {
  const start = lowest.peek() ?? 0n;
  const step = increment.peek();
  if (minor < start) return text("sealed.below_start", { start: money.text(start) });
  if (step === 0n || (minor - start) % step === 0n) return "";
  const near = minor - ((minor - start) % step);
  return text("sealed.off_grid", { start: money.text(start), step: money.text(step), near: decimalText(near, money.exponent) });
}

customElements.define("sealed-panel", SealedPanel);
