/** `<lot-confirm>`: the dialog before an unusually high bid. Cancel has the focus, and it asks again when the price has moved. */
import { type ReadonlySignal, signal } from "@preact/signals-core";
import { html, type TemplateResult } from "lit";
import type { Money } from "../money";
import { text } from "../texts";
import { LiveElement } from "./element";
import { link } from "./socket";

const MANY_STEPS = 10n;

/** What has to be known of a lot to ask about a bid on it. */
export interface AskedLot {
  money: Money;
  price: ReadonlySignal<bigint | null>;
  lowest: ReadonlySignal<bigint | null>;
  increment: ReadonlySignal<bigint>;
  isOver: ReadonlySignal<boolean>;
  /** The bidder's own budget for this lot. */
  budget: () => bigint | null;
}

interface Question {
  lot: AskedLot;
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

/** Why a bid of this amount is asked about first; none: it is not. */
export function cautions(lot: AskedLot, minor: bigint): string[] {
  const { money } = lot;
  const base = lot.price.peek() ?? lot.lowest.peek() ?? 0n;
  const found: string[] = [];
  if (minor > base + MANY_STEPS * lot.increment.peek()) found.push(text("lot.confirm_steps", { price: money.text(base) }));
  if (minor > 2n * base) found.push(text("lot.confirm_double", { price: money.text(base) }));
  const limit = lot.budget();
  if (limit !== null && minor > limit) found.push(text("lot.confirm_budget", { budget: money.text(limit) }));
  return found;
}

/** Ask; true only for an explicit yes to the price that stands at that moment. */
export function askAbout(lot: AskedLot, title: string, agree: string, reasons: () => string[]): Promise<boolean> {
  question.peek()?.answer(false);
  return new Promise((answer) => {
    question.value = { lot, title, agree, reasons, seen: lot.price.peek(), moved: false, answer };
  });
}

class LotConfirm extends LiveElement {
  override render(): TemplateResult {
    const asked = question.value;
    const now = asked === null ? null : (asked.lot.price.value ?? asked.lot.lowest.value);
    return html`<dialog aria-labelledby="confirm-title" aria-describedby="confirm-why" @close=${this.closed}>
      <h2 id="confirm-title">${asked?.title}</h2>
      <div id="confirm-why" class="stack tight">
        <p class="confirm-moved notice warning" role="alert" ?hidden=${!asked?.moved}>${text("lot.confirm_moved")}</p>
        <p>${asked === null || now === null ? "" : text("lot.confirm_price", { price: asked.lot.money.text(now) })}</p>
        ${asked?.reasons().map((reason) => html`<p>${reason}</p>`)}
      </div>
      <div class="dialog-actions">
        <button type="button" class="button" data-cancel @click=${() => this.finish(false)}>${text("form.cancel")}</button>
        <button type="button" class="button primary" ?disabled=${link.value !== "live" || asked?.lot.isOver.value === true} @click=${this.agree}>${asked?.agree}</button>
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
    const now = asked.lot.price.peek();
    if (asked.seen === now) this.finish(true);
    else {
      question.value = { ...asked, seen: now, moved: true };
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
