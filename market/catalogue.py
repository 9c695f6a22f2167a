"""Every sentence the house says, in both languages, read from `market/catalogue/*.toml` and checked when it is loaded.

An entry is a table with exactly the fields `en` and `zh`; its dotted name is its key. Knows nothing of pages.

CatalogueError          the files are wrong: a language is missing, placeholders differ, a key is given twice
└── MissingText         a key was asked for that no file has
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from markupsafe import Markup, escape

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
DIRECTORY = Path(__file__).parent / "catalogue"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class CatalogueError(Exception):
    """The catalogue files contradict themselves."""


class MissingText(CatalogueError, KeyError):
    """No file has this key."""


class Catalogue:
    """All texts by key. `text` fills `{name}` placeholders; a Markup parameter makes the answer Markup, the rest escaped."""

    def __init__(self, entries: Mapping[str, Mapping[Language, str]]) -> None:
        self._entries = dict(entries)
        self._areas: dict[tuple[Language, tuple[str, ...]], dict[str, str]] = {}

    @classmethod
    def load(cls, directory: Path | None = None) -> Catalogue:
        """Read and check every file of `directory`; without one, the house's own, which are read once in a process."""
        return cls(_own_entries() if directory is None else _entries_of(directory))

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def keys(self) -> Iterable[str]:
        """Every key."""
        return self._entries.keys()

    def placeholders(self, key: str) -> frozenset[str]:
        """The names that `text` must be given for `key`."""
        return frozenset(_PLACEHOLDER.findall(self._entry(key)["en"]))

    def text(self, key: str, lang: str, /, **params: object) -> str:
        """The sentence of `key` in `lang`. Raises MissingText for an unknown key and for a missing parameter."""
        sentence = self._entry(key)["zh" if lang == "zh" else "en"]
        if any(isinstance(value, Markup) for value in params.values()):
            return Markup(_fill(key, str(escape(sentence)), {k: escape(v) for k, v in params.items()}))
        return _fill(key, sentence, params)

    def area(self, lang: str, *areas: str) -> dict[str, str]:
        """The raw sentences of the named areas (`"lot"` is every `lot.…`) in `lang`, for the page's own script."""
        language: Language = "zh" if lang == "zh" else "en"
        if (language, areas) not in self._areas:
            wanted = tuple(f"{area}." for area in areas)
            found = {key: entry[language] for key, entry in self._entries.items() if key.startswith(wanted)}
            self._areas[language, areas] = found
        return dict(self._areas[language, areas])

    def _entry(self, key: str) -> Mapping[Language, str]:
        try:
            return self._entries[key]
        except KeyError:
            raise MissingText(key) from None


@cache
def _own_entries() -> Mapping[str, Mapping[Language, str]]:
    return _entries_of(DIRECTORY)


def _entries_of(directory: Path) -> Mapping[str, Mapping[Language, str]]:
    entries: dict[str, Mapping[Language, str]] = {}
    for path in sorted(directory.glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{path.name}: {error}") from error
        for key, entry in _flatten(tables, ()):
            if key in entries:
                raise CatalogueError(f"{path.name}: {key} is given twice")
            entries[key] = _checked(path.name, key, entry)
    return entries


def _fill(key: str, sentence: str, params: Mapping[str, object]) -> str:
    def value(match: re.Match[str]) -> str:
        try:
            return str(params[match[1]])
        except KeyError:
            raise MissingText(f"{key} needs {match[1]}") from None

    return _PLACEHOLDER.sub(value, sentence)


def _flatten(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    leaves = {name for name, value in table.items() if not isinstance(value, dict)}
    if leaves:
        yield ".".join(path), {name: table[name] for name in leaves}
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, (*path, name))


def _checked(file: str, key: str, entry: Mapping[str, Any]) -> Mapping[Language, str]:
    if set(entry) != set(LANGUAGES):
        raise CatalogueError(f"{file}: {key} must have exactly en and zh, not {sorted(entry)}")
    if not all(isinstance(text, str) and text.strip() for text in entry.values()):
        raise CatalogueError(f"{file}: {key} has an empty text")
    names = {language: set(_PLACEHOLDER.findall(entry[language])) for language in LANGUAGES}
    if names["en"] != names["zh"]:
        raise CatalogueError(f"{file}: {key} has other placeholders in zh than in en")
    return cast("Mapping[Language, str]", entry)


if __name__ == "__main__":
    Catalogue.load()
