"""The API's wallet for cards: what is secret travels sealed to the vault (docs/vault.md); the house forwards it unread."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from escrow.vault_client import VaultError
from escrow.vault_facts import CardInfo, Refused, Unlocked
from market.api.operations import Call, operation
from market.api.raw_calls import answered, body_of, handle_in
from market.house import house_of
from market.problems import ProblemError
from market.wallet_sessions import UnreachableRefusal, session_key

Sealed = Annotated[str, Meta(min_length=1, max_length=8192, description="one line for the vault alone")]
Handle = Annotated[str, Meta(min_length=1, max_length=512, description="from opening or unlocking the wallet")]


class SealedBody(Struct, kw_only=True, forbid_unknown_fields=True):
    sealed: Sealed


class SealedCard(Struct, kw_only=True, forbid_unknown_fields=True):
    handle: Handle
    sealed: Sealed


class HandleBody(Struct, kw_only=True, forbid_unknown_fields=True):
    handle: Handle


class CardShape(Struct, kw_only=True):
    id: int
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    label: str


class ProtectionShape(Struct, kw_only=True):
    id: int
    kind: str
    label: str


class VaultShape(Struct, kw_only=True):
    """`point` (P-256, uncompressed, base64url) is what to seal to, `at_ms` the time to name in what is sealed."""

    key_id: str
    point: str
    at_ms: int
    exists: bool
    prf_salt: str
    public_key: str
    protections: list[ProtectionShape]
    cards: list[CardShape]


class UnlockedShape(Struct, kw_only=True):
    handle: str
    until: datetime


class DoneShape(Struct, kw_only=True):
    done: bool = True


@operation("GET", "/wallet/vault", tag="wallet")
async def vault_wallet(call: Call) -> VaultShape:
    """The key to seal to, and the wallet as it lies."""
    vault = call.house.vault
    try:
        key, state = await vault.public_key(), await vault.wallet(call.viewer.id)
    except VaultError:
        raise ProblemError(UnreachableRefusal.VAULT_UNREACHABLE) from None
    return VaultShape(
        key_id=key.key_id,
        point=key.point,
        at_ms=key.at_ms,
        exists=state.exists,
        prf_salt=state.prf_salt,
        public_key=state.public_key,
        protections=[ProtectionShape(id=one.id, kind=one.kind, label=one.label) for one in state.protections],
        cards=[card_shape(one) for one in state.cards],
    )


@operation("POST", "/wallet/vault", tag="wallet", status=201, keyed=False, raw=(SealedBody, UnlockedShape))
async def open_vault_wallet(request: Request) -> Response:
    """Open a wallet; it is unlocked at once."""
    body = await body_of(request, SealedBody)
    viewer = request.user
    return await _through(request, lambda vault: vault.open_wallet(viewer.id, session_key(viewer), body.sealed), 201)


@operation("POST", "/wallet/vault/unlocking", tag="wallet", keyed=False, raw=(SealedBody, UnlockedShape))
async def unlock_wallet(request: Request) -> Response:
    """Unlock it for ten minutes, for this token alone."""
    body = await body_of(request, SealedBody)
    viewer = request.user
    return await _through(request, lambda vault: vault.unlock(viewer.id, session_key(viewer), body.sealed))


@operation("POST", "/wallet/vault/locking", tag="wallet", keyed=False, raw=(HandleBody, DoneShape))
async def lock_wallet(request: Request) -> Response:
    """Lock it before its time."""
    body = await body_of(request, HandleBody)
    return await _through(request, lambda vault: vault.lock(handle_in(request, body.handle)))


@operation("PUT", "/wallet/vault/passphrase", tag="wallet", keyed=False, raw=(SealedBody, DoneShape))
async def change_wallet_passphrase(request: Request) -> Response:
    """Another passphrase; the old one is in the same envelope."""
    body = await body_of(request, SealedBody)
    return await _through(request, lambda vault: vault.change_passphrase(request.user.id, body.sealed))


@operation("POST", "/wallet/cards", tag="wallet", status=201, keyed=False, raw=(SealedCard, CardShape))
async def add_card(request: Request) -> Response:
    """Put a card into the unlocked wallet."""
    body = await body_of(request, SealedCard)
    return await _through(request, lambda vault: vault.add_card(handle_in(request, body.handle), body.sealed), 201)


@operation("POST", "/wallet/cards/{card_id:int}/removal", tag="wallet", keyed=False, raw=(HandleBody, DoneShape))
async def remove_card(request: Request) -> Response:
    """Take a card out of the wallet."""
    body = await body_of(request, HandleBody)
    card_id = request.path_params["card_id"]
    return await _through(request, lambda vault: vault.remove_card(handle_in(request, body.handle), card_id))


def card_shape(one: CardInfo) -> CardShape:
    """A card, but for its number."""
    return CardShape(
        id=one.id,
        brand=one.brand,
        last4=one.last4,
        expiry_month=one.expiry_month,
        expiry_year=one.expiry_year,
        label=one.label,
    )


async def _through(request: Request, act: Any, status: int = 200) -> Response:
    try:
        said = await act(house_of(request).vault)
    except VaultError:
        raise ProblemError(UnreachableRefusal.VAULT_UNREACHABLE) from None
    match said:
        case Refused():
            return answered(said)
        case Unlocked():
            return answered(UnlockedShape(handle=said.handle.token, until=said.until), status)
        case CardInfo():
            return answered(card_shape(said), status)
        case _:
            return answered(DoneShape(), status)
