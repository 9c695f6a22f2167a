/** What screen readers hear, and the title of the tab: outbid at once, the price at most once a second, the clock at marks. */
import { effect } from "@preact/signals-core";
import { link } from "../live/socket";
import { text } from "../texts";
import { timeText } from "../times";
import { verdict } from "./bidding";
import { leading, onChange, outbid, price, you } from "./model";
import { money, spoken } from "./page";
import { chime } from "./sound";
import { begun, left } from "./ticking";
import { verdictText } from "./verdicts";

const MARKS: [number, string][] = [
  [300_000, "lot.left_5m"],
  [60_000, "lot.left_1m"],
  [30_000, "lot.left_30s"],
  [10_000, "lot.left_10s"],
];
const PRICE_EVERY = 1_000;

const regions = { polite: document.getElementById("say-polite"), assertive: document.getElementById("say-assertive") };
const waiting: string[] = [];
let speaking = 0;

function say(words: string): void {
  if (!waiting.includes(words)) waiting.push(words);
  if (speaking === 0) speak();
}

function speak(): void {
  const words = waiting.splice(0).join(" ");
  speaking = 0;
  if (words === "" || regions.polite === null) return;
  regions.polite.textContent = words;
  speaking = window.setTimeout(speak, PRICE_EVERY);
}

function sayNow(words: string): void {
  if (regions.assertive === null) return;
  regions.assertive.textContent = "";
  requestAnimationFrame(() => {
    if (regions.assertive) regions.assertive.textContent = words;
  });
}

let priceTimer = 0;

/** The price that stands when the second is over; those between are skipped. */
function sayPriceSoon(): void {
  if (priceTimer !== 0) return;
  priceTimer = window.setTimeout(() => {
    priceTimer = 0;
    const amount = price.peek();
    if (amount !== null) say(text("lot.say_price", { price: money.text(amount) }));
  }, PRICE_EVERY);
}

onChange((next, before) => {
  if (next.outcome !== null && before.outcome === null) sayNow(closingWords(next.outcome));
  else if (before.leader !== null && before.leader === you.peek()?.paddle && next.leader !== before.leader) {
    sayNow(text("lot.say_outbid", { price: money.text(price.peek() ?? 0n) }));
    chime();
  } else if (next.price_minor !== before.price_minor) sayPriceSoon();
  if (next.extensions > before.extensions) {
    say(text("lot.say_extended", { time: timeText(new Date(next.ends_at), "clock") }));
  } else if (next.phase === "delayed" && before.phase === "timed") say(text("lot.say_delayed"));
  if ((next.paused_at === null) !== (before.paused_at === null)) {
    sayNow(text(next.paused_at === null ? "lot.say_resumed" : "lot.phase_paused"));
  }
});

function closingWords(outcome: string): string {
  if (outcome !== "sold") return spoken(`result_${outcome}`);
  const amount = money.text(price.peek() ?? 0n);
  return leading.peek() ? spoken("say_won", { price: amount }) : spoken("say_sold", { price: amount });
}

let previousLeft = left.peek();
effect(() => {
  const now = left.value;
  const crossed = MARKS.findLast(([mark]) => begun.peek() && previousLeft > mark && now <= mark && now > 0);
  previousLeft = now;
  if (crossed) say(text(crossed[1]));
});

effect(() => {
  if (verdict.value !== null) sayNow(verdictText(verdict.value));
});

let wasLive = false;
effect(() => {
  if (link.value === "live" && wasLive) say(text("lot.link_back"));
  if (link.value === "lost") sayNow(text("lot.link_lost"));
  wasLive ||= link.value !== "connecting";
});

const title = document.title;
effect(() => {
  document.title = outbid.value ? text("lot.title_outbid", { title }) : title;
});
