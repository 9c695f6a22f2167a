/** Asking before an unusually high bid on this page's lot. */
import type { Kind } from "../live/bids";
import { askAbout, type AskedLot, cautions } from "../live/confirming";
import { text } from "../texts";
import { budget } from "./budget";
import { increment, isOver, lowest, price } from "./model";
import { money } from "./page";

const lot: AskedLot = { money, price, lowest, increment, isOver, budget: () => budget.peek() };

/** Whether a bid of this amount is asked about first. */
export function needsConfirming(minor: bigint): boolean {
  return cautions(lot, minor).length > 0;
}

/** Ask; true only for an explicit yes to the price that stands at that moment. */
export function confirmBid(kind: Kind, minor: bigint): Promise<boolean> {
  const words = text(`lot.confirm_${kind}`, { amount: money.text(minor) });
  return askFirst(words, words, () => cautions(lot, minor));
}

/** Ask a question of a format's own; the same holds. */
export function askFirst(title: string, agree: string, reasons: () => string[]): Promise<boolean> {
  return askAbout(lot, title, agree, reasons);
}
