/** What the house answered on this page's lot, as a sentence. */
import type { Verdict } from "../live/bids";
import { verdictWords } from "../live/verdict_words";
import { money, page } from "./page";

export function verdictText(verdict: Verdict): string {
  return verdictWords(verdict, money, page.format);
}
