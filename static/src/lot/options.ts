/** `<lot-options>`: the buttons to buy the lot at once and to match the price by right of priority, each asked about first. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { link } from "../live/socket";
import { fromWire } from "../money";
import { counted, text } from "../texts";
import { pending, placeBid } from "./bidding";
import { isOver, leading, price, state, you } from "./model";
import { money } from "./page";
import { begun } from "./ticking";

type Act = "buy_now" | "match";

interface Question {
  act: Act;
  /** The sum that the person has seen and agrees to. */
  minor: bigint;
}

class LotOptions extends LiveElement {
  private asked: Question | null = null;

  override render(): TemplateResult | typeof nothing {
    if (isOver.value) return nothing;
    const buyNow = fromWire(state.value.detail?.["buy_now_minor"] as string | null | undefined);
    const retractions = Number(state.value.detail?.["retractions"] ?? 0);
    return html`${this.choice("buy_now", buyNow, text("english.buy_now_hint"))} ${this.match()}
      ${retractions > 0 ? html`<p class="hint">${counted("english.retractions", retractions)}</p>` : nothing} ${this.dialog()}`;
  }

  protected override updated(): void {
    const dialog = this.querySelector("dialog");
    if (dialog === null || this.asked === null || dialog.open) return;
    dialog.showModal();
    this.querySelector<HTMLElement>("[data-cancel]")?.focus();
  }

  /** Whoever holds a right of priority and does not lead may bid the price itself. */
  private match(): TemplateResult | typeof nothing {
    const rank = you.value?.priority_rank ?? null;
    if (rank === null || leading.value) return nothing;
    return this.choice("match", price.value, text("english.match_hint", { rank }));
  }

  private choice(act: Act, minor: bigint | null, hint: string): TemplateResult | typeof nothing {
    if (minor === null) return nothing;
    return html`<div class="lot-option">
      <button type="button" class="button" ?disabled=${this.blocked()} @click=${() => this.ask({ act, minor })}>
        ${icon(act === "match" ? "shield-check" : "gavel")}${text(`english.${act}`, { price: money.text(minor) })}</button>
      <p class="hint">${hint}</p>
    </div>`;
  }

  private dialog(): TemplateResult | typeof nothing {
    const { asked } = this;
    if (asked === null) return nothing;
    const sum = { price: money.text(asked.minor) };
    return html`<dialog aria-labelledby="option-title" aria-describedby="option-why" @close=${this.cancel}>
      <h2 id="option-title">${text(`english.${asked.act}_question`, sum)}</h2>
      <p id="option-why">${text(`english.${asked.act}_explained`, sum)}</p>
      <div class="dialog-actions">
        <button type="button" class="button" autofocus data-cancel @click=${this.cancel}>${text("form.cancel")}</button>
        <button type="button" class="button primary" data-agree ?disabled=${this.blocked()} @click=${this.agree}>${text(`english.${asked.act}`, sum)}</button>
      </div>
    </dialog>`;
  }

  private blocked(): boolean {
    return link.value !== "live" || pending.value !== null || state.value.paused_at !== null || !begun.value;
  }

  private ask(question: Question): void {
    this.asked = question;
    this.requestUpdate();
  }

  private readonly cancel = (): void => {
    this.asked = null;
    this.requestUpdate();
  };

  /** Exactly the sum that was shown goes out: a price that has moved meanwhile is refused by the house, not raised here. */
  private readonly agree = (): void => {
    const { asked } = this;
    this.cancel();
    if (asked === null || this.blocked()) return;
    placeBid("now", asked.minor, asked.act === "buy_now" ? { buy_now: true } : undefined);
  };
}

customElements.define("lot-options", LotOptions);
