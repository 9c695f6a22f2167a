/** What a uniform-price lot's state says beyond the common part. */
import { computed } from "@preact/signals-core";
import { state, you } from "../lot/model";

export interface OwnBid {
  bid: number;
  price_minor: string;
  quantity: number;
  all_or_none: boolean;
}

export interface Row {
  seq: number;
  paddle: number;
  price_minor: string;
  quantity: number;
  all_or_none: boolean;
  filled: number;
  why: string;
}

export interface Clearing {
  book: Row[];
  floor_minor: string;
  price_minor: string | null;
  quantity: number;
  set_by: number | null;
  sold: number;
}

interface Sale {
  quantity: number;
  bids_per_bidder: number;
  all_or_none: boolean;
  clearing?: Clearing;
}

export const sale = computed(() => state.value.detail as unknown as Sale);
export const ownBids = computed(() => (you.value?.detail?.["bids"] ?? []) as OwnBid[]);

/** What this viewer got: units, and what they cost together. */
export const got = computed(() => {
  const clearing = sale.value.clearing;
  const rows = clearing?.book.filter((row) => row.paddle === you.value?.paddle) ?? [];
  const units = rows.reduce((sum, row) => sum + BigInt(row.filled), 0n);
  return { bid: rows.length > 0, units, total: units * BigInt(clearing?.price_minor ?? "0") };
});
