/** `<reverse-ranking>`: every supplier's last bid, best first, with how its total cost comes about. */
import { html, nothing, type TemplateResult } from "lit";
import { LiveElement } from "../live/element";
import { you } from "../lot/model";
import { money, page } from "../lot/page";
import { text } from "../texts";
import { decimal, fraction, fromText, times } from "./fractions";
import { type Attribute, costText, isBuyer, nameOf, own, type Ranked, ranking, rule, unitOf, worth } from "./model";

class ReverseRanking extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    const rows = ranking.value;
    this.closest("[data-ranking]")?.toggleAttribute("hidden", rows === null && !isBuyer.value);
    if (rows === null) return isBuyer.value && own.value ? html`<p class="quiet">${text("reverse.buyer_waits")}</p>` : nothing;
    if (rows.length === 0) return html`<p class="quiet">${text("reverse.no_bids")}</p>`;
    return html`<div class="table-scroll" role="group" tabindex="0" aria-label=${text("reverse.ranking")}>
      <table class="figures"><caption class="vh">${text("reverse.ranking")}</caption>
        <thead><tr><th scope="col" class="n">${text("reverse.column_rank")}</th><th scope="col">${text("reverse.column_supplier")}</th>
          <th scope="col" class="n">${text("lot.amount", { currency: page.currency })}</th>
          ${rule.attributes.map((one) => html`<th scope="col" class="n">${nameOf(one)}</th>`)}
          <th scope="col" class="n">${text("reverse.column_cost")}</th><th scope="col" class="n">${text("lot.seq")}</th></tr></thead>
        <tbody>${rows.map((row) => this.row(row))}</tbody>
      </table></div>`;
  }

  private row(row: Ranked): TemplateResult {
    const mine = row.paddle === you.value?.paddle;
    return html`<tr class=${mine ? "own" : ""}>
      <td class="n">${row.rank}</td>
      <td>${text("lot.paddle_number", { paddle: row.paddle })}${mine ? html` <strong>${text("lot.you")}</strong>` : nothing}</td>
      <td class="n">${money.text(BigInt(row.price_minor))}</td>
      ${rule.attributes.map((one) => html`<td class="n">${row.attributes[one.key]} ${unitOf(one)}<br /><span class="quiet small">${this.added(one, row)}</span></td>`)}
      <td class="n"><strong>${costText(fromText(row.cost))}</strong>${row.cost.endsWith("/1") ? nothing : html`<br /><span class="quiet small mono">${row.cost}</span>`}</td>
      <td class="n">${row.seq}</td></tr>`;
  }

  /** What this value adds to the price, in money. */
  private added(one: Attribute, row: Ranked): string {
    const value = worth(one, decimal(row.attributes[one.key]!)!);
    const minor = one.counts === "money" ? value : times(value, fraction(BigInt(row.price_minor)));
    return text("reverse.adds", { amount: costText(minor) });
  }
}

customElements.define("reverse-ranking", ReverseRanking);
