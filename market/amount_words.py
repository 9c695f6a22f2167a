"""A sum of money in words, as documents need it: in English, and in the financial capitals of Chinese [大写].

The Chinese follows 《支付结算办法》 annex 1 (People's Bank, 1997): runs of zeros are one 零, 整 closes a sum that ends with
the yuan or the jiao and never one that ends with the fen, 零 stands between yuan and fen when there is no jiao. The
English is the convention of cheques: the fraction in figures, and no other "and" that could be taken for it.
"""

from __future__ import annotations

from market.currencies import EXPONENTS

# fmt: off
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
_THOUSANDS = ("", " thousand", " million", " billion", " trillion", " quadrillion")

_CAPITALS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")

_CHINESE_NAMES = {
    "CNY": ("人民币", "元"),
    "USD": ("美元", "元"),
    "EUR": ("欧元", "元"),
    "HKD": ("港币", "元"),
    "JPY": ("日元", "元"),
    "GBP": ("英镑", "镑"),
    "KWD": ("科威特第纳尔", "第纳尔"),
}
"""Currency → its name, which opens the sum, and its unit, which follows the whole number."""

_CHINESE_FRACTIONS = {"GBP": "便士", "KWD": "费尔"}
"""Where the fraction is counted in one small unit, not in jiao and fen."""


def in_words_en(minor: int, currency: str) -> str:
    """`CNY ten thousand one hundred and 50/100`; a currency without decimals has no fraction. ValueError if negative."""
    whole, fraction, exponent = _split(minor, currency)
    words = f"{currency} {_english(whole)}"
    return f"{words} and {fraction:0{exponent}d}/{10**exponent}" if exponent else words


def in_words_zh(minor: int, currency: str) -> str:
    """`人民币壹万零壹佰元伍角整`. ValueError if negative or if the currency is not traded here."""
    whole, fraction, exponent = _split(minor, currency)
    name, unit = _CHINESE_NAMES[currency]
    # A sum below one unit opens with its fraction: 伍角整, not 零元伍角整.
    head = name if fraction and not whole else name + _chinese(whole) + unit
    if not fraction:
        return head + "整"
    if (small_unit := _CHINESE_FRACTIONS.get(currency)) is not None:
        gap = "零" if whole and fraction < 10 ** (exponent - 1) else ""
        return head + gap + _chinese(fraction) + small_unit
    jiao, fen = divmod(fraction, 10)
    if not jiao:
        return head + ("零" if whole else "") + _CAPITALS[fen] + "分"
    return head + _CAPITALS[jiao] + "角" + (_CAPITALS[fen] + "分" if fen else "整")


def _split(minor: int, currency: str) -> tuple[int, int, int]:
    if currency not in EXPONENTS:
        raise ValueError(f"{currency!r} is not a currency of this house")
    if minor < 0:
        raise ValueError(f"{minor} is negative; a document states sums, not balances")
    exponent = EXPONENTS[currency]
    return *divmod(minor, 10**exponent), exponent


def _english(number: int) -> str:
    groups = []
    for name in _THOUSANDS:
        number, group = divmod(number, 1000)
        if group:
            groups.append(_english_group(group) + name)
    if number:
        raise ValueError("a sum this large has no name")
    return " ".join(reversed(groups)) or _SMALL[0]


def _english_group(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(f"{_TENS[tens]}-{_SMALL[ones]}" if ones else _TENS[tens])
    elif rest:
        words.append(_SMALL[rest])
    return " ".join(words)


def _chinese(number: int) -> str:
    for size, name in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            high, low = divmod(number, size)
            # The zero is read wherever the lower group does not fill its first place: 壹亿零壹, 壹万零壹佰.
            gap = "零" if 0 < low < size // 10 else ""
            return _chinese(high) + name + gap + (_chinese(low) if low else "")
    return _chinese_group(number)


def _chinese_group(number: int) -> str:
    if number == 0:
        return "零"
    text, waiting = "", False
    for place in reversed(range(4)):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if waiting and text else "") + _CAPITALS[digit] + _PLACES[place]
        waiting = not digit
    return text
