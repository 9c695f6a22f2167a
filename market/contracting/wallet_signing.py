"""Signing with the key in the vault: certificate when there is none, record, signature, and all of it checked as any other.

The vault is asked between two transactions, never within one; whoever asks has unlocked the wallet.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from escrow.vault_facts import IdentityRequest, Refused, WalletHandle
from market.contracting import identity, records, signing, store
from market.contracting.facts import Contract, ContractRefusal
from market.contracting.identity import IdentityRefusal
from market.contracting.pki_store import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from escrow.vault_client import VaultClient
    from market.contracting.signing import Contracting
    from migrations.database import Pool

Outcome = Contract | ContractRefusal | IdentityRefusal | Refused


async def sign(
    pool: Pool,
    vault: VaultClient,
    house: Contracting,
    contract_id: int,
    version: int,
    handle: WalletHandle,
    clock: Callable[[], datetime],
) -> Outcome:
    """The holder of the wallet signs this version: the one that was read, else it is refused."""
    party_id = handle.party_id
    async with pool.acquire() as conn:
        contract = await store.contract(conn, contract_id)
    if contract is None:
        return ContractRefusal.NO_SUCH_CONTRACT
    if contract.offered is not None and contract.offered.n != version:
        return ContractRefusal.OTHER_VERSION
    fits = signing.record_for(contract, party_id, "0" * 32, clock())
    if isinstance(fits, ContractRefusal):
        return fits
    certificate = await certified(pool, vault, house, handle, clock)
    if not isinstance(certificate, Certificate):
        return certificate
    record = signing.record_for(contract, party_id, certificate.serial, clock())
    if isinstance(record, ContractRefusal):
        return record
    raw = records.canonical(record)
    signed = await vault.sign_contract(handle, raw)
    if isinstance(signed, Refused):
        return signed
    async with pool.acquire() as conn, conn.transaction():
        return await signing.add_signature(conn, house, contract_id, party_id, raw, signed.signature, clock())


async def certified(
    pool: Pool,
    vault: VaultClient,
    house: Contracting,
    handle: WalletHandle,
    clock: Callable[[], datetime],
    *,
    renew: bool = False,
    afresh: bool = False,
) -> Certificate | IdentityRefusal | Refused:
    """A certificate that can sign now with the key in the vault: the one there is, else a new one. A key whose certificate
    was revoked is replaced by another. `renew`: a new one for the same key all the same; `afresh`: under a new key.
    """
    asked = await vault.request_identity(handle, afresh=afresh)
    if isinstance(asked, Refused):
        return asked
    made = await _certificate(pool, house, handle.party_id, asked, clock(), renew=renew)
    if made is not IdentityRefusal.KEY_IN_USE:
        return made
    asked = await vault.request_identity(handle, afresh=True)
    return asked if isinstance(asked, Refused) else await _certificate(pool, house, handle.party_id, asked, clock())


async def _certificate(
    pool: Pool, house: Contracting, party_id: int, asked: IdentityRequest, now: datetime, *, renew: bool = False
) -> Certificate | IdentityRefusal:
    async with pool.acquire() as conn, conn.transaction():
        found = await identity.good_certificate(conn, house.authority, party_id, asked.public_key, now)
        if found is not None and not renew:
            return found
        return await identity.certify(conn, house.authority, house.origin, party_id, asked.request, "vault", now)
