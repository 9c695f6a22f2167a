/** What this browser remembers for its bidder: sound, shortcuts, and a budget for each lot. Never sent to the house. */
import { effect, type Signal, signal } from "@preact/signals-core";

function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage is forbidden: everything works, only forgotten at the next visit.
  }
}

function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

export const soundOn = signal(remembered("sound") === "on");
export const shortcutsOn = signal(remembered("shortcuts") !== "off");

effect(() => remember("sound", soundOn.value ? "on" : null));
effect(() => remember("shortcuts", shortcutsOn.value ? null : "off"));

/** The bidder's own budget for one lot, above which he is asked first. */
export function ownBudget(lot: number): bigint | null {
  const stored = remembered(`budget-${lot}`);
  return stored !== null && /^\d+$/.test(stored) ? BigInt(stored) : null;
}

/** The same, kept as it changes. */
export function keptBudget(lot: number): Signal<bigint | null> {
  const budget = signal(ownBudget(lot));
  effect(() => remember(`budget-${lot}`, budget.value?.toString() ?? null));
  return budget;
}
