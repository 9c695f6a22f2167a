/** One's own sealed bids as only this device knows them: the sum and the nonce never leave it but as a file for the bidder. */
import { page } from "./lot/page";

export interface Kept {
  lot: number;
  paddle: number;
  currency: string;
  amount_minor: string;
  nonce: string;
  commitment: string;
  received_at?: string;
}

const MOST_KEPT = 50;

function place(paddle: number): string {
  return `gavelhouse.sealed.${page.lot}.${paddle}`;
}

function read(paddle: number): Kept[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(place(paddle)) ?? "[]");
    return Array.isArray(found) ? (found as Kept[]) : [];
  } catch {
    // A browser that keeps nothing, or a page that another program wrote to: the sum is then not shown.
    return [];
  }
}

/** Keep a bid before it is sent, or write what the house answered beside it. */
export function keep(bid: Kept): void {
  const others = read(bid.paddle).filter((one) => one.commitment !== bid.commitment);
  try {
    localStorage.setItem(place(bid.paddle), JSON.stringify([...others, bid].slice(-MOST_KEPT)));
  } catch {
    // Nothing can be kept here; the bid itself does not depend on it.
  }
}

/** The kept bid of this commitment, if it was sealed on this device. */
export function keptBid(paddle: number, commitment: string): Kept | undefined {
  return read(paddle).find((one) => one.commitment === commitment);
}

/** Save the receipt as a file. */
export function download(bid: Kept): void {
  const file = new Blob([`${JSON.stringify(bid, null, 2)}\n`], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `sealed-bid-lot-${bid.lot}.json`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
