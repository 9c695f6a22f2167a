"""Every sentence comes from the catalogue: each key that is used is there, and no template or script has words of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from market.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "market" / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "src").rglob("*.ts"))
MODULES = sorted((ROOT / "market").rglob("*.py"))
CATALOGUE = Catalogue.load()
KEYS = set(CATALOGUE.keys())
AREAS = {key.split(".")[0] for key in KEYS}
WORD = re.compile(r"[A-Za-z\u4e00-\u9fff]")
SPOKEN_ATTRIBUTES = re.compile(r"""\b(?:aria-label|title|alt|placeholder|label)=["']([^"'{$]*)["']""")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_known(key: str) -> bool:
    """A whole key, or the beginning of some (the rest is added when it runs)."""
    return key in KEYS or (key.endswith((".", "_")) and any(known.startswith(key) for known in KEYS))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_use_keys_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = set(re.findall(r"""\bt\(\s*["']([a-z_]+\.[A-Za-z0-9_.]*)["']""", text))
    assert {key for key in used if not is_known(key)} == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_use_keys_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole = {key for key in re.findall(r"""["']([a-z_]+\.[a-z0-9_]+)["']""", text) if key.split(".")[0] in AREAS}
    begun = {key for key in re.findall(r"`([a-z_]+\.[a-z0-9_]*)\$\{", text) if key.split(".")[0] in AREAS}
    counted = set(re.findall(r"""counted\(["']([a-z_.]+)["']""", text))
    whole = (whole - counted) | {f"{key}_{many}" for key in counted for many in ("one", "other")}
    assert {key for key in whole if key not in KEYS} | {key for key in begun if not is_known(key)} == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_python_uses_keys_that_exist(path: Path) -> None:
    called = {key for key in literal_keys(ast.parse(path.read_text(encoding="utf-8"))) if key.split(".")[0] in AREAS}
    assert {key for key in called if not is_known(key)} == set()


def literal_keys(tree: ast.AST) -> Iterator[str]:
    """The literal keys given to `text`, `t` and `flash`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if function in ("text", "t", "flash"):
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value:
                    yield argument.value


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_have_no_words_of_their_own(path: Path) -> None:
    source = re.sub(r"{% block (?:body|main)_class %}.*?{% endblock %}", "", path.read_text(encoding="utf-8"))
    tokens = jinja2.Environment().lex(source)
    html = "".join(
        str(value) if kind == "data" else "\x00" if kind.endswith("begin") else "" for _, kind, value in tokens
    )
    html = re.sub(r"<!--.*?-->|<!doctype html>", "", html, flags=re.DOTALL | re.IGNORECASE)
    html = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    spoken = [value for value in SPOKEN_ATTRIBUTES.findall(html) if WORD.search(value)]
    html = re.sub(r"""\s[a-z-]+=["'][^"']*["']""", "", html)
    between = [text.strip() for text in re.split(r"<[^>]*>", html) if WORD.search(text)]
    assert (spoken, between) == ([], [])


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_have_no_words_of_their_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for template in html_templates(text):
        spoken = [value for value in SPOKEN_ATTRIBUTES.findall(template) if WORD.search(value)]
        between = [part.strip() for part in re.split(r"<[^>]*>", template) if WORD.search(part)]
        assert (spoken, between) == ([], [])


def html_templates(text: str) -> Iterator[str]:
    """The literal parts of each html`…`, with what is computed left out."""
    for start in (match.end() for match in re.finditer(r"\bhtml`", text)):
        depth, at, literal = 0, start, ""
        while at < len(text) and not (depth == 0 and text[at] == "`"):
            if text.startswith("${", at):
                depth, at = depth + 1, at + 2
                literal += "\x00" if depth == 1 else ""
                continue
            if depth and text[at] in "{}":
                depth += 1 if text[at] == "{" else -1
            elif depth == 0:
                literal += text[at]
            at += 1
        yield literal
