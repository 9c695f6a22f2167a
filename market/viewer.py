"""Who is looking: the visitor, member or operator behind a request or a socket. Knows nothing of cookies or tokens."""

from __future__ import annotations

from dataclasses import dataclass

MEMBER = "member"
OPERATOR = "operator"

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """`request.user`. A visitor has no party. `session_id` is None for API tokens, `token_id` for sessions."""

    party_id: int | None = None
    roles: frozenset[str] = frozenset()
    display_name: str = ""
    language: str = "en"
    session_id: int | None = None
    token_id: int | None = None
    unread_notices: int = 0

    @property
    def is_signed_in(self) -> bool:
        return self.party_id is not None

    @property
    def is_operator(self) -> bool:
        return OPERATOR in self.roles

    @property
    def id(self) -> int:
        """The party's id on a route that only members reach; the authorization table guarantees it."""
        assert self.party_id is not None, "this route must have a row of at least MEMBER"
        return self.party_id


def preferred_language(chosen: str | None, accept_language: str) -> str:
    """The language a visitor chose, else the first of his Accept-Language that the house speaks, else English."""
    if chosen in LANGUAGES:
        return chosen
    weighted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language.split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        weighted.append((-quality, position, tag.strip().lower().partition("-")[0]))
    for quality, _, language in sorted(weighted):
        if language in LANGUAGES and quality < 0:
            return language
    return "en"
