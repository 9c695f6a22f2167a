"""Every named query of every package is understood by Postgres on the migrated schema, as the role that will ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrations.database import Role, connect
from migrations.queries import QueryFileError, load_queries, parse_queries, query_areas

if TYPE_CHECKING:
    from migrations.database import Address

ROLES = {
    "auction": Role.APP,
    "escrow": Role.APP,
    "market": Role.APP,
    "escrow.sandbox_bank": Role.BANK,
    "escrow.vault": Role.VAULT,
}
FILES = [(package, area) for package in ROLES for area in query_areas(package)]


@pytest.mark.parametrize(("package", "area"), FILES, ids=lambda part: part or "queries")
async def test_every_named_query_is_understood_by_postgres(
    module_database: Address, package: str, area: str | None
) -> None:
    conn = await connect(module_database, ROLES[package])
    faults = []
    for name, statement in load_queries(package, area):
        try:
            await conn.prepare(statement)
        except Exception as error:
            faults.append(f"{name}: {error}")
    await conn.close()
    assert faults == []


def test_every_package_with_a_store_has_queries() -> None:
    assert {package for package, _ in FILES} == set(ROLES)


def test_a_query_is_reached_by_its_name() -> None:
    queries = parse_queries(
        "-- name: one\n-- The first.\nselect 1;\n\n-- A title.\n\n-- name: two\n-- Next.\nselect 2", "x"
    )
    assert queries == {"one": "select 1", "two": "select 2"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-- name: one\nselect 1", "no sentence"),
        ("-- name: one\n-- Only words.\n", "no statement"),
        ("-- name: one two\n-- Words.\nselect 1", "not a name"),
        ("-- name: 1st\n-- Words.\nselect 1", "not a name"),
        ("-- name: a\n-- Words.\nselect 1;\n-- name: a\n-- Words.\nselect 2", "stands twice"),
    ],
)
def test_a_malformed_file_is_refused_by_name(text: str, fault: str) -> None:
    with pytest.raises(QueryFileError, match=fault):
        parse_queries(text, "x")


def test_a_missing_query_is_an_attribute_error_that_names_the_file() -> None:
    with pytest.raises(AttributeError, match=r"auction/queries\.sql has no query named nonsense"):
        _ = load_queries("auction").nonsense
