"""What the vault and its client say to each other: refusals, and what is known of a wallet without opening it. Pure.

VaultKeyError   the vault's key file can't be used, or lacks a key that the database needs; the message is a sentence
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

UNLOCKED_SECONDS = 600
MOST_CARDS = 12
MOST_PASSKEYS = 8
LONGEST_LABEL = 40
LONGEST_HOLDER = 26
"""As ISO/IEC 7813 has it; in UTF-8 it fits the bank's envelope whatever the script."""


class VaultKeyError(Exception):
    """The vault can't work with the key file that it has."""


class VaultRefusal(StrEnum):
    """Why the vault does not do it; each has a sentence `vault_refusal.<value>`. In the order tested."""

    BUSY = "vault_busy"
    SEALED_MALFORMED = "sealed_malformed"
    SEALED_FOR_OTHER_KEY = "sealed_for_other_key"
    SEALED_STALE = "sealed_stale"
    SEALED_UNREADABLE = "sealed_unreadable"
    SEALED_USED = "sealed_used"
    WALLET_ABSENT = "wallet_absent"
    WALLET_EXISTS = "wallet_exists"
    WALLET_LOCKED = "wallet_locked"
    UNLOCK_WAIT = "unlock_wait"
    PASSPHRASE_ABSENT = "passphrase_absent"
    PASSPHRASE_PRESENT = "passphrase_present"
    PASSPHRASE_TOO_SHORT = "passphrase_too_short"
    PASSPHRASE_TOO_LONG = "passphrase_too_long"
    PASSPHRASE_COMMON = "passphrase_common"
    UNLOCK_WRONG = "unlock_wrong"
    PASSKEY_MALFORMED = "passkey_malformed"
    PASSKEY_KNOWN = "passkey_known"
    TOO_MANY_PASSKEYS = "too_many_passkeys"
    PROTECTION_ABSENT = "protection_absent"
    LAST_PROTECTION = "last_protection"
    CARD_NUMBER_MALFORMED = "card_number_malformed"
    CARD_NUMBER_MISTYPED = "card_number_mistyped"
    CARD_BRAND_UNKNOWN = "card_brand_unknown"
    CARD_NUMBER_LENGTH = "card_number_length"
    CARD_EXPIRY_MALFORMED = "card_expiry_malformed"
    CARD_EXPIRED = "card_expired"
    CARD_HOLDER_MALFORMED = "card_holder_malformed"
    CARD_LABEL_MALFORMED = "card_label_malformed"
    CARD_KNOWN = "card_known"
    TOO_MANY_CARDS = "too_many_cards"
    CARD_ABSENT = "card_absent"
    ORDER_MALFORMED = "order_malformed"
    PAYMENT_ID_USED = "payment_id_used"
    BANK_KEY_UNKNOWN = "bank_key_unknown"
    BANK_KEY_CHANGED = "bank_key_changed"
    CHEQUE_MALFORMED = "cheque_malformed"
    CONTRACT_RECORD_MALFORMED = "contract_record_malformed"
    IDENTITY_ABSENT = "identity_absent"


class Refused(Struct, frozen=True):
    """A refusal; `until` says from when on it may be tried again, where waiting helps."""

    refusal: VaultRefusal
    until: datetime | None = None


class VaultKey(Struct, frozen=True, kw_only=True):
    """What envelopes are sealed to: an uncompressed P-256 point in base64url without padding, and the vault's time."""

    key_id: str
    point: str
    at_ms: int


class CardInfo(Struct, frozen=True, kw_only=True):
    """All of a card that anybody but the vault and the bank may know."""

    id: int
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    label: str
    added_at: datetime


class Protection(Struct, frozen=True, kw_only=True):
    """One way to unlock a wallet: `passphrase` (at most one), or `passkey` with its credential id in base64url."""

    id: int
    kind: str
    label: str
    credential_id: str
    added_at: datetime


class WalletState(Struct, frozen=True, kw_only=True):
    """A wallet as it lies, locked. `prf_salt` (base64url) is what a passkey's PRF is evaluated on, also before there is
    a wallet; `public_key` (hexadecimal) is what its payments and cheques are signed with.
    """

    exists: bool
    prf_salt: str
    public_key: str = ""
    protections: tuple[Protection, ...] = ()
    cards: tuple[CardInfo, ...] = ()
    tries_blocked_until: datetime | None = None


class WalletHandle(Struct, frozen=True, kw_only=True):
    """An unlocked wallet: `token` is good for this party in this session alone."""

    party_id: int
    session_key: str
    token: str

    def __repr__(self) -> str:
        return f"WalletHandle(party_id={self.party_id})"


class Unlocked(Struct, frozen=True, kw_only=True):
    """The wallet stays unlocked until then, or until it is locked or the vault starts anew."""

    handle: WalletHandle
    until: datetime


class Signed(Struct, frozen=True, kw_only=True):
    """An Ed25519 signature of the wallet's key."""

    signature: bytes
    public_key: bytes


class IdentityRequest(Struct, frozen=True, kw_only=True):
    """A request for a certificate (PKCS#10, PEM), signed by the key that the wallet signs contracts with."""

    request: str
    public_key: bytes
