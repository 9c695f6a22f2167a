/** One bid on its way: sending, then accepted, refused, or unknown until the house has been asked. Never optimistic. */
import { effect, signal } from "@preact/signals-core";
import type { FromServer } from "../live/protocol";
import { link, listen, onOpen, send } from "../live/socket";
import { page } from "./page";

export type Kind = "now" | "maximum";

export interface Pending {
  id: string;
  kind: Kind;
  minor: bigint;
  status: "sending" | "unknown";
}

export type Verdict =
  | { kind: "accepted"; bid: Pending; leading: boolean; priceMinor: bigint }
  | { kind: "refused"; bid: Pending; code: string; lowestMinor: bigint | null }
  | { kind: "never_arrived"; bid: Pending }
  | { kind: "too_soon" };

const ANSWER_LIMIT = 4_000;

export const pending = signal<Pending | null>(null);
export const verdict = signal<Verdict | null>(null);

let timer = 0;
let unknownAnswers = 0;

/** Send exactly this amount, with what the lot's format asks beside it; 0: the details alone speak (a sealed bid). One bid at a time: while one is on its way another
 * is not sent. */
export function placeBid(kind: Kind, minor: bigint, details?: Record<string, unknown>): void {
  if (pending.peek() !== null) return;
  const bid: Pending = { id: newId(), kind, minor, status: "sending" };
  const amount = minor.toString();
  const offered = minor === 0n ? {} : kind === "now" ? { amount } : { maximum: amount };
  const sent = send({ type: "bid", id: bid.id, lot: page.lot, ...offered, ...(details && { details }) });
  if (!sent) {
    verdict.value = { kind: "never_arrived", bid };
    return;
  }
  unknownAnswers = 0;
  verdict.value = null;
  pending.value = bid;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => ask(bid.id), ANSWER_LIMIT);
}

/** Ask the house what became of the bid. */
function ask(id: string): void {
  const bid = pending.peek();
  if (bid === null || bid.id !== id) return;
  if (bid.status === "sending") pending.value = { ...bid, status: "unknown" };
  send({ type: "ask", id });
  window.clearTimeout(timer);
  timer = window.setTimeout(() => ask(id), ANSWER_LIMIT);
}

function settle(result: Verdict): void {
  window.clearTimeout(timer);
  pending.value = null;
  verdict.value = result;
}

listen((message: FromServer) => {
  const bid = pending.peek();
  if (bid === null || !("id" in message) || message.id !== bid.id) return;
  if (message.type === "accepted") {
    settle({ kind: "accepted", bid, leading: message.leading, priceMinor: BigInt(message.price_minor ?? bid.minor) });
  } else if (message.type === "refused") {
    const lowestMinor = message.lowest_minor === null ? null : BigInt(message.lowest_minor);
    settle({ kind: "refused", bid, code: message.code, lowestMinor });
  } else if (message.type === "unknown") {
    // The frame may still be on its way through the house: only the second "unknown" means that it never arrived.
    unknownAnswers += 1;
    if (unknownAnswers > 1) settle({ kind: "never_arrived", bid });
    else timer = window.setTimeout(() => ask(bid.id), 1_000);
  }
});

effect(() => {
  const bid = pending.peek();
  if (link.value === "lost" && bid?.status === "sending") pending.value = { ...bid, status: "unknown" };
});

onOpen(() => {
  const bid = pending.peek();
  if (bid !== null) ask(bid.id);
});

/** A random UUID (version 4), also where the page is not served over TLS. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
