/** The price that stands now, by the server's clock and never ahead of it: what is shown has been reached for certain. */
import { computed, effect, signal } from "@preact/signals-core";
import { isOver, state } from "../lot/model";
import { clockQuality, serverNow } from "../server_clock";
import { type Fall, type FallOnWire, microseconds, nextFallUs, priceAfter, readFall } from "./fall";

const TICK = 100;
const LARGEST_ERROR = 500;

/** The server's time less what it may be wrong by, in microseconds: a price shown too early would be refused. */
function certainNow(): bigint {
  const { error, known } = clockQuality();
  return BigInt(Math.floor((serverNow() - (known ? Math.min(error, LARGEST_ERROR) : LARGEST_ERROR)) * 1000));
}

const nowUs = signal(certainNow());

export const fall = computed<Fall>(() => readFall(state.value.detail as unknown as FallOnWire));

/** The lot's own clock; it stands at the pause and at the press. */
const elapsedUs = computed(() => {
  const { paused_at, phase, ends_at } = state.value;
  let at = nowUs.value;
  if (paused_at !== null && at > microseconds(paused_at)) at = microseconds(paused_at);
  if (phase !== "timed" && at > microseconds(ends_at)) at = microseconds(ends_at);
  return at - fall.value.fromUs;
});

export const falling = computed(() => priceAfter(fall.value, elapsedUs.value));

/** Milliseconds until the next fall, and how long a step stands; null at the floor. */
export const nextFall = computed(() => {
  const at = nextFallUs(fall.value, elapsedUs.value);
  if (at === null) return null;
  const from = elapsedUs.value > 0n ? elapsedUs.value : 0n;
  return { left: Number(at - from) / 1000, step: Number(fall.value.wholeUs / fall.value.steps) / 1000, price: priceAfter(fall.value, at) };
});

let timer = 0;

function tick(): void {
  window.clearTimeout(timer);
  nowUs.value = certainNow();
  if (isOver.peek() || document.hidden) return;
  timer = window.setTimeout(tick, Math.min(TICK, (nextFall.peek()?.left ?? TICK) + 1));
}

document.addEventListener("visibilitychange", tick);
effect(() => {
  state.value;
  queueMicrotask(tick);
});
