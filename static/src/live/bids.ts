/** One bid at a time on one lot: sending, then accepted, refused, or unknown until the house has been asked. Never optimistic. */
import { effect, signal } from "@preact/signals-core";
import type { FromServer } from "./protocol";
import { link, listen, onOpen, send } from "./socket";

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

export class Bids {
  readonly pending = signal<Pending | null>(null);
  readonly verdict = signal<Verdict | null>(null);
  private timer = 0;
  private unknownAnswers = 0;

  constructor(private readonly lot: number) {
    listen((message) => this.received(message));
    onOpen(() => {
      const bid = this.pending.peek();
      if (bid !== null) this.ask(bid.id);
    });
    effect(() => {
      const bid = this.pending.peek();
      if (link.value === "lost" && bid?.status === "sending") this.pending.value = { ...bid, status: "unknown" };
    });
  }

  /** Send exactly this amount, with what the lot's format asks beside it; 0: the details alone speak (a sealed bid). While one
   * bid is on its way another is not sent. */
  place(kind: Kind, minor: bigint, details?: Record<string, unknown>): void {
    if (this.pending.peek() !== null) return;
    const bid: Pending = { id: newId(), kind, minor, status: "sending" };
    const amount = minor.toString();
    const offered = minor === 0n ? {} : kind === "now" ? { amount } : { maximum: amount };
    const sent = send({ type: "bid", id: bid.id, lot: this.lot, ...offered, ...(details && { details }) });
    if (!sent) {
      this.verdict.value = { kind: "never_arrived", bid };
      return;
    }
    this.unknownAnswers = 0;
    this.verdict.value = null;
    this.pending.value = bid;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.ask(bid.id), ANSWER_LIMIT);
  }

  /** Ask the house what became of the bid. */
  private ask(id: string): void {
    const bid = this.pending.peek();
    if (bid === null || bid.id !== id) return;
    if (bid.status === "sending") this.pending.value = { ...bid, status: "unknown" };
    send({ type: "ask", id });
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.ask(id), ANSWER_LIMIT);
  }

  private settle(result: Verdict): void {
    window.clearTimeout(this.timer);
    this.pending.value = null;
    this.verdict.value = result;
  }

  private received(message: FromServer): void {
    const bid = this.pending.peek();
    if (bid === null || !("id" in message) || message.id !== bid.id) return;
    if (message.type === "accepted") {
      this.settle({ kind: "accepted", bid, leading: message.leading, priceMinor: BigInt(message.price_minor ?? bid.minor) });
    } else if (message.type === "refused") {
      const lowestMinor = message.lowest_minor === null ? null : BigInt(message.lowest_minor);
      this.settle({ kind: "refused", bid, code: message.code, lowestMinor });
    } else if (message.type === "unknown") {
      // The frame may still be on its way through the house: only the second "unknown" means that it never arrived.
      this.unknownAnswers += 1;
      if (this.unknownAnswers > 1) this.settle({ kind: "never_arrived", bid });
      else this.timer = window.setTimeout(() => this.ask(bid.id), 1_000);
    }
  }
}

/** A random UUID (version 4), also where the page is not served over TLS. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
