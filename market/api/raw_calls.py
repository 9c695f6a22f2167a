"""Operations that talk to the vault or the bank on their way: they hold no connection and no transaction meanwhile."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from escrow.vault_facts import Refused, VaultRefusal, WalletHandle
from market import wallet_sessions
from market.api.operations import JSON
from market.problems import Problem, ProblemError

T = TypeVar("T")


async def body_of(request: Request, kind: type[T]) -> T:
    """The body as its struct. Raises the problem that other operations answer with too."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise ProblemError(Problem.UNSUPPORTED_MEDIA)
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(Problem.MALFORMED, fault=str(error)) from error


def answered(value: Any, status: int = 200) -> Response:
    """The answer, or the problem that a refusal means."""
    if isinstance(value, Refused):
        if value.until is None:
            raise ProblemError(value.refusal)
        raise ProblemError(value.refusal, until=value.until)
    if isinstance(value, StrEnum):
        raise ProblemError(value)
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def handle_in(request: Request, token: str) -> WalletHandle:
    """The unlocked wallet that the program names."""
    handle = wallet_sessions.handle_of(request, token)
    if handle is None:
        raise ProblemError(VaultRefusal.WALLET_LOCKED)
    return handle
