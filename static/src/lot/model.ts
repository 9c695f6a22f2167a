/** The lot as this page knows it: the server's last word, one's own place, and the public log. Frames may be skipped. */
import { computed, signal } from "@preact/signals-core";
import type { FromServer, HistoryRow, State, You } from "../live/protocol";
import { connect, listen, onOpen, send } from "../live/socket";
import { fromWire } from "../money";
import { page } from "./page";

export const state = signal<State>(page.state);
export const you = signal<You | null>(page.you);
export const history = signal<HistoryRow[]>(page.history);

export const price = computed(() => fromWire(state.value.price_minor));
export const lowest = computed(() => fromWire(state.value.next_minor));
export const increment = computed(() => BigInt(state.value.increment_minor));
export const isOver = computed(() => state.value.outcome !== null);
export const leading = computed(() => you.value !== null && state.value.leader === you.value.paddle);
export const hasBid = computed(() => {
  const paddle = you.value?.paddle;
  return history.value.some((row) => row.lines.some((line) => line.paddle === paddle));
});
export const outbid = computed(() => you.value !== null && !leading.value && hasBid.value && !isOver.value);

const QUICK_STEPS = [1, 2, 5];

/** The next legal amounts by one, two and five steps; the first bid's lowest is the start price itself. */
export const legalAmounts = computed<bigint[]>(() => {
  const first = lowest.value;
  return first === null ? [] : QUICK_STEPS.map((steps) => first + BigInt(steps - 1) * increment.value);
});

/** By how many steps the quick amount `index` is above the price, or above the start price while nobody has bid. */
export function stepsAbove(index: number): number {
  return QUICK_STEPS[index]! - (price.value === null ? 1 : 0);
}

type Change = (now: State, before: State) => void;
const changes = new Set<Change>();

/** Be told of every new state, after the signals have it. */
export function onChange(change: Change): void {
  changes.add(change);
}

function apply(next: State): void {
  const before = state.peek();
  if (next.epoch === before.epoch && next.seq < before.seq) return;
  if (next.epoch !== before.epoch) history.value = [];
  state.value = next;
  const mine = you.peek();
  if (mine && mine.paddle !== next.leader && mine.maximum_minor !== null) you.value = { ...mine, maximum_minor: null };
  fetchGap();
  for (const change of changes) change(next, before);
}

let asked = false;

/** Rows of the log that are missing here; one question at a time. */
function fetchGap(): void {
  const last = history.peek().at(-1)?.seq ?? 0;
  if (asked || last >= state.peek().seq) return;
  asked = send({ type: "history", lot: page.lot, after: last, limit: 200 });
}

function addRows(rows: HistoryRow[]): void {
  asked = false;
  const last = history.peek().at(-1)?.seq ?? 0;
  const fresh = rows.filter((row) => row.seq > last).sort((a, b) => a.seq - b.seq);
  if (fresh.length === 0) return;
  history.value = [...history.peek(), ...fresh];
  fetchGap();
}

function subscribe(): void {
  asked = false;
  const { epoch, seq } = state.peek();
  send({ type: "subscribe", lot: page.lot, epoch, seq });
}

/** Whoever owns the lot has no paddle; 0 is nobody's. */
function placed(mine: Omit<You, "paddle"> & { paddle: number | null }): You {
  return { ...mine, paddle: mine.paddle ?? 0 };
}

const BUSY_MS = 1_000;

function received(message: FromServer): void {
  // What was asked could not be read for a moment: ask again.
  if (message.type === "error" && message.code === "busy") window.setTimeout(subscribe, BUSY_MS);
  if (!("lot" in message) || message.lot !== page.lot) return;
  if (message.type === "subscribed") {
    const { you: mine, ...rest } = message;
    // A node that has not read the lot since the admission knows of no paddle yet; the page read the database.
    you.value = mine === null || (mine.paddle === null && !mine.detail) ? page.you : placed(mine);
    apply({ ...rest, type: "state" });
    fetchGap();
    if (page.waiting && mine?.admitted) void lookForNextStep();
  } else if (message.type === "state") apply(message);
  else if (message.type === "you") you.value = placed(message);
  else if (message.type === "history") addRows(message.rows);
  else if (message.type === "accepted") {
    const mine = you.peek();
    if (mine) you.value = { ...mine, leading: message.leading, maximum_minor: message.maximum_minor };
  }
}

const LOOK_MS = 3_000;
let looking = false;

/** Whoever waits for the operator or for money sees the next step as soon as it has come, and what his wallet holds. */
async function lookForNextStep(): Promise<void> {
  if (document.hidden || looking) return;
  looking = true;
  try {
    const options: RequestInit = { headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(10_000) };
    const answer = await fetch(location.href, options);
    const stands = /"stands":"([a-z_]+ [0-9]+)"/.exec(await answer.text())?.[1];
    if (answer.ok && stands !== undefined && stands !== page.stands) location.reload();
  } catch {
    // Offline for a moment: the next look will tell.
  } finally {
    looking = false;
  }
}

export function start(): void {
  listen(received);
  onOpen(subscribe);
  connect();
  if (!page.waiting) return;
  window.setInterval(() => void lookForNextStep(), LOOK_MS);
  // Who comes back from the bank's tab, or from the mail, need not wait for the next look.
  document.addEventListener("visibilitychange", () => void lookForNextStep());
}
