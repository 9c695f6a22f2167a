"""The wallet manager: open a wallet, unlock and lock it, its passphrase and passkeys, its cards.

Whatever is secret arrives sealed to the vault and is only handed on; this file never sees a passphrase or a card.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.vault_client import VaultError
from escrow.vault_facts import Refused, Unlocked, VaultRefusal, WalletHandle
from market import audit, parties, step_up, wallet_sessions
from market.house import house_of
from market.pages.account import safe_next
from market.pages.vault_forms import back, refused, sealed_of, vault_context
from market.refusals import MarketRefusal
from market.rendering import Form, render
from market.wallet_sessions import UnreachableRefusal, session_key

HOME = "/wallet/manager"


async def wallet_manager(request: Request) -> Response:
    """The wallet as it stands: not there yet, locked, or unlocked with everything that can be changed."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        party = await parties.party_by_id(conn, request.user.id)
    context = {
        **await vault_context(request),
        "form": Form(),
        "next": HOME,
        "this_year": house.node_time.now().year,
        "email": party.email if party else "",
    }
    return render(request, "wallet/manager.html", context)


async def wallet_open(request: Request) -> Response:
    """A new wallet; it is unlocked at once."""
    return await _unlocked(request, house_of(request).vault.open_wallet, "purse.opened")


async def wallet_unlock(request: Request) -> Response:
    """Ten minutes in which cards pay at one press."""
    return await _unlocked(request, house_of(request).vault.unlock, "purse.unlocked")


async def _unlocked(
    request: Request, act: Callable[[int, str, str], Awaitable[Unlocked | Refused]], done: str
) -> RedirectResponse:
    sealed, values = await sealed_of(request)
    to = safe_next(values.get("next") or HOME)
    try:
        unlocked = await act(request.user.id, session_key(request.user), sealed)
    except VaultError:
        return refused(request, to, UnreachableRefusal.VAULT_UNREACHABLE)
    if isinstance(unlocked, Refused):
        return refused(request, to, unlocked)
    response = back(request, to, done)
    wallet_sessions.remember(response, unlocked)
    return response


async def wallet_lock(request: Request) -> Response:
    """Locked now, before its time."""
    values = (await sealed_of(request))[1]
    handle = wallet_sessions.handle_of(request)
    response = back(request, safe_next(values.get("next") or HOME), "purse.locked")
    wallet_sessions.forget(response)
    if handle is not None:
        try:
            await house_of(request).vault.lock(handle)
        except VaultError:
            return refused(request, HOME, UnreachableRefusal.VAULT_UNREACHABLE)
    return response


async def wallet_passphrase(request: Request) -> Response:
    """Another passphrase; the old one is in the same envelope."""

    async def change(sealed: str, _: WalletHandle | None) -> Any:
        return await house_of(request).vault.change_passphrase(request.user.id, sealed)

    return await _act(request, change, "purse.passphrase_changed", needs_handle=False)


async def wallet_passphrase_add(request: Request) -> Response:
    """A passphrase for a wallet that so far has only passkeys."""

    async def add(sealed: str, handle: WalletHandle | None) -> Any:
        assert handle is not None
        return await house_of(request).vault.add_passphrase(handle, sealed)

    return await _act(request, add, "purse.passphrase_added")


async def wallet_passkey_add(request: Request) -> Response:
    """One more passkey that unlocks the wallet."""

    async def add(sealed: str, handle: WalletHandle | None) -> Any:
        assert handle is not None
        return await house_of(request).vault.add_passkey(handle, sealed)

    return await _act(request, add, "purse.passkey_added")


async def wallet_protection_remove(request: Request) -> Response:
    """One way to unlock less; the last one stays."""

    async def remove(_: str, handle: WalletHandle | None) -> Any:
        assert handle is not None
        return await house_of(request).vault.remove_protection(handle, request.path_params["protection_id"])

    return await _act(request, remove, "purse.protection_removed")


async def wallet_card_add(request: Request) -> Response:
    """A card, whose number only the vault can read."""

    async def add(sealed: str, handle: WalletHandle | None) -> Any:
        assert handle is not None
        return await house_of(request).vault.add_card(handle, sealed)

    return await _act(request, add, "purse.card_added")


async def wallet_card_remove(request: Request) -> Response:
    """The card is gone from the vault."""

    async def remove(_: str, handle: WalletHandle | None) -> Any:
        assert handle is not None
        return await house_of(request).vault.remove_card(handle, request.path_params["card_id"])

    return await _act(request, remove, "purse.card_removed")


async def wallet_discard(request: Request) -> Response:
    """Who has forgotten the passphrase gives the wallet up, cards and all, under the account's own passphrase."""
    house, party_id = house_of(request), request.user.id
    values = (await sealed_of(request))[1]
    if values.get("understood") != "1":
        return back(request, HOME, "purse.discard_not_understood", "problem")
    async with house.pool.acquire() as conn:
        wrong = await step_up.step_up(house, conn, party_id, values.get("account_passphrase", ""))
    if isinstance(wrong, MarketRefusal):
        return refused(request, HOME, wrong)
    try:
        await house.vault.discard_wallet(party_id)
    except VaultError:
        return refused(request, HOME, UnreachableRefusal.VAULT_UNREACHABLE)
    async with house.pool.acquire() as conn:
        now = house.node_time.now()
        await audit.record(conn, party_id, "wallet.discarded", f"party:{party_id}", None, {}, now)
    response = back(request, HOME, "purse.discarded")
    wallet_sessions.forget(response)
    return response


async def _act(
    request: Request,
    act: Callable[[str, WalletHandle | None], Awaitable[Any]],
    done: str,
    *,
    needs_handle: bool = True,
) -> RedirectResponse:
    sealed, values = await sealed_of(request)
    to = safe_next(values.get("next") or HOME)
    handle = wallet_sessions.handle_of(request)
    if needs_handle and handle is None:
        return refused(request, to, VaultRefusal.WALLET_LOCKED)
    try:
        said = await act(sealed, handle)
    except VaultError:
        return refused(request, to, UnreachableRefusal.VAULT_UNREACHABLE)
    return refused(request, to, said) if isinstance(said, Refused) else back(request, to, done)


routes = [
    Route("/wallet/manager", wallet_manager, name="wallet_manager"),
    Route("/wallet/manager/open", wallet_open, name="wallet_open", methods=["POST"]),
    Route("/wallet/unlock", wallet_unlock, name="wallet_unlock", methods=["POST"]),
    Route("/wallet/lock", wallet_lock, name="wallet_lock", methods=["POST"]),
    Route("/wallet/manager/passphrase", wallet_passphrase, name="wallet_passphrase", methods=["POST"]),
    Route("/wallet/manager/passphrase/add", wallet_passphrase_add, name="wallet_passphrase_add", methods=["POST"]),
    Route("/wallet/manager/passkeys", wallet_passkey_add, name="wallet_passkey_add", methods=["POST"]),
    Route(
        "/wallet/manager/protections/{protection_id:int}/remove",
        wallet_protection_remove,
        name="wallet_protection_remove",
        methods=["POST"],
    ),
    Route("/wallet/manager/cards", wallet_card_add, name="wallet_card_add", methods=["POST"]),
    Route(
        "/wallet/manager/cards/{card_id:int}/remove", wallet_card_remove, name="wallet_card_remove", methods=["POST"]
    ),
    Route("/wallet/manager/discard", wallet_discard, name="wallet_discard", methods=["POST"]),
]
