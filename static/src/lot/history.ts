/** `<lot-history>`: the public log by paddle, newest first. */
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { icon, LiveElement } from "../live/element";
import type { HistoryLine, HistoryRow } from "../live/protocol";
import { hasText, text } from "../texts";
import { timeText } from "../times";
import { history, you } from "./model";
import { money, page } from "./page";

const SHOWN_AT_FIRST = 10;

interface Row {
  key: string;
  at: string;
  seq: number;
  line: HistoryLine | null;
  kind: string;
  detail: HistoryRow["detail"];
}

/** The log as table rows, newest first; an event with two lines is two rows, the standing one on top. */
export function rowsOf(events: readonly HistoryRow[]): Row[] {
  return events
    .flatMap(({ seq, at, kind, lines, detail }) =>
      (lines.length === 0 ? [null] : lines).map((line, n): Row => ({ key: `${seq}-${n}`, at, seq, kind, line, detail })),
    )
    .reverse();
}

/** What an event without lines was; of a bid taken back also whose and why. */
function eventText(row: Row): string {
  const retracted = `english.retracted_${String(row.detail?.["reason"])}`;
  if (row.kind === "retracted" && hasText(retracted)) return text(retracted, { paddle: Number(row.detail?.["paddle"]) });
  const key = `lot.event_${row.kind}`;
  return hasText(key) ? text(key) : row.kind;
}

class LotHistory extends LiveElement {
  private all = false;

  override render(): TemplateResult {
    const rows = rowsOf(history.value);
    const shown = this.all ? rows : rows.slice(0, SHOWN_AT_FIRST);
    return html`<div class="table-scroll" role="group" tabindex="0" aria-label=${text("lot.history")}>
        <table class="figures history">
          <caption class="vh">${text("lot.history")}</caption>
          <thead><tr>
            <th scope="col">${text("lot.paddle")}</th>
            <th scope="col" class="n">${text("lot.amount", { currency: page.currency })}</th>
            <th scope="col" class="n">${text("lot.time")}</th>
            <th scope="col" class="n">${text("lot.seq")}</th>
          </tr></thead>
          <tbody>${repeat(shown, (row) => row.key, (row) => this.row(row))}</tbody>
        </table>
      </div>
      ${rows.length > SHOWN_AT_FIRST
        ? html`<p><button type="button" class="button quiet" aria-expanded=${this.all} @click=${this.toggle}>
            ${icon(this.all ? "chevron-up" : "chevron-down")}${this.all ? text("lot.show_fewer") : text("lot.show_all", { count: rows.length })}</button></p>`
        : nothing}`;
  }

  private row(row: Row): TemplateResult {
    const at = timeText(new Date(row.at), "clock");
    if (row.line === null) {
      return html`<tr class="event"><td colspan="2">${eventText(row)}</td>
        <td class="n"><time datetime=${row.at}>${at}</time></td><td class="n">${row.seq}</td></tr>`;
    }
    const own = row.line.paddle === you.value?.paddle;
    return html`<tr class=${own ? "own" : ""}>
      <td>${text("lot.paddle_number", { paddle: row.line.paddle })}${own ? html` <strong>${text("lot.you")}</strong>` : nothing}${row.line.automatic
        ? html` <span class="quiet small">${text("lot.automatic")}</span>`
        : nothing}</td>
      <td class="n">${money.text(BigInt(row.line.amount_minor))}</td>
      <td class="n"><time datetime=${row.at}>${at}</time></td><td class="n">${row.seq}</td></tr>`;
  }

  private readonly toggle = (): void => {
    this.all = !this.all;
    this.requestUpdate();
  };
}

customElements.define("lot-history", LotHistory);
