/** `<dutch-panel>`: one large button that sends the price it shows. */
import { html, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { link } from "../live/socket";
import { pending, placeBid, type Verdict, verdict } from "../lot/bidding";
import { askFirst } from "../lot/confirming";
import { budget } from "../lot/budget";
import { isOver, price, state } from "../lot/model";
import { money } from "../lot/page";
import { begun } from "../lot/ticking";
import { verdictText } from "../lot/verdicts";
import { text } from "../texts";
import { falling } from "./falling";

class DutchPanel extends LiveElement {
  override render(): TemplateResult {
    if (isOver.value || price.value !== null) return html`${this.said()}`;
    const bid = pending.value;
    const words = bid === null ? text("dutch.press", { price: money.text(falling.value) })
      : text(bid.status === "sending" ? "lot.sending" : "lot.checking", { amount: money.text(bid.minor) });
    return html`<button type="button" class="button primary press" ?disabled=${this.blocked()} @click=${this.press}>
        ${icon("hand")}<span class="press-words">${words}</span></button>
      <p class="hint">${text(begun.value ? "dutch.press_hint" : "dutch.press_waiting")}</p>${this.said()}`;
  }

  /** The key B brings the focus here; Enter and space press. */
  focusBox(): void {
    this.querySelector<HTMLElement>("button.press")?.focus();
  }

  private blocked(): boolean {
    return link.value !== "live" || pending.value !== null || state.value.paused_at !== null || !begun.value;
  }

  private readonly press = async (): Promise<void> => {
    if (this.blocked()) return;
    // The price of the press: while it is being asked about, the price only falls, and the house charges the lower one.
    const seen = falling.peek();
    const limit = budget.peek();
    if (limit !== null && seen > limit) {
      const reasons = (): string[] => [text("lot.confirm_budget", { budget: money.text(limit) })];
      if (!(await askFirst(text("dutch.confirm", { price: money.text(seen) }), text("dutch.press", { price: money.text(seen) }), reasons))) return;
    }
    placeBid("now", seen);
  };

  private said(): TemplateResult {
    const answer = pending.value === null ? verdict.value : null;
    if (answer === null) return html`<p class="verdict" aria-live="off"></p>`;
    const good = answer.kind === "accepted";
    return html`<p class="verdict ${good ? "accepted" : "refused"}" aria-live="off">${icon(good ? "circle-check" : "circle-alert")}<span>${words(answer)}</span></p>`;
  }
}

function words(answer: Verdict): string {
  if (answer.kind !== "accepted") return verdictText(answer);
  const paid = money.text(answer.priceMinor);
  if (answer.priceMinor === answer.bid.minor) return text("dutch.pressed", { price: paid });
  return text("dutch.pressed_lower", { price: paid, seen: money.text(answer.bid.minor) });
}

customElements.define("dutch-panel", DutchPanel);
