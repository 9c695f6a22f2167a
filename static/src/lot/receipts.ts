/** One's own bids on the lot with their signed receipts: each is fetched when the house has answered, and kept on this device. */
import { effect } from "@preact/signals-core";
import { timeText } from "../times";
import { type Pending, verdict } from "./bidding";
import { money, page } from "./page";

/** What the house has signed about a bid, as far as this page reads it. */
interface Receipt {
  at: string;
  answer: "accepted" | "refused";
  bid: string;
}

const MOST_KEPT = 200;
const PLACE = `gavelhouse.receipts.${page.lot}`;

const section = document.querySelector<HTMLElement>("[data-own-bids]");
const rows = section?.querySelector("tbody");
const shown = new Set<string>();

if (section && rows) {
  effect(() => {
    const now = verdict.value;
    if (now?.kind === "accepted" || now?.kind === "refused") void fetchReceipt(section, rows, now.bid);
  });
}

async function fetchReceipt(section: HTMLElement, rows: HTMLElement, bid: Pending): Promise<void> {
  if (shown.has(bid.id)) return;
  shown.add(bid.id);
  const path = `/my/bids/${bid.id}/receipt.json`;
  try {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const receipt = (await answer.json()) as Receipt;
    keep(receipt);
    rows.prepend(rowOf(section, receipt, bid, path));
    section.hidden = false;
  } catch {
    // The connection was cut: the bid stands all the same, and its row is there when the page is loaded again.
    shown.delete(bid.id);
  }
}

function keep(receipt: Receipt): void {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    const others = Array.isArray(found) ? (found as Receipt[]).filter((one) => one.bid !== receipt.bid) : [];
    localStorage.setItem(PLACE, JSON.stringify([...others, receipt].slice(-MOST_KEPT)));
  } catch {
    // A browser that keeps nothing: the receipt can be downloaded at any time.
  }
}

/** The same row as the server writes. */
function rowOf(section: HTMLElement, receipt: Receipt, bid: Pending, path: string): HTMLTableRowElement {
  const row = document.createElement("tr");
  const time = document.createElement("time");
  time.dateTime = receipt.at;
  time.textContent = timeText(new Date(receipt.at), "clock");
  const words = section.dataset;
  const sum = bid.minor === 0n ? words["sealed"] : money.text(bid.minor);
  const kind = bid.kind === "maximum" && bid.minor > 0n ? ` ${words["maximum"]}` : "";
  const link = document.createElement("a");
  link.href = path;
  link.download = `receipt-${bid.id}.json`;
  link.textContent = words["receipt"] ?? "";
  row.append(cell(time), cell(`${sum}${kind}`, "n"), cell(words[receipt.answer] ?? ""), cell(link));
  return row;
}

function cell(content: Node | string, className = ""): HTMLTableCellElement {
  const made = document.createElement("td");
  if (className) made.className = className;
  made.append(content);
  return made;
}
