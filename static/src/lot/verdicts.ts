/** What the house answered, as a sentence: with the rule that was broken and the amount that would be legal now. */
import { hasText, text } from "../texts";
import type { Verdict } from "./bidding";
import { money, page, spoken } from "./page";

export function verdictText(verdict: Verdict): string {
  if (verdict.kind === "too_soon") return text("lot.too_soon");
  const amount = money.text(verdict.bid.minor);
  if (verdict.kind === "never_arrived") return text("lot.never_arrived", { amount });
  if (verdict.kind === "accepted") return acceptedText(verdict, amount);
  const lowest = verdict.lowestMinor === null ? "" : money.text(verdict.lowestMinor);
  const key = hasText(`refusal.${verdict.code}`) ? `refusal.${verdict.code}` : "lot.refused";
  const reason = text(key, { lowest, amount });
  return lowest === "" || reason.includes(lowest) ? reason : spoken("refused_lowest", { reason, lowest });
}

function acceptedText(verdict: Verdict & { kind: "accepted" }, amount: string): string {
  // Where bids are hidden nobody is said to lead.
  if (hasText(`${page.format}.accepted_hidden`)) return text(`${page.format}.accepted_hidden`, { amount });
  if (!verdict.leading) return text("lot.accepted_outbid", { amount, price: money.text(verdict.priceMinor) });
  return text(verdict.bid.kind === "now" ? "lot.accepted_now" : "lot.accepted_maximum", { amount });
}
