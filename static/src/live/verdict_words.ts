/** What the house answered, as a sentence: with the rule that was broken and the amount that would be legal now. */
import type { Money } from "../money";
import { hasText, text } from "../texts";
import type { Verdict } from "./bids";

/** The sentence of `name` in the words of the lot's format where it has its own. */
export function spokenOf(format: string, name: string, params: Record<string, string | number> = {}): string {
  const own = `${format}.${name}`;
  return text(hasText(own) ? own : `lot.${name}`, params);
}

export function verdictWords(verdict: Verdict, money: Money, format: string): string {
  if (verdict.kind === "too_soon") return text("lot.too_soon");
  const amount = money.text(verdict.bid.minor);
  if (verdict.kind === "never_arrived") return text("lot.never_arrived", { amount });
  if (verdict.kind === "accepted") return acceptedWords(verdict, amount, money, format);
  const lowest = verdict.lowestMinor === null ? "" : money.text(verdict.lowestMinor);
  const key = hasText(`refusal.${verdict.code}`) ? `refusal.${verdict.code}` : "lot.refused";
  const reason = text(key, { lowest, amount });
  return lowest === "" || reason.includes(lowest) ? reason : spokenOf(format, "refused_lowest", { reason, lowest });
}

function acceptedWords(verdict: Verdict & { kind: "accepted" }, amount: string, money: Money, format: string): string {
  // Where bids are hidden nobody is said to lead.
  if (hasText(`${format}.accepted_hidden`)) return text(`${format}.accepted_hidden`, { amount });
  if (!verdict.leading) return text("lot.accepted_outbid", { amount, price: money.text(verdict.priceMinor) });
  return text(verdict.bid.kind === "now" ? "lot.accepted_now" : "lot.accepted_maximum", { amount });
}
