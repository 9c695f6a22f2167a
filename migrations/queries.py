"""Named queries: SQL that lives in `.sql` files of a package, loaded once and reached by name.

A file is a row of `-- name: snake_name`, a sentence as a comment, and the statement. This module knows the form of
such a file and nothing of any query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: *(?P<name>.*?) *$")


class QueryFileError(Exception):
    """A `.sql` file of queries does not have the agreed form; the message names file, query and fault."""


class Queries:
    """The queries of one file: `queries.lot_by_id` is the statement, iterating gives (name, statement)."""

    def __init__(self, source: str, statements: dict[str, str]) -> None:
        self._source = source
        self._statements = statements
        # As attributes of their own they are found without a call; they are asked for at every turn.
        self.__dict__.update(statements)

    def __getattr__(self, name: str) -> str:
        raise AttributeError(f"{self._source} has no query named {name}")

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._statements.items())

    def __len__(self) -> int:
        return len(self._statements)


@cache
def load_queries(package: str, area: str | None = None) -> Queries:
    """The queries of `package/queries.sql`, or of `package/queries/area.sql`. `package` may be dotted."""
    root = files(package)
    source = root / "queries.sql" if area is None else root / "queries" / f"{area}.sql"
    label = f"{package}/queries.sql" if area is None else f"{package}/queries/{area}.sql"
    return Queries(label, parse_queries(source.read_text(encoding="utf-8"), label))


def query_areas(package: str) -> list[str | None]:
    """Every area of a package that has a file of queries; None stands for `queries.sql` itself."""
    root = files(package)
    areas: list[str | None] = [None] if (root / "queries.sql").is_file() else []
    folder: Traversable = root / "queries"
    if folder.is_dir():
        areas += sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return areas


def parse_queries(text: str, label: str) -> dict[str, str]:
    """Name → statement. Refuses a name twice, a name that is no identifier, no sentence, or no statement."""
    statements: dict[str, str] = {}
    for name, body in _sections(text):
        if not name.isidentifier():
            raise QueryFileError(f"{label}: {name!r} is not a name")
        if name in statements:
            raise QueryFileError(f"{label}: {name} stands twice")
        if not body or not body[0].startswith("-- "):
            raise QueryFileError(f"{label}: {name} has no sentence that says what it asks")
        statement = _statement(body)
        if not statement:
            raise QueryFileError(f"{label}: {name} has no statement")
        statements[name] = statement
    return statements


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    name: str | None = None
    body: list[str] = []
    for line in text.splitlines():
        if heading := _NAME.match(line):
            if name is not None:
                yield name, body
            name, body = heading["name"], []
        elif name is not None:
            body.append(line)
    if name is not None:
        yield name, body


def _statement(body: list[str]) -> str:
    lines = list(body)
    while lines and (lines[0].startswith("--") or not lines[0].strip()):
        lines.pop(0)
    # Comments that lead to the next heading (a section's title) are no part of this statement.
    while lines and (lines[-1].startswith("--") or not lines[-1].strip()):
        lines.pop()
    return "\n".join(lines).strip().removesuffix(";").strip()
