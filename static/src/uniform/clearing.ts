/** `<uniform-clearing>`: after the close, the whole book in its order with what each bid got and why, and the two curves. */
import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from "lit";
import { LiveElement } from "../live/element";
import { you } from "../lot/model";
import { money, page } from "../lot/page";
import { text } from "../texts";
import { type Clearing, type Row, sale } from "./model";

const WIDTH = 320;
const HEIGHT = 150;

class UniformClearing extends LiveElement {
  override render(): TemplateResult | typeof nothing {
    const clearing = sale.value.clearing;
    this.closest("[data-clearing]")?.toggleAttribute("hidden", clearing === undefined);
    if (clearing === undefined) return nothing;
    return html`<p>${foundation(clearing)}</p>${clearing.book.length === 0 ? nothing : this.curve(clearing)} ${this.table(clearing)}`;
  }

  private table(clearing: Clearing): TemplateResult {
    return html`<div class="table-scroll" role="group" tabindex="0" aria-label=${text("uniform.clearing")}>
      <table class="figures"><caption class="vh">${text("uniform.clearing")}</caption>
        <thead><tr><th scope="col">${text("lot.paddle")}</th><th scope="col" class="n">${text("lot.amount", { currency: page.currency })}</th>
          <th scope="col" class="n">${text("uniform.asked")}</th><th scope="col" class="n">${text("uniform.got")}</th>
          <th scope="col">${text("uniform.why")}</th><th scope="col" class="n">${text("lot.seq")}</th></tr></thead>
        <tbody>${clearing.book.map((row) => this.row(row))}</tbody>
      </table></div>`;
  }

  private row(row: Row): TemplateResult {
    const own = row.paddle === you.value?.paddle;
    return html`<tr class=${own ? "own" : ""}>
      <td>${text("lot.paddle_number", { paddle: row.paddle })}${own ? html` <strong>${text("lot.you")}</strong>` : nothing}</td>
      <td class="n">${money.text(BigInt(row.price_minor))}</td>
      <td class="n">${row.quantity}${row.all_or_none ? html` <span class="quiet small">${text("uniform.all_or_none")}</span>` : nothing}</td>
      <td class="n">${row.filled}</td><td>${text(`uniform.why_${row.why}`)}</td><td class="n">${row.seq}</td></tr>`;
  }

  /** Demand as steps from the highest price down, the supply as a line, the price as another. Places on the screen only. */
  private curve(clearing: Clearing): TemplateResult {
    const prices = clearing.book.map((row) => Number(row.price_minor));
    const top = Math.max(...prices);
    const low = Math.min(...prices, Number(clearing.floor_minor));
    const asked = clearing.book.reduce((sum, row) => sum + row.quantity, 0);
    const across = Math.max(asked, clearing.quantity);
    const x = (units: number): number => 2 + (units / across) * (WIDTH - 4);
    const y = (price: number): number => 8 + (top === low ? 0.5 : (top - price) / (top - low)) * (HEIGHT - 24);
    let units = 0;
    const demand = clearing.book.map((row) => {
      const step = `H${x(units)}V${y(Number(row.price_minor))}H${x(units + row.quantity)}`;
      units += row.quantity;
      return step;
    });
    return html`<figure class="curve"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${text("uniform.curve")}>
        <path class="curve-supply" d="M${x(clearing.quantity)} 0V${HEIGHT - 8}"></path>
        <path class="curve-demand" d="M${x(0)} ${y(top)}${demand.join("")}V${HEIGHT - 8}"></path>
        ${priceLine(clearing, y)}
      </svg>
      <figcaption class="quiet small"><span class="curve-key demand">${text("uniform.curve_demand")}</span> <span class="curve-key supply">${text("uniform.curve_supply")}</span>${clearing.price_minor === null
        ? nothing
        : html` <span class="curve-key price">${text("uniform.unit_price")} ${money.text(BigInt(clearing.price_minor))}</span>`}</figcaption></figure>`;
  }
}

function priceLine(clearing: Clearing, y: (price: number) => number): SVGTemplateResult | typeof nothing {
  if (clearing.price_minor === null) return nothing;
  const at = y(Number(clearing.price_minor));
  return svg`<path class="curve-price" d="M0 ${at}H${WIDTH}"></path>`;
}

function foundation(clearing: Clearing): string {
  const floor = money.text(BigInt(clearing.floor_minor));
  if (clearing.price_minor === null) return text("uniform.no_fills", { floor });
  if (clearing.set_by === null) return text("uniform.set_by_floor", { floor });
  return text("uniform.set_by_bid", { price: money.text(BigInt(clearing.price_minor)), seq: clearing.set_by, floor });
}

customElements.define("uniform-clearing", UniformClearing);
