/** The server's clock as the browser knows it. Display only: the server alone decides what is in time. */

interface Sample {
  rtt: number;
  offset: number;
}

const WINDOW = 16;
const samples: Sample[] = [];
let best: Sample = { rtt: Infinity, offset: startingOffset() };

/** What the page itself says: the moment at which the server wrote it, give or take the way here. */
function startingOffset(): number {
  const written = Date.parse(document.documentElement.dataset["serverAt"] ?? "");
  if (Number.isNaN(written)) return 0;
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return navigation ? written - (performance.timeOrigin + navigation.responseStart) : 0;
}

/** This machine's clock in milliseconds, untouched by changes of the wall clock while the page is open. */
export function localNow(): number {
  return performance.timeOrigin + performance.now();
}

/** The server's time in milliseconds, as well as it is known. */
export function serverNow(): number {
  return localNow() + best.offset;
}

/** Take in one ping: sent at `c` (local), received and answered at `r` and `s` (server), back at `back` (local). */
export function addSample(c: number, r: number, s: number, back: number): void {
  samples.push({ rtt: back - c - (s - r), offset: (r - c + (s - back)) / 2 });
  if (samples.length > WINDOW) samples.shift();
  best = samples.reduce((a, b) => (b.rtt < a.rtt ? b : a));
}

/** Forget everything measured: the machine slept, or the way to the server changed. */
export function forgetSamples(): void {
  samples.length = 0;
}

/** Milliseconds between the clocks, how wrong that may be, and the fastest round trip. */
export function clockQuality(): { offset: number; error: number; rtt: number; known: boolean } {
  return { offset: best.offset, error: best.rtt / 2, rtt: best.rtt, known: Number.isFinite(best.rtt) };
}
