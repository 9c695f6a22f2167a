/** What the server said when it wrote the page: read once, never changed. */
import type { HistoryRow, State, You } from "../live/protocol";
import { spokenOf } from "../live/verdict_words";
import { Money } from "../money";

export interface PageData {
  lot: number;
  format: string;
  title: string;
  currency: string;
  exponent: number;
  state: State;
  you: You | null;
  history: HistoryRow[];
  extension_seconds: number | null;
  /** The viewer's next step towards bidding with what his wallet holds, and whether somebody else has to take it. */
  stands: string;
  waiting: boolean;
  confirmation: string | null;
  deals: string | null;
}

const source = document.getElementById("lot-data");

export const page = JSON.parse(source?.textContent ?? "null") as PageData;
/** A sentence of the live page, in the words of the lot's format where it has its own. */
export function spoken(name: string, params: Record<string, string | number> = {}): string {
  return spokenOf(page.format, name, params);
}

export const lang = document.documentElement.lang;
export const money = new Money(lang, page.currency, page.exponent);
