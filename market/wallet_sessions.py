"""The unlocked wallet of a session: which handle it has, until when, and the cookie that carries it.

The handle's token is worthless to anybody else: the vault binds it to the party and to this session. The server keeps
nothing; whether a wallet is open is asked of the vault.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.requests import HTTPConnection
from starlette.responses import Response

from escrow.vault_client import VaultError
from escrow.vault_facts import UNLOCKED_SECONDS, Unlocked, VaultKey, WalletHandle, WalletState
from market.house import house_of

if TYPE_CHECKING:
    from market.viewer import Viewer

COOKIE = "__Host-gavelhouse_wallet"


class UnreachableRefusal(StrEnum):
    """The house's own word, where the vault itself can't speak; the sentence is `market_refusal.<value>`."""

    VAULT_UNREACHABLE = "vault_unreachable"


class OpenVault(Struct, frozen=True, kw_only=True):
    """What a page needs of the vault: the key to seal to, the wallet as it lies, and until when it is unlocked."""

    key: VaultKey
    state: WalletState
    handle: WalletHandle | None = None
    until: datetime | None = None

    @property
    def is_unlocked(self) -> bool:
        return self.until is not None


def session_key(viewer: Viewer) -> str:
    """What names the session (or the program's token) to the vault; no secret."""
    return f"session:{viewer.session_id}" if viewer.session_id is not None else f"token:{viewer.token_id}"


def handle_of(connection: HTTPConnection, token: str | None = None) -> WalletHandle | None:
    """The handle that the browser's cookie, or a program's call, brings along."""
    given = token or connection.cookies.get(COOKIE, "")
    viewer: Viewer = connection.user
    if not given or len(given) > 512:
        return None
    return WalletHandle(party_id=viewer.id, session_key=session_key(viewer), token=given)


async def open_vault(connection: HTTPConnection) -> OpenVault | None:
    """The vault as this viewer finds it; None when it can't be reached, and then everything but cards still works."""
    vault = house_of(connection).vault
    handle = handle_of(connection)
    try:
        key, state = await vault.public_key(), await vault.wallet(connection.user.id)
        until = await vault.is_unlocked(handle) if handle is not None and state.exists else None
    except VaultError:
        return None
    return OpenVault(key=key, state=state, handle=handle if until else None, until=until)


def remember(response: Response, unlocked: Unlocked) -> None:
    """The browser keeps the handle for as long as the vault does; scripts can't read it."""
    response.set_cookie(
        COOKIE,
        unlocked.handle.token,
        max_age=UNLOCKED_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
