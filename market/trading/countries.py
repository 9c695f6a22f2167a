"""Countries by their ISO 3166 codes, with their names in both languages as Unicode's CLDR has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from babel import Locale

_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"})


@cache
def country_names(lang: str) -> dict[str, str]:
    """Code → name in `lang`, in the order of the names."""
    known = Locale.parse("zh_CN" if lang == "zh" else "en").territories
    names = {
        code: name.replace("特别行政区", "") if lang == "zh" else name.replace(" SAR China", ", China")
        for code, name in known.items()
        if len(code) == 2 and code.isalpha() and code.isupper() and code not in _NO_COUNTRIES
    }
    if lang == "zh":
        names["TW"] = "中国台湾"
    first = ("CN", "HK", "MO", "TW")
    kept = {code: names[code] for code in first if code in names and lang == "zh"}
    rest = sorted((code for code in names if code not in kept), key=lambda code: (names[code], code))
    return {**kept, **{code: names[code] for code in rest}}


def country_name(code: str, lang: str) -> str:
    """The country's name, or its code where CLDR has none."""
    return country_names(lang).get(code, code)


def naming(lang: str) -> Callable[[str], str]:
    """What names a country by its code to this reader, for a template."""
    return partial(country_name, lang=lang)


def country_code(text: str) -> str | None:
    """The code that a person means by a code or a name in either language."""
    return _codes().get(text.strip().casefold())


@cache
def _codes() -> dict[str, str]:
    known = [(code, name) for lang in ("en", "zh") for code, name in country_names(lang).items()]
    # A code is never taken for another country's name.
    return {name.casefold(): code for code, name in known} | {code.casefold(): code for code, _ in known}
