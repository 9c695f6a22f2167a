"""The way to the vault: one method an operation, over HTTP under a shared secret. It sees no card and no passphrase.

VaultError   the vault was not reached, has failed, or somebody else answered in its place; try again later
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from typing import TypeVar

import httpx2
import msgspec
from msgspec import Struct

from escrow import vault_wire as wire
from escrow.certificates import trusted
from escrow.dual_signature import OrderInfo, PreparedPayment
from escrow.vault_facts import (
    CardInfo,
    IdentityRequest,
    Protection,
    Refused,
    Signed,
    Unlocked,
    VaultKey,
    WalletHandle,
    WalletState,
)

TIMEOUT_SECONDS = 15.0
PROBE_SECONDS = 1.0
T = TypeVar("T")


class VaultError(Exception):
    """The vault did not answer as it should."""


class VaultClient:
    """One vault at one address. Close it when the program ends."""

    def __init__(self, url: str, secret: str) -> None:
        self._secret = secret
        self._client = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, verify=trusted(), trust_env=False)

    async def public_key(self) -> VaultKey:
        """What envelopes are sealed to, and the time to name in them."""
        return _certainly(await self._get("public_key", wire.Nothing(), VaultKey, again=True))

    async def wallet(self, party_id: int) -> WalletState:
        """What is known of a party's wallet without opening it."""
        return _certainly(await self._get("wallet", wire.OfParty(party_id), WalletState, again=True))

    async def open_wallet(self, party_id: int, session_key: str, sealed: str) -> Unlocked | Refused:
        """A new wallet, unlocked."""
        return await self._get("open_wallet", wire.SealedInSession(party_id, session_key, sealed), Unlocked)

    async def unlock(self, party_id: int, session_key: str, sealed: str) -> Unlocked | Refused:
        """The wallet for ten minutes, for this session alone."""
        return await self._get("unlock", wire.SealedInSession(party_id, session_key, sealed), Unlocked)

    async def lock(self, handle: WalletHandle) -> None:
        await self._do("lock", wire.WithHandle(handle), again=True)

    async def is_unlocked(self, handle: WalletHandle) -> datetime | None:
        """Until when the wallet is unlocked; None when it is not."""
        until = await self._get("until", wire.WithHandle(handle), datetime, again=True)
        return None if isinstance(until, Refused) else until

    async def discard_wallet(self, party_id: int) -> None:
        """The wallet that there is now is gone for good, with its cards and keys."""
        known = await self.wallet(party_id)
        if known.exists:
            await self._do("discard_wallet", wire.Discarded(party_id, known.public_key), again=True)

    async def change_passphrase(self, party_id: int, sealed: str) -> Refused | None:
        return await self._do("change_passphrase", wire.Sealed(party_id, sealed))

    async def add_passphrase(self, handle: WalletHandle, sealed: str) -> Refused | None:
        return await self._do("add_passphrase", wire.SealedWithHandle(handle, sealed))

    async def add_passkey(self, handle: WalletHandle, sealed: str) -> Protection | Refused:
        return await self._get("add_passkey", wire.SealedWithHandle(handle, sealed), Protection)

    async def remove_protection(self, handle: WalletHandle, protection_id: int) -> Refused | None:
        return await self._do("remove_protection", wire.Numbered(handle, protection_id))

    async def add_card(self, handle: WalletHandle, sealed: str) -> CardInfo | Refused:
        return await self._get("add_card", wire.SealedWithHandle(handle, sealed), CardInfo)

    async def remove_card(self, handle: WalletHandle, card_id: int) -> Refused | None:
        return await self._do("remove_card", wire.Numbered(handle, card_id))

    async def rename_card(self, handle: WalletHandle, card_id: int, label: str) -> CardInfo | Refused:
        return await self._get("rename_card", wire.Renamed(handle, card_id, label), CardInfo)

    async def prepare_payment(self, handle: WalletHandle, card_id: int, order: OrderInfo) -> PreparedPayment | Refused:
        """Signed and sealed to the bank. An order's payment id is signed once for ever."""
        return await self._get("prepare_payment", wire.Ordered(handle, card_id, order), PreparedPayment)

    async def sign_cheque(self, handle: WalletHandle, record: bytes) -> Signed | Refused:
        return await self._get("sign_cheque", wire.Recorded(handle, record), Signed)

    async def request_identity(self, handle: WalletHandle, *, afresh: bool = False) -> IdentityRequest | Refused:
        """A request for a certificate over the key that this wallet signs contracts with; it is made when there is none."""
        return await self._get("request_identity", wire.Identified(handle, afresh), IdentityRequest)

    async def sign_contract(self, handle: WalletHandle, record: bytes) -> Signed | Refused:
        """The signature of that key under a contract's record."""
        return await self._get("sign_contract", wire.Recorded(handle, record), Signed)

    async def answers(self, timeout_seconds: float = PROBE_SECONDS) -> bool:
        """Whether the vault is there, and is ours; asked with little patience."""
        try:
            await self._ask("public_key", wire.Nothing(), timeout=timeout_seconds)
        except VaultError:
            return False
        return True

    async def close(self) -> None:
        await self._client.aclose()

    async def _get(self, operation: str, asked: Struct, kind: type[T], *, again: bool = False) -> T | Refused:
        answer = await self._ask(operation, asked, again=again)
        said = msgspec.json.decode(answer, type=wire.Answer[kind])  # type: ignore[valid-type]
        found: T | Refused | None = said.refused if said.refused is not None else said.done
        if found is None:
            raise VaultError("the vault answered nothing")
        return found

    async def _do(self, operation: str, asked: Struct, *, again: bool = False) -> Refused | None:
        return msgspec.json.decode(await self._ask(operation, asked, again=again), type=wire.Answer[None]).refused

    async def _ask(
        self, operation: str, asked: Struct, *, again: bool = False, timeout: float = TIMEOUT_SECONDS
    ) -> bytes:
        """`again`: it does no harm to ask once more, when the vault went away while it was asked."""
        body = msgspec.json.encode(asked)
        nonce, at_ms = secrets.token_hex(16), str(time.time_ns() // 1_000_000)
        mac = wire.mac_of_request(self._secret, operation, at_ms, nonce, body)
        headers = {wire.AT: at_ms, wire.NONCE: nonce, wire.MAC: mac, "content-type": "application/json"}
        try:
            answer = await self._client.post(f"/v1/{operation}", content=body, headers=headers, timeout=timeout)
        except httpx2.HTTPError as error:
            if again:
                return await self._ask(operation, asked, timeout=timeout)
            raise VaultError(f"the vault is not reached: {type(error).__name__}") from None
        mac = wire.mac_of_answer(self._secret, nonce, answer.status_code, answer.content)
        if answer.status_code == 401 or not wire.is_same(mac, answer.headers.get(wire.MAC, "")):
            raise VaultError("what answers for the vault does not have the house's secret, or another time")
        if not answer.is_success:
            raise VaultError(f"the vault answered {answer.status_code}")
        return answer.content


def _certainly(answer: T | Refused) -> T:
    if isinstance(answer, Refused):
        raise VaultError("the vault refused what it never refuses")
    return answer
