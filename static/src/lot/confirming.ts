/** The dialog before an unusually high bid: Cancel has the focus, and it asks again when the price has moved. */
import { signal } from "@preact/signals-core";
import { html, type TemplateResult } from "lit";
import { LiveElement } from "../live/element";
import { link } from "../live/socket";
import { text } from "../texts";
import type { Kind } from "./bidding";
import { budget } from "./budget";
import { increment, isOver, lowest, price } from "./model";
import { money } from "./page";

const MANY_STEPS = 10n;

interface Question {
  title: string;
  agree: string;
  /** Written anew when the price has moved. */
  reasons: () => string[];
  /** The price that the person has seen; another one asks again. */
  seen: bigint | null;
  moved: boolean;
  answer: (agreed: boolean) => void;
}

const question = signal<Question | null>(null);

function reasons(minor: bigint): string[] {
  const base = price.peek() ?? lowest.peek() ?? 0n;
  const found: string[] = [];
  if (minor > base + MANY_STEPS * increment.peek()) found.push(text("lot.confirm_steps", { price: money.text(base) }));
  if (minor > 2n * base) found.push(text("lot.confirm_double", { price: money.text(base) }));
  const limit = budget.peek();
  if (limit !== null && minor > limit) found.push(text("lot.confirm_budget", { budget: money.text(limit) }));
  return found;
}

/** Whether a bid of this amount is asked about first. */
export function needsConfirming(minor: bigint): boolean {
  return reasons(minor).length > 0;
}

/** Ask; true only for an explicit yes to the price that stands at that moment. */
export function confirmBid(kind: Kind, minor: bigint): Promise<boolean> {
  const words = text(`lot.confirm_${kind}`, { amount: money.text(minor) });
  return askFirst(words, words, () => reasons(minor));
}

/** Ask a question of a format's own; the same holds. */
export function askFirst(title: string, agree: string, reasons: () => string[]): Promise<boolean> {
  return new Promise((answer) => {
    question.value = { title, agree, reasons, seen: price.peek(), moved: false, answer };
  });
}

class LotConfirm extends LiveElement {
  override render(): TemplateResult {
    const asked = question.value;
    const now = price.value ?? lowest.value;
    return html`<dialog aria-labelledby="confirm-title" aria-describedby="confirm-why" @close=${this.closed}>
      <h2 id="confirm-title">${asked?.title}</h2>
      <div id="confirm-why" class="stack tight">
        <p class="confirm-moved notice warning" role="alert" ?hidden=${!asked?.moved}>${text("lot.confirm_moved")}</p>
        <p>${now === null ? "" : text("lot.confirm_price", { price: money.text(now) })}</p>
        ${asked?.reasons().map((reason) => html`<p>${reason}</p>`)}
      </div>
      <div class="dialog-actions">
        <button type="button" class="button" autofocus data-cancel @click=${() => this.finish(false)}>${text("form.cancel")}</button>
        <button type="button" class="button primary" ?disabled=${link.value !== "live" || isOver.value} @click=${this.agree}>${asked?.agree}</button>
      </div>
    </dialog>`;
  }

  protected override updated(): void {
    const dialog = this.querySelector("dialog");
    if (dialog === null || question.peek() === null || dialog.open) return;
    dialog.showModal();
    this.querySelector<HTMLElement>("[data-cancel]")?.focus();
  }

  private readonly agree = (): void => {
    const asked = question.peek();
    if (asked === null) return;
    if (asked.seen === price.peek()) this.finish(true);
    else {
      question.value = { ...asked, seen: price.peek(), moved: true };
      this.querySelector<HTMLElement>("[data-cancel]")?.focus();
    }
  };

  private readonly closed = (): void => this.finish(false);

  private finish(agreed: boolean): void {
    const asked = question.peek();
    question.value = null;
    this.querySelector("dialog")?.close();
    asked?.answer(agreed);
  }
}

customElements.define("lot-confirm", LotConfirm);
