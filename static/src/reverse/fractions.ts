/** Exact fractions of BigInt, as `auction/formats/weighing.py` reckons them. No float anywhere. */

export interface Fraction {
  readonly num: bigint;
  readonly den: bigint;
}

const DECIMAL = /^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$/;

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b);
}

export function fraction(num: bigint, den = 1n): Fraction {
  const shared = gcd(num, den) || 1n;
  return den < 0n ? { num: -num / shared, den: -den / shared } : { num: num / shared, den: den / shared };
}

export const add = (a: Fraction, b: Fraction): Fraction => fraction(a.num * b.den + b.num * a.den, a.den * b.den);
export const minus = (a: Fraction, b: Fraction): Fraction => add(a, { num: -b.num, den: b.den });
export const times = (a: Fraction, b: Fraction): Fraction => fraction(a.num * b.num, a.den * b.den);
export const over = (a: Fraction, b: Fraction): Fraction => fraction(a.num * b.den, a.den * b.num);
export const isUnder = (a: Fraction, b: Fraction): boolean => a.num * b.den < b.num * a.den;
export const isAtMost = (a: Fraction, b: Fraction): boolean => !isUnder(b, a);
export const absolute = (a: Fraction): Fraction => (a.num < 0n ? { num: -a.num, den: a.den } : a);

/** The largest whole number that is not above. */
export function floor({ num, den }: Fraction): bigint {
  const cut = num / den;
  return num < 0n && cut * den !== num ? cut - 1n : cut;
}

/** `num/den` from the wire. */
export function fromText(text: string): Fraction {
  const [num, den] = text.split("/");
  return fraction(BigInt(num!), BigInt(den ?? "1"));
}

/** A whole number or a plain decimal of at most six places; null for anything else. */
export function decimal(text: string): Fraction | null {
  if (!DECIMAL.test(text)) return null;
  const [whole, places = ""] = text.split(".");
  return fraction(BigInt(whole! + places), 10n ** BigInt(places.length));
}

/** A figure as people type it: full-width digits and stops are made plain. */
export function typedDecimal(typed: string): { text: string; value: Fraction } | null {
  const text = typed.normalize("NFKC").replaceAll("。", ".").trim();
  const value = decimal(text);
  return value === null ? null : { text, value };
}
