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
