/** The messages of `gavelhouse.v1`, as the house documents them in AsyncAPI. Amounts are strings of minor units. */

export type Phase = "timed" | "delayed" | "decided" | "opening" | "closed";

export interface State {
  type: "state" | "subscribed";
  lot: number;
  epoch: number;
  seq: number;
  phase: Phase;
  starts_at: string;
  ends_at: string;
  price_minor: string | null;
  leader: number | null;
  bids: number;
  extensions: number;
  reserve: "none" | "not_met" | "met";
  paused_at: string | null;
  outcome: "sold" | "unsold" | "void" | null;
  next_minor: string | null;
  increment_minor: string;
  server_at: string;
  head: string;
  /** Left out where it is English. */
  format?: string;
  /** What the lot's format has to say to everybody. */
  detail?: Record<string, unknown> | null;
}

export interface You {
  paddle: number;
  admitted: boolean;
  maximum_minor: string | null;
  leading: boolean;
  /** What the lot's format has to say to this party alone. */
  detail?: Record<string, unknown> | null;
  /** The party's confirmed right of priority, 1 the best. */
  priority_rank?: number | null;
}

/** `you` is null for a visitor; who is signed in without a paddle has one with nulls. */
export interface Subscribed extends State {
  type: "subscribed";
  you: (Omit<You, "paddle"> & { paddle: number | null }) | null;
}

/** One's own place has changed, be it by somebody else's bid. */
export interface OwnPlace extends Omit<You, "paddle"> {
  type: "you";
  lot: number;
  paddle: number | null;
}

export interface Accepted {
  type: "accepted";
  id: string;
  lot: number;
  seq: number;
  at: string;
  hash: string;
  price_minor: string | null;
  leading: boolean;
  maximum_minor: string | null;
  ends_at: string | null;
}

export interface Refused {
  type: "refused";
  id: string;
  lot: number;
  code: string;
  lowest_minor: string | null;
  seq: number;
}

export interface HistoryLine {
  paddle: number;
  amount_minor: string;
  automatic: boolean;
}

export interface HistoryRow {
  seq: number;
  at: string;
  kind: string;
  lines: HistoryLine[];
  price_minor: string | null;
  leader: number | null;
  ends_at: string | null;
  hash: string;
  /** What the lot's format adds to the event. */
  detail?: Record<string, unknown> | null;
}

/** A topic has a new version; 0 when some news may have been lost. */
export interface News {
  type: "news";
  topic: string;
  version: number;
  state: Record<string, unknown> | null;
}

export type FromServer =
  | (State & { type: "state" })
  | Subscribed
  | OwnPlace
  | Accepted
  | Refused
  | { type: "pong"; c: number; r: number; s: number }
  | { type: "unknown"; id: string }
  | { type: "history"; lot: number; rows: HistoryRow[] }
  | { type: "watching"; topic: string; version: number }
  | News
  | { type: "error"; code: string; topic?: string };

export type ToServer =
  | { type: "subscribe"; lot: number; epoch?: number; seq?: number }
  | { type: "unsubscribe"; lot: number }
  | { type: "ping"; c: number }
  | { type: "bid"; id: string; lot: number; amount?: string; maximum?: string; details?: Record<string, unknown> }
  | { type: "ask"; id: string }
  | { type: "watch" | "unwatch"; topic: string }
  | { type: "history"; lot: number; after?: number; before?: number; limit?: number };
