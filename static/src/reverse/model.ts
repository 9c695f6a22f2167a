/** The buyer's rule and what this viewer alone is shown; total costs by the server's own formula. */
import { computed } from "@preact/signals-core";
import { state, you } from "../lot/model";
import { money, page } from "../lot/page";
import { text } from "../texts";
import { absolute, add, decimal, floor, type Fraction, fraction, fromText, isAtMost, isUnder, minus, over, times } from "./fractions";

export interface Attribute {
  key: string;
  name_en: string;
  name_zh: string;
  unit_en: string;
  unit_zh: string;
  better: "lower" | "higher";
  counts: "money" | "factor";
  weight_numerator: number;
  weight_denominator: number;
  lowest: string;
  highest: string;
  floor: string | null;
}

export interface Rule {
  start_price_minor: string;
  decrement_minor: string;
  attributes: Attribute[];
  front_buffer_minor: string;
  back_buffer_minor: string;
  visibility: "rank_only" | "rank_and_lead" | "lead_only";
  buyer_sees: "all" | "at_close";
}

export interface Offer {
  price_minor: string;
  attributes: Record<string, string>;
  cost: string;
}

export interface Ranked extends Offer {
  rank: number;
  paddle: number;
  seq: number;
  at: string;
}

interface Own {
  bid?: Offer | null;
  rank?: number | null;
  lead_cost?: string | null;
  bids?: number;
  ranking?: Ranked[];
}

export type Values = Readonly<Record<string, Fraction>>;

export const rule = (page.state.detail as unknown as { rule: Rule }).rule;
export const ceiling = BigInt(rule.start_price_minor);
export const own = computed(() => (you.value?.detail ?? null) as Own | null);
export const isBuyer = computed(() => you.value?.paddle === 0);

/** What everybody sees once it is over, and the buyer, if the rule says so, before. */
export const ranking = computed(() => (state.value.detail?.["ranking"] ?? own.value?.ranking ?? null) as Ranked[] | null);

export const lang = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
export const nameOf = (one: Attribute): string => (lang === "zh" ? one.name_zh || one.name_en : one.name_en || one.name_zh);
export const unitOf = (one: Attribute): string => (lang === "zh" ? one.unit_zh || one.unit_en : one.unit_en || one.unit_zh);
export const bestOf = (one: Attribute): string => (one.better === "lower" ? one.lowest : one.highest);

/** What one value adds: minor units, or a share of the price. */
export function worth(one: Attribute, value: Fraction): Fraction {
  const weight = fraction(BigInt(one.weight_numerator), BigInt(one.weight_denominator));
  return times(weight, absolute(minus(value, decimal(bestOf(one))!)));
}

const sum = (counts: Attribute["counts"], values: Values): Fraction =>
  rule.attributes.filter((one) => one.counts === counts).reduce((total, one) => add(total, worth(one, values[one.key]!)), fraction(0n));

const factor = (values: Values): Fraction => add(fraction(1n), sum("factor", values));

export function costOf(priceMinor: bigint, values: Values): Fraction {
  return add(times(fraction(priceMinor), factor(values)), sum("money", values));
}

export type Problem = "empty" | "range" | "floor";

/** What is wrong with one value, if anything. */
export function problemOf(one: Attribute, value: Fraction | undefined): Problem | null {
  if (value === undefined) return "empty";
  if (isUnder(value, decimal(one.lowest)!) || isUnder(decimal(one.highest)!, value)) return "range";
  if (one.floor === null) return null;
  const bound = decimal(one.floor)!;
  return (one.better === "lower" ? isUnder(bound, value) : isUnder(value, bound)) ? "floor" : null;
}

const beats = (cost: Fraction, former: Fraction, by: string): boolean =>
  isUnder(cost, former) && isAtMost(fraction(BigInt(by)), minus(former, cost));

function onGrid(price: bigint): bigint | null {
  const step = BigInt(rule.decrement_minor);
  const found = price - ((((price - ceiling) % step) + step) % step);
  return found > 0n ? found : null;
}

function priceFor(cost: Fraction, isStrict: boolean, values: Values): bigint {
  const share = over(minus(cost, sum("money", values)), factor(values));
  const whole = floor(share);
  return isStrict && share.den === 1n ? whole - 1n : whole;
}

/** The highest price that would stand now beside these values, as far as this viewer can know. */
export function highestLegal(values: Values): bigint | null {
  const mine = own.value?.bid ?? null;
  const leading = own.value?.lead_cost ?? null;
  let highest = ceiling;
  if (mine !== null) {
    const bound = minus(fromText(mine.cost), fraction(BigInt(rule.back_buffer_minor)));
    const price = priceFor(bound, BigInt(rule.back_buffer_minor) === 0n, values);
    if (price < highest) highest = price;
  }
  const price = onGrid(highest);
  if (leading === null || leading === mine?.cost || price === null) return price;
  const cost = costOf(price, values);
  const lead = fromText(leading);
  if (!isUnder(cost, lead) || beats(cost, lead, rule.front_buffer_minor)) return price;
  return onGrid(priceFor(minus(lead, fraction(BigInt(rule.front_buffer_minor))), false, values));
}

/** A total cost as people read it; where it is no whole number of minor units, that is said. */
export function costText(cost: Fraction): string {
  if (cost.den === 1n) return money.text(cost.num);
  return text("reverse.about", { amount: money.text(floor(add(cost, fraction(1n, 2n)))) });
}
