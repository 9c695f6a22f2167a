/** What this browser remembers for its bidder: sound, shortcuts, and a budget for this lot. Never sent to the house. */
import { effect, signal } from "@preact/signals-core";
import { page } from "./page";

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

const budgetKey = `budget-${page.lot}`;
const stored = remembered(budgetKey);

export const soundOn = signal(remembered("sound") === "on");
export const shortcutsOn = signal(remembered("shortcuts") !== "off");
export const budget = signal<bigint | null>(stored !== null && /^\d+$/.test(stored) ? BigInt(stored) : null);

effect(() => remember("sound", soundOn.value ? "on" : null));
effect(() => remember("shortcuts", shortcutsOn.value ? null : "off"));
effect(() => remember(budgetKey, budget.value?.toString() ?? null));
