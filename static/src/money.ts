/** Money in the browser: BigInt minor units, exact parsing of typed amounts, and text for people. No float anywhere. */

export type AmountProblem = "empty" | "not_a_number" | "too_many_decimals" | "not_positive" | "too_large";
export type Parsed = { minor: bigint } | { problem: AmountProblem };

const LARGEST_MINOR = 1_000_000_000_000_000n;

/** Minor units of an amount as people type it; the same rule as the server's `market/currencies.py`. */
export function parseAmount(typed: string, exponent: number): Parsed {
  if (/\p{No}/u.test(typed)) return { problem: "not_a_number" }; // "10²" is not 102.
  let plain = typed.normalize("NFKC").replaceAll("，", ",").replaceAll("。", ".");
  plain = plain.replace(/HK\$|JP¥|[\s¥$€£'’_]/g, "");
  if (plain === "") return { problem: "empty" };
  const negative = /^[-−]/.test(plain);
  const unsigned = plain.replace(/^[-−+]+/, "");
  const point = unsigned.indexOf(".");
  const whole = point < 0 ? unsigned : unsigned.slice(0, point);
  const decimals = point < 0 ? "" : unsigned.slice(point + 1);
  if (!/^(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)$/.test(whole || "0") || !/^[0-9]*$/.test(decimals)) {
    return { problem: "not_a_number" };
  }
  if (whole === "" && decimals === "") return { problem: "not_a_number" };
  if (decimals.length > exponent) return { problem: "too_many_decimals" };
  const digits = (whole.replaceAll(",", "") || "0") + decimals.padEnd(exponent, "0");
  if (digits.replace(/^0+/, "").length > 16) return { problem: "too_large" };
  const minor = BigInt(digits);
  if (negative || minor === 0n) return { problem: "not_positive" };
  return minor <= LARGEST_MINOR ? { minor } : { problem: "too_large" };
}

/** Minor units as a plain decimal string, `1234.50`. */
export function decimalText(minor: bigint, exponent: number): string {
  const sign = minor < 0n ? "-" : "";
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, "0");
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** Currencies whose narrow symbol is another one's here; the same signs as the server's. */
const OWN_SIGNS: Record<string, string> = { HKD: "HK$", JPY: "JP¥" };

/** How amounts of one currency read in one language: a short sign, each currency its own, and no `.00` on whole amounts. */
export class Money {
  private readonly format: Intl.NumberFormat;

  constructor(
    lang: string,
    readonly currency: string,
    readonly exponent: number,
  ) {
    this.format = new Intl.NumberFormat(lang, {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: exponent,
      maximumFractionDigits: exponent,
      trailingZeroDisplay: "stripIfInteger",
    } as Intl.NumberFormatOptions);
  }

  /** Text of an amount; Intl is given the decimal string, which it formats digit for digit. */
  text(minor: bigint): string {
    const parts = this.format.formatToParts(decimalText(minor, this.exponent) as `${number}`);
    return parts.map(({ type, value }) => (type === "currency" ? (OWN_SIGNS[this.currency] ?? value) : value)).join("");
  }
}

/** An amount from the wire: a string of digits, or null. */
export function fromWire(minor: string | null | undefined): bigint | null {
  return minor === null || minor === undefined ? null : BigInt(minor);
}
