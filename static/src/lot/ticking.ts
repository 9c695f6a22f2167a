/** Time left, recomputed from the server's clock at each tick and never counted down. */
import { computed, effect, signal } from "@preact/signals-core";
import { clockQuality, serverNow } from "../server_clock";
import { isOver, state } from "./model";

/** The server's time at the last tick, in milliseconds. */
export const now = signal(serverNow());

export const startsAt = computed(() => Date.parse(state.value.starts_at));
export const endsAt = computed(() => Date.parse(state.value.ends_at));
export const begun = computed(() => now.value >= startsAt.value);

/** Milliseconds to the end of the running phase (or to its start); a paused lot's clock stands at its pause. */
export const left = computed(() => {
  const from = state.value.paused_at === null ? now.value : Date.parse(state.value.paused_at);
  return Math.max(0, (begun.value ? endsAt.value : startsAt.value) - from);
});

/** Not even the fastest message would be there in time, as far as is known. */
export const tooLate = computed(() => {
  const { rtt, error, known } = clockQuality();
  return known && begun.value && !isOver.value && state.value.paused_at === null && left.value < rtt + error + 50;
});

const FINE_BELOW = 10_000;
let timer = 0;

function tick(): void {
  window.clearTimeout(timer);
  now.value = serverNow();
  if (isOver.peek() || document.hidden) return;
  const step = left.peek() > FINE_BELOW ? 1_000 : 100;
  timer = window.setTimeout(tick, (left.peek() % step) + 4);
}

document.addEventListener("visibilitychange", tick);
effect(() => {
  state.value;
  queueMicrotask(tick);
});
