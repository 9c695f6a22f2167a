"""What is wrong with a page as somebody sees it: for axe, to the side, under a finger, in its words, on its console."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from playwright.async_api import Page

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 360)
ALL = os.environ.get("GAVELHOUSE_PAGES") == "all"
"""The long form: axe judges every page at every width in both themes."""
_ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""What another theme can break of a page that was judged in full at this width: it changes colours and nothing else."""

_MANY_ALIKE = "" if ALL else "main section > article[id]:nth-of-type(n+4)"
"""Of the hundreds of operations and shapes that a section of `/api` lists in one way, axe judges the first three."""

_AXE_FAULTS = """async (rules) => {
    if ("MANY_ALIKE") for (const one of document.querySelectorAll("MANY_ALIKE")) one.remove();
    onceMore();
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return found.violations.map((one) => `axe ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}""".replace("MANY_ALIKE", _MANY_ALIKE)

# Nearly all of axe's time goes into the contrast of each text with what lies behind it. Texts of one colour and size on
# the same grounds all the way up have one contrast: the first few of them are judged for all.
_ALIKE = 3
_JUDGE_ALIKE_ONCE = """(() => {
    const rule = axe._audit.rules.find((one) => one.id === "color-contrast"), isJudged = rule.matches;
    const ground = ["backgroundColor", "backgroundImage", "opacity", "position", "filter", "mixBlendMode"];
    let grounds, alike;
    globalThis.onceMore = () => { grounds = new Map(); alike = new Map(); };
    const groundsOf = (one) => {
        if (!one) return "";
        if (!grounds.has(one)) {
            const style = getComputedStyle(one);
            grounds.set(one, `${ground.map((name) => style[name])} on ${groundsOf(one.parentElement)}`);
        }
        return grounds.get(one);
    };
    rule.matches = function (node, ...more) {
        if (!isJudged.call(this, node, ...more)) return false;
        const { color, fontSize, fontWeight, textShadow } = getComputedStyle(node);
        const look = [color, fontSize, fontWeight, textShadow, groundsOf(node)].join();
        alike.set(look, (alike.get(look) ?? 0) + 1);
        return alike.get(look) <= ALIKE;
    };
})();""".replace("ALIKE", str(_ALIKE))

# A box is judged where it can be pressed; a tick box or radio by the label around it.
_SMALL_TARGETS = """() => [...document.querySelectorAll("button, .button, select, summary, input, textarea")]
    .map((one) => (one.matches("[type=checkbox], [type=radio]") ? one.closest("label") ?? one : one))
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".vh"))
    .filter((one) => { const box = one.getBoundingClientRect(); return box.width > 1 && (box.height < 43.5 || box.width < 43.5); })
    .map((one) => `target under 44 px: ${one.outerHTML.slice(0, 120)}`)"""

_BARE_KEYS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), bare = [];
    while (walker.nextNode()) {
        const words = walker.currentNode.data.trim(), holder = walker.currentNode.parentElement;
        if (/^[a-z_]+(\\.[a-z_]+)+$/.test(words) && !holder.closest("script, style, code, pre, .mono")) bare.push(`bare key: ${words}`);
        if (/^\\{[a-z_]+\\}$|\\bundefined\\b|\\bNaN\\b/.test(words) && !holder.closest("script, style, code, pre, .mono")) bare.push(`unfilled: ${words.slice(0, 80)}`);
    }
    return bare;
}"""

_SIDEWAYS = """() => {
    const excess = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (excess <= 0) return [];
    const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5);
    return [`sideways by ${excess} px: ${wide.slice(-3).map((one) => one.outerHTML.slice(0, 100)).join(" | ")}`];
}"""


async def faults_of(
    page: Page, widths: Sequence[int] = WIDTHS, judged: Collection[tuple[int, str]] | None = None
) -> list[str]:
    """Every fault of the page that is open, in both themes and these widths; each says where it was seen.

    Axe judges it in the widths and themes `judged`; unless these are named, light where it is widest and dark where it is
    narrowest. In the long form it judges all of them.
    """
    if ALL:
        judged = {(width, theme) for width in widths for theme in THEMES}
    elif judged is None:
        judged = {(max(widths), "light"), (min(widths), "dark")}
    await _give_axe(page)
    faults = list(await page.evaluate(_BARE_KEYS))
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 800})
        seen = [*await page.evaluate(_SIDEWAYS), *await page.evaluate(_SMALL_TARGETS)]
        rules = _ALL
        for theme in THEMES:
            if (width, theme) not in judged:
                continue
            # Without motion, so that no colour is caught half way.
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found: list[Any] = await page.evaluate(_AXE_FAULTS, rules)
            rules = _COLOURS
            seen += [f"{theme}: {one}" for one in found]
        faults += [f"{width}: {one}" for one in seen]
    return faults


async def axe_faults(page: Page) -> list[str]:
    """What axe finds wrong with the page as it stands."""
    await _give_axe(page)
    return list(await page.evaluate(_AXE_FAULTS, _ALL))


async def sideways(page: Page) -> list[str]:
    """By how much the page is wider than its window, and what sticks out."""
    return list(await page.evaluate(_SIDEWAYS))


async def _give_axe(page: Page) -> None:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe_script())


@cache
def axe_script() -> str:
    """What makes a page able to judge itself; a context that opens many pages takes it as an init script."""
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    return f"{axe}\n{_JUDGE_ALIKE_ONCE}"
