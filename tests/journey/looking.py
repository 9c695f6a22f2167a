"""What is wrong with a page as somebody sees it: for axe, to the side, under a finger, in its words, on its console."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

from playwright.async_api import Page

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 360)
_ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""What another theme can break: it changes colours and nothing else."""
_RULES = {"light": _ALL, "dark": _COLOURS}

_AXE_FAULTS = """async (rules) => {
    const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    return found.violations.map((one) => `axe ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""

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


async def faults_of(page: Page) -> list[str]:
    """Every fault of the page that is open, in both themes and widths; each says where it was seen."""
    await page.evaluate(_axe())
    faults = list(await page.evaluate(_BARE_KEYS))
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        seen = [*await page.evaluate(_SIDEWAYS), *await page.evaluate(_SMALL_TARGETS)]
        for theme in THEMES:
            # Without motion, so that no colour is caught half way.
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found: list[Any] = await page.evaluate(_AXE_FAULTS, _RULES[theme])
            seen += [f"{theme}: {one}" for one in found]
        faults += [f"{width}: {one}" for one in seen]
    return faults


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
