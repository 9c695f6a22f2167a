/** `<sealed-bids>`: after the opening, every bid by paddle, and how the price follows from them. */
import { html, nothing, type TemplateResult } from "lit";
import { LiveElement } from "./live/element";
import { isOver, price, state, you } from "./lot/model";
import { money, page } from "./lot/page";
import { type Opened, sale, type Sale, type Voided } from "./sealed_glance";
import { text } from "./texts";

class SealedBids extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    this.closest("[data-opened]")?.toggleAttribute("hidden", !isOver.value);
    if (!isOver.value) return nothing;
    const found = sale.value.unsealed;
    return html`<p>${reason(found)}</p>${found === null ? nothing : this.table(found)}`;
  }

  private table(found: NonNullable<Sale["unsealed"]>): TemplateResult {
    return html`<div class="table-scroll" role="group" tabindex="0" aria-label=${text("sealed.bids_title")}>
        <table class="figures">
          <caption class="vh">${text("sealed.bids_title")}</caption>
          <thead><tr>
            <th scope="col" class="n">${text("sealed.column_rank")}</th>
            <th scope="col">${text("lot.paddle")}</th>
            <th scope="col" class="n">${text("lot.amount", { currency: page.currency })}</th>
            <th scope="col">${text("sealed.column_counts")}</th>
            <th scope="col" class="n">${text("lot.seq")}</th>
          </tr></thead>
          <tbody>${found.bids.map((bid, place) => this.row(bid, String(place + 1), text("sealed.counts")))}
            ${found.voids.map((bid) => this.row(bid, "", text(`sealed_void.${bid.reason}`)))}</tbody>
        </table>
      </div>
      ${found.reserve_minor === null ? nothing : html`<p>${text("sealed.reserve_was", { reserve: money.text(BigInt(found.reserve_minor)) })}</p>`}
      <p class="quiet small">${text("sealed.proof")}</p>`;
  }

  private row(bid: Opened | Voided, rank: string, counts: string): TemplateResult {
    const own = bid.paddle === you.value?.paddle;
    return html`<tr class=${own ? "own" : ""}>
      <td class="n">${rank}</td>
      <td>${text("lot.paddle_number", { paddle: bid.paddle })}${own ? html` <strong>${text("sealed.you")}</strong>` : nothing}</td>
      <td class="n">${bid.amount_minor === undefined ? "" : money.text(BigInt(bid.amount_minor))}</td>
      <td>${counts}</td><td class="n">${bid.seq}</td></tr>`;
  }
}

/** Why this is the price, or why there is none. */
function reason(found: Sale["unsealed"]): string {
  if (state.value.outcome === "void") return text("sealed.why_void");
  if (sale.value.price_from !== null && price.value !== null) {
    return text(`sealed.why_${sale.value.price_from}`, { price: money.text(price.value) });
  }
  if (found === null || found.bids.length === 0) return text("sealed.why_none");
  return text("sealed.why_unsold", { reserve: money.text(BigInt(found.reserve_minor ?? 0)) });
}

customElements.define("sealed-bids", SealedBids);
