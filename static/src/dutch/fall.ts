/** The falling price, in integers of microseconds and minor units: the same sum as the server's `auction/formats/dutch.py`. */

/** What the server says of the fall. */
export interface FallOnWire {
  start_price_minor: string;
  floor_minor: string;
  step_minor: string;
  step_count: string;
  fall_us: string;
  falls_from: string;
}

export interface Fall {
  start: bigint;
  floor: bigint;
  step: bigint;
  steps: bigint;
  wholeUs: bigint;
  /** The instant, in microseconds since 1970, at which the lot's own clock stood at zero. */
  fromUs: bigint;
}

export function readFall(wire: FallOnWire): Fall {
  return {
    start: BigInt(wire.start_price_minor),
    floor: BigInt(wire.floor_minor),
    step: BigInt(wire.step_minor),
    steps: BigInt(wire.step_count),
    wholeUs: BigInt(wire.fall_us),
    fromUs: microseconds(wire.falls_from),
  };
}

/** Microseconds since 1970 of an RFC 3339 instant in UTC, to its last digit. */
export function microseconds(instant: string): bigint {
  const fraction = /\.(\d{1,6})/.exec(instant)?.[1] ?? "";
  const whole = Date.parse(instant.replace(/\.\d+/, ""));
  return BigInt(whole) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

export function stepsFallen(fall: Fall, elapsedUs: bigint): bigint {
  if (elapsedUs >= fall.wholeUs) return fall.steps;
  return elapsedUs <= 0n ? 0n : (fall.steps * elapsedUs) / fall.wholeUs;
}

/** The price after so long on the lot's own clock; never under the floor. */
export function priceAfter(fall: Fall, elapsedUs: bigint): bigint {
  const price = fall.start - stepsFallen(fall, elapsedUs) * fall.step;
  return price > fall.floor ? price : fall.floor;
}

/** At how many microseconds on the lot's own clock the price falls next; null once it is at the floor. */
export function nextFallUs(fall: Fall, elapsedUs: bigint): bigint | null {
  const fallen = stepsFallen(fall, elapsedUs);
  return fallen >= fall.steps ? null : ((fallen + 1n) * fall.wholeUs + fall.steps - 1n) / fall.steps;
}

/** The price at a server's time in milliseconds. */
export function fallenTo(wire: FallOnWire, at: number): bigint {
  const fall = readFall(wire);
  return priceAfter(fall, BigInt(Math.floor(at * 1000)) - fall.fromUs);
}
