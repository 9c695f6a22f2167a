"""What an unlocked wallet signs: payments by card (dual signature, the card's half sealed to the bank) and cheques."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from escrow import dual_signature, envelopes
from escrow.dual_signature import OrderInfo, PaymentInfo, PreparedPayment
from escrow.vault import store, wrapping
from escrow.vault.bank_key import BankKey
from escrow.vault.room import Room, now_utc
from escrow.vault.store import WalletRow
from escrow.vault.unlocked import OpenWallet
from escrow.vault_facts import Signed, VaultRefusal, WalletHandle

LONGEST_FIELD = 200
LARGEST_CHEQUE_BYTES = 8192
_AMOUNT = re.compile(r"[1-9][0-9]{0,17}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PAYMENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


async def prepare_payment(
    room: Room, bank: BankKey, handle: WalletHandle, card_id: int, order: OrderInfo
) -> PreparedPayment | VaultRefusal:
    """Everything for one payment by one card. The id is noted before anything is signed: it is never signed again."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    if not is_order(order):
        return VaultRefusal.ORDER_MALFORMED
    now = now_utc()
    point = await bank.point(room.pool, now)
    if isinstance(point, VaultRefusal):
        return point
    async with room.pool.acquire() as conn:
        row = await store.wallet(conn, handle.party_id)
        kept = await store.card(conn, wallet.wallet_id, card_id)
        if kept is None:
            return VaultRefusal.CARD_ABSENT
        if (kept.expiry_year, kept.expiry_month) < (now.year, now.month):
            return VaultRefusal.CARD_EXPIRED
        if room.unlocked.find(handle) is None or row is None:
            return VaultRefusal.WALLET_LOCKED
        card = wrapping.open_card(wallet.data_key, kept.sealed, wallet.wallet_id, kept.id, kept.version)
        key = _signing_key(wallet, row)
        if card is None or key is None:
            raise ValueError("a card or a signing key does not open under its wallet's data key")
        payment = PaymentInfo(
            payment_id=order.payment_id,
            pan=card.number,
            expiry=card.expiry,
            holder=card.holder,
            currency=order.currency,
            amount_minor=order.amount_minor,
            nonce=secrets.token_hex(32),
        )
        prepared = _signed(key, order, payment, point)
        if not await store.note_signed_payment(conn, handle.party_id, card_id, prepared, now):
            return VaultRefusal.PAYMENT_ID_USED
    return prepared


async def sign_cheque(room: Room, handle: WalletHandle, record: bytes) -> Signed | VaultRefusal:
    """The wallet's signature under a cheque's record."""
    wallet = room.find(handle)
    if isinstance(wallet, VaultRefusal):
        return wallet
    if not dual_signature.SHORTEST_CHEQUE_BYTES <= len(record) <= LARGEST_CHEQUE_BYTES:
        return VaultRefusal.CHEQUE_MALFORMED
    async with room.pool.acquire() as conn:
        row = await store.wallet(conn, handle.party_id)
    if row is None or room.unlocked.find(handle) is None:
        return VaultRefusal.WALLET_LOCKED
    key = _signing_key(wallet, row)
    if key is None:
        raise ValueError("a signing key does not open under its wallet's data key")
    return Signed(signature=key.sign(dual_signature.cheque_bytes(record)), public_key=row.public_key)


def is_order(order: OrderInfo) -> bool:
    """Whether this is an order that may be signed: bounded, a positive sum, its own kind."""
    texts = (order.subject, order.reference, order.payee, order.at)
    return (
        order.kind == dual_signature.ORDER_KIND
        and bool(_PAYMENT_ID.fullmatch(order.payment_id))
        and bool(_AMOUNT.fullmatch(order.amount_minor))
        and bool(_CURRENCY.fullmatch(order.currency))
        and bool(re.fullmatch(r"[0-9a-f]{64}|", order.contract_sha256))
        and all(len(text) <= LONGEST_FIELD for text in texts)
    )


def _signed(key: Ed25519PrivateKey, order: OrderInfo, payment: PaymentInfo, point: bytes) -> PreparedPayment:
    order_half, payment_half = dual_signature.canonical(order), dual_signature.canonical(payment)
    order_digest = sha256(order_half).digest()
    return PreparedPayment(
        payment_id=order.payment_id,
        order=order_half,
        order_digest=order_digest,
        payment_digest=sha256(payment_half).digest(),
        signature=dual_signature.sign(key, payment_half, order_half),
        public_key=key.public_key().public_bytes_raw(),
        envelope=envelopes.seal_payment(point, payment_half, order_digest),
    )


def _signing_key(wallet: OpenWallet, row: WalletRow) -> Ed25519PrivateKey | None:
    seed = wrapping.open_signing_key(wallet.data_key, row.signing_sealed, wallet.wallet_id)
    return None if seed is None else Ed25519PrivateKey.from_private_bytes(seed)
