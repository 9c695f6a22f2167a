/** `<reverse-place>`: one's own rank or the leading cost, whichever is shown. `<reverse-result>`: what came of it. */
import { html, nothing, type TemplateResult } from "lit";
import { icon, LiveElement } from "../live/element";
import { isOver, leading, price, state, you } from "../lot/model";
import { money, page, spoken } from "../lot/page";
import { text } from "../texts";
import { fromText } from "./fractions";
import { ceiling, costText, isBuyer, own, rule } from "./model";

class ReversePlace extends LiveElement {
  override render(): TemplateResult {
    const [label, figure, note] = this.words();
    return html`<p class="glance-label">${label}</p>
      <p class="price-figure">${figure}</p>
      <p class="glance-note">${note}</p>`;
  }

  private words(): [string, string, string] {
    const top = text("reverse.ceiling_is", { ceiling: money.text(ceiling) });
    if (isOver.value && price.value !== null) {
      const key = state.value.outcome === "sold" ? "reverse.award_price" : "reverse.best_price";
      return [text("lot.joined", { first: text(key), second: page.currency }), money.text(price.value), top];
    }
    const mine = own.value;
    if (isBuyer.value && mine?.ranking !== undefined) return this.buyersWords(mine.bids ?? 0, mine.ranking[0]?.cost, top);
    if (mine !== null && "bid" in mine) return this.suppliersWords(top);
    return [text("lot.joined", { first: text("reverse.ceiling"), second: page.currency }), money.text(ceiling), text("reverse.hidden_note")];
  }

  private buyersWords(bids: number, best: string | undefined, top: string): [string, string, string] {
    const count = text(bids === 1 ? "reverse.bids_one" : "reverse.bids_other", { count: bids });
    const figure = best === undefined ? text("reverse.none_yet") : costText(fromText(best));
    return [text("reverse.best_cost"), figure, text("lot.joined", { first: count, second: top })];
  }

  private suppliersWords(top: string): [string, string, string] {
    const mine = own.value!;
    const cost = mine.bid ? text("reverse.own_cost", { cost: costText(fromText(mine.bid.cost)) }) : text("reverse.not_bid");
    const lead = mine.lead_cost ? costText(fromText(mine.lead_cost)) : text("reverse.none_yet");
    if (rule.visibility === "lead_only") return [text("reverse.lead_cost"), lead, text("lot.joined", { first: cost, second: top })];
    const rank = mine.rank ? text("reverse.rank", { rank: mine.rank }) : text("reverse.no_rank");
    const also = rule.visibility === "rank_only" ? top : text("reverse.lead_cost_is", { cost: lead });
    return [text("reverse.your_rank"), rank, text("lot.joined", { first: cost, second: also })];
  }
}

class ReverseResult extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    const outcome = state.value.outcome;
    if (outcome === null) return nothing;
    const sold = outcome === "sold";
    const title = spoken(`result_${outcome}`, { price: price.value === null ? "" : money.text(price.value) });
    const next = !sold ? `next_${outcome}` : leading.value ? "next_won" : isBuyer.value ? "next_buyer" : "next_sold";
    return html`<div class="result">
      <p class="result-title">${icon(sold ? "gavel" : "info")}${title}</p>
      <p>${spoken(next)}</p>
      ${sold && (leading.value || isBuyer.value) && page.deals !== null
        ? html`<p class="cluster"><a class="button primary" href=${page.deals}>${icon("handshake")}${text("lot.to_deal")}</a></p>`
        : nothing}
      ${you.value !== null && you.value.paddle > 0 ? html`<p class="quiet small">${text("lot.your_paddle", { paddle: you.value.paddle })}</p>` : nothing}
      <p class="quiet small">${text("lot.log_head", { seq: state.value.seq })} <span class="mono">${state.value.head.slice(0, 16)}</span></p>
    </div>`;
  }
}

customElements.define("reverse-place", ReversePlace);
customElements.define("reverse-result", ReverseResult);
