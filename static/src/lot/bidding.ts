/** The bids of this page's one lot. */
import { Bids, type Kind } from "../live/bids";
import { page } from "./page";

export type { Kind, Pending, Verdict } from "../live/bids";

const bids = new Bids(page.lot);

export const pending = bids.pending;
export const verdict = bids.verdict;

export function placeBid(kind: Kind, minor: bigint, details?: Record<string, unknown>): void {
  bids.place(kind, minor, details);
}
