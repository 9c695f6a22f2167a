"""What every page with the wallet needs: the vault's state for the template, and a way back with a sentence.

A sealed form posts one line that only the vault can read; a refusal leads back to the page with its sentence.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse

from escrow.vault_facts import Refused, Unlocked, VaultRefusal, WalletHandle
from market.house import house_of
from market.pages.account import safe_next
from market.problems import sentence_key
from market.rendering import flash, language_of
from market.wallet_sessions import handle_of, open_vault, session_key

if TYPE_CHECKING:
    from market.rendering import FlashKind

LONGEST_SEALED = 8192


async def vault_context(request: Request) -> dict[str, Any]:
    """For templates: `vault` (None when it can't be reached) and `party_id`."""
    return {"vault": await open_vault(request), "party_id": request.user.id}


async def sealed_of(request: Request) -> tuple[str, dict[str, str]]:
    """The sealed line of a posted form, and what else was typed."""
    typed = await request.form()
    values = {name: value for name, value in typed.multi_items() if isinstance(value, str)}
    return values.pop("sealed", "")[:LONGEST_SEALED], values


async def wallet_of(
    request: Request, sealed: str, typed: dict[str, str]
) -> tuple[WalletHandle, Unlocked | None] | Refused | VaultRefusal:
    """The wallet as this form opens or unlocks it (then the response is to `remember` it), or as it is unlocked already.
    Raises VaultError.
    """
    if not sealed:
        handle = handle_of(request)
        return VaultRefusal.WALLET_LOCKED if handle is None else (handle, None)
    vault = house_of(request).vault
    act = vault.open_wallet if typed.get("wallet") == "new" else vault.unlock
    opened = await act(request.user.id, session_key(request.user), sealed)
    return opened if isinstance(opened, Refused) else (opened.handle, opened)


def back(request: Request, to: str, key: str, kind: FlashKind = "done", **params: object) -> RedirectResponse:
    """To a page of this house, with a sentence."""
    response = RedirectResponse(safe_next(to), 303)
    flash(response, key, kind=kind, **params)
    return response


def refused(request: Request, to: str, refusal: StrEnum | Refused) -> RedirectResponse:
    """Back with the refusal's sentence; where waiting helps, with the minutes to wait."""
    if isinstance(refusal, Refused):
        if refusal.until is not None:
            minutes = minutes_until(refusal.until, house_of(request).node_time.now())
            return back(request, to, "purse.wait", "problem", minutes=minutes)
        refusal = refusal.refusal
    return back(request, to, sentence_key(refusal), "problem")


def minutes_until(until: datetime, now: datetime) -> int:
    return max(1, -(-int((until - now).total_seconds()) // 60))


def words(request: Request, key: str, **params: object) -> str:
    """A sentence in the viewer's language."""
    return house_of(request).catalogue.text(key, language_of(request), **params)
