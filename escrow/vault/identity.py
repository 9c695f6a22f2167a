"""The key that a party signs contracts with: under the wallet's data key, apart from the one that pays."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from escrow.vault import store, wrapping
from escrow.vault.room import Room, now_utc
from escrow.vault.store import IdentityRow
from escrow.vault.unlocked import OpenWallet
from escrow.vault_facts import IdentityRequest, Signed, VaultRefusal, WalletHandle

DOMAIN = b"gavelhouse.contract_signature.v1\n"
_RECORD = re.compile(rb'\{"certificate":"[0-9a-f]{32}",[\x20-\x7e]{100,600}\}')


async def request(room: Room, handle: WalletHandle, *, afresh: bool) -> IdentityRequest | VaultRefusal:
    """A request for a certificate, signed by the key: so its holder is shown to have it."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    made = Ed25519PrivateKey.generate()
    sealed = wrapping.seal_identity_key(wallet.data_key, made.private_bytes_raw(), wallet.wallet_id)
    new = IdentityRow(public_key=made.public_key().public_bytes_raw(), sealed=sealed)
    async with room.pool.acquire() as conn:
        await store.put_identity(conn, wallet.wallet_id, new, now_utc(), afresh=afresh)
        row = await store.identity(conn, wallet.wallet_id)
    if row is None or room.unlocked.find(handle) is None:
        return VaultRefusal.WALLET_LOCKED
    name = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, f"party-{wallet.party_id}")])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name).sign(_key(wallet, row), None)
    return IdentityRequest(request=asked.public_bytes(Encoding.PEM).decode(), public_key=row.public_key)


async def sign_contract(room: Room, handle: WalletHandle, record: bytes) -> Signed | VaultRefusal:
    """The key's signature under a contract's record. It signs nothing else, and names what it signs."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    if not _RECORD.fullmatch(record) or f'"party":{wallet.party_id},'.encode() not in record:
        return VaultRefusal.CONTRACT_RECORD_MALFORMED
    async with room.pool.acquire() as conn:
        row = await store.identity(conn, wallet.wallet_id)
    if row is None:
        return VaultRefusal.IDENTITY_ABSENT
    if room.unlocked.find(handle) is None:
        return VaultRefusal.WALLET_LOCKED
    return Signed(signature=_key(wallet, row).sign(DOMAIN + record), public_key=row.public_key)


def _key(wallet: OpenWallet, row: IdentityRow) -> Ed25519PrivateKey:
    seed = wrapping.open_identity_key(wallet.data_key, row.sealed, wallet.wallet_id)
    if seed is None:
        raise ValueError("an identity key does not open under its wallet's data key")
    return Ed25519PrivateKey.from_private_bytes(seed)
