/** `<sale-budget>`: what is taken of the bidder's own budget, asked for again whenever one of his own lots has changed. */
import type { FromServer } from "../live/protocol";
import { listen } from "../live/socket";
import { fromWire, Money } from "../money";
import { text } from "../texts";

/** The answer of `/sales/N/budget.json`. */
interface Figures {
  is_set: boolean;
  most_lots: number | null;
  most_minor: string | null;
  lots: number;
  taken_minor: string;
  /** Of the lots, those with a sealed bid of his, whose sum nobody knows before the opening. */
  sealed: number;
}

const SETTLE_MS = 150;
/** A sale of several pages has lots that this one doesn't hear of. */
const LOOK_MS = 10_000;

class SaleBudget extends HTMLElement {
  private readonly money = new Money(document.documentElement.lang, this.getAttribute("currency") ?? "", Number(this.getAttribute("exponent")));
  private readonly paddles = new Map<number, number>();
  /** Of each lot, whether the public state named this bidder and how the lot ended, when it was last heard. */
  private readonly known = new Map<number, string>();
  private soon = 0;
  private asking = false;
  private again = false;

  connectedCallback(): void {
    for (const tools of document.querySelectorAll<HTMLElement>("[data-lot][data-paddle]")) {
      this.paddles.set(Number(tools.dataset["lot"]), Number(tools.dataset["paddle"]));
    }
    listen((message) => this.received(message));
    document.addEventListener("visibilitychange", () => this.askSoon());
    if (this.hasAttribute("paged")) window.setInterval(() => this.askSoon(), LOOK_MS);
  }

  private received(message: FromServer): void {
    if (message.type === "accepted") this.askSoon();
    if (message.type !== "state" && message.type !== "subscribed") return;
    const paddle = this.paddles.get(message.lot);
    if (paddle === undefined) return;
    // The close counts for whoever leads nowhere in public, too: hidden bids are worth something else from then on.
    const now = `${message.leader === paddle} ${message.outcome}`;
    const before = this.known.get(message.lot);
    this.known.set(message.lot, now);
    if (before !== undefined && before !== now) this.askSoon();
  }

  private askSoon(): void {
    window.clearTimeout(this.soon);
    if (!document.hidden) this.soon = window.setTimeout(() => void this.ask(), SETTLE_MS);
  }

  private async ask(): Promise<void> {
    this.again = this.asking;
    if (this.asking) return;
    this.asking = true;
    try {
      const options: RequestInit = { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) };
      const answer = await fetch(this.getAttribute("address") ?? "", options);
      if (answer.ok) this.show((await answer.json()) as Figures);
    } catch {
      // Offline for a moment: the next change asks again.
    } finally {
      this.asking = false;
      if (this.again) this.askSoon();
    }
  }

  private show(figures: Figures): void {
    const words = this.querySelector(".budget-figures");
    if (words !== null) words.textContent = this.words(figures);
  }

  private words(figures: Figures): string {
    if (!figures.is_set) return text("sale.no_budget");
    const said = [text("sale.taken", { lots: figures.lots, sum: this.money.text(BigInt(figures.taken_minor)) })];
    if (figures.sealed > 0) said.push(text("sale.taken_sealed", { lots: figures.sealed }));
    if (figures.most_lots !== null) said.push(text("sale.of_lots", { lots: figures.most_lots }));
    const most = fromWire(figures.most_minor);
    if (most !== null) said.push(text("sale.of_sum", { sum: this.money.text(most) }));
    return said.join(" ");
  }
}

customElements.define("sale-budget", SaleBudget);
