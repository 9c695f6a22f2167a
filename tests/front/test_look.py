"""The look: every pair of text and ground can be read, and no file but the tokens names a colour or a size of type."""

import re
from pathlib import Path

import pytest

STYLES = Path(__file__).parents[2] / "static" / "src" / "styles"
TOKENS = dict(
    re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", (STYLES / "tokens.css").read_text())
)
TEXT_PAIRS = [
    *((text, ground) for text in ("ink", "quiet-ink", "seal", "leading", "outbid") for ground in ("paper", "surface", "sunk")),
    *((text, ground) for text in ("ink", "quiet-ink") for ground in ("seal-wash", "leading-wash", "outbid-wash")),
    ("seal", "seal-wash"),
    ("leading", "leading-wash"),
    ("outbid", "outbid-wash"),
    ("on-seal", "seal"),
    ("on-seal", "seal-strong"),
    ("paper", "ink"),
]  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colour(token: str, theme: int) -> str:
    return TOKENS[token].split(", ")[theme]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_stands_out_from_its_ground(text: str, ground: str, theme: int) -> None:
    assert contrast(colour(text, theme), colour(ground, theme)) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "surface"])
@pytest.mark.parametrize("line", ["edge", "focus"])
def test_edges_of_controls_and_the_focus_can_be_seen(line: str, ground: str, theme: int) -> None:
    assert contrast(colour(line, theme), colour(ground, theme)) >= 3


@pytest.mark.parametrize("path", [p for p in STYLES.glob("*.css") if p.name != "tokens.css"], ids=lambda p: p.name)
def test_only_the_tokens_name_colours(path: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    rules = rules.split("@media print")[0]  # paper has one colour of its own: black
    named = re.findall(
        r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)|\b(?:rgb|hsl|oklch|lab)a?\(|:\s*(?:white|black|red|green|gray)\b", rules
    )
    assert named == []
