"""The house's certification authority [认证中心]: X.509 certificates for parties' signing keys, and the list of revoked ones.

Pure but for randomness. Ed25519 throughout (RFC 8410). The authority signs itself, may sign no further authority (path
length 0), and signs leaves that sign documents and nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from msgspec import Struct

VALID_DAYS = 365
AUTHORITY_DAYS = 20 * 365
LIST_DAYS = 7
LONGEST_COMMON_NAME = 64
"""As X.520 bounds it."""
LARGEST_REQUEST_BYTES = 8192

REASONS = {
    "key_compromise": x509.ReasonFlags.key_compromise,
    "affiliation_changed": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessation_of_operation": x509.ReasonFlags.cessation_of_operation,
    "privilege_withdrawn": x509.ReasonFlags.privilege_withdrawn,
}
"""Why a certificate is revoked, in the words of RFC 5280; the sentence is `revocation.<value>`."""


class Revoked(Struct, frozen=True, kw_only=True):
    serial: str
    revoked_at: datetime
    reason: str


class Leaf(Struct, frozen=True, kw_only=True):
    """A party's certificate as it was made."""

    serial: str
    public_key: bytes
    der: bytes
    not_before: datetime
    not_after: datetime


class Authority:
    """Signs with one key. Its own certificate is made once by `self_signed` and kept."""

    def __init__(self, seed_hex: str) -> None:
        """`seed_hex`: the 32 bytes of the private key. Raises ValueError for anything else."""
        seed = bytes.fromhex(seed_hex)
        if len(seed) != 32:
            raise ValueError("the authority's key is 32 bytes, written as 64 hexadecimal digits")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    @classmethod
    def derived(cls, secret: str) -> Authority:
        """A key that follows from another secret, for a house that has none of its own."""
        return cls(sha256(b"gavelhouse authority key\n" + secret.encode()).hexdigest())

    def self_signed(self, house: str, now: datetime) -> bytes:
        """The authority's own certificate, DER. `house` is the host that it stands for."""
        start = _second(now)
        return (
            x509.CertificateBuilder()
            .subject_name(self._name(house))
            .issuer_name(self._name(house))
            .public_key(self._key.public_key())
            .serial_number(_new_serial())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
            .public_bytes(Encoding.DER)
        )

    def issue(self, own_der: bytes, public_key: bytes, party_id: int, name: str, crl_url: str, now: datetime) -> Leaf:
        """A certificate for a party's key, good for a year from now."""
        own = x509.load_der_x509_certificate(own_der)
        key, serial, start = Ed25519PublicKey.from_public_bytes(public_key), _new_serial(), _second(now)
        end = min(start + timedelta(days=VALID_DAYS), own.not_valid_after_utc)
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        der = (
            x509.CertificateBuilder()
            .subject_name(subject_of(party_id, name))
            .issuer_name(own.subject)
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.CRLDistributionPoints([point]), critical=False)
            .sign(self._key, None)
            .public_bytes(Encoding.DER)
        )
        return Leaf(serial=f"{serial:032x}", public_key=public_key, der=der, not_before=start, not_after=end)

    def vouch(self, own_der: bytes, public_key: bytes) -> bytes:
        """A certificate for a key with which the house seals, DER: whoever trusts the authority needs no other key. The same
        key always gets the same one; it names no party, so that no party can be sealed for with it.
        """
        own, key = x509.load_der_x509_certificate(own_der), Ed25519PublicKey.from_public_bytes(public_key)
        return (
            x509.CertificateBuilder()
            .subject_name(_SEALS)
            .issuer_name(own.subject)
            .public_key(key)
            .serial_number(int.from_bytes(sha256(b"seal\n" + own_der + public_key).digest()[:15]) | 1 << 119)
            .not_valid_before(own.not_valid_before_utc)
            .not_valid_after(own.not_valid_after_utc)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False, binds=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
            .public_bytes(Encoding.DER)
        )

    def revocation_list(self, own_der: bytes, revoked: Iterable[Revoked], number: int, now: datetime) -> bytes:
        """The signed list of what is revoked, DER, to be replaced within a week."""
        own, start = x509.load_der_x509_certificate(own_der), _second(now)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(own.subject)
            .last_update(start)
            .next_update(start + timedelta(days=LIST_DAYS))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for one in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(int(one.serial, 16))
                .revocation_date(_second(one.revoked_at))
                .add_extension(x509.CRLReason(REASONS[one.reason]), critical=False)
                .build()
            )
        return builder.sign(self._key, None).public_bytes(Encoding.DER)

    @staticmethod
    def _name(house: str) -> x509.Name:
        common = f"Gavelhouse CA {house}"[:LONGEST_COMMON_NAME]
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Gavelhouse"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )


def subject_of(party_id: int, name: str) -> x509.Name:
    """A party by its name and, as serial number of the subject, by its number in the house."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_COMMON_NAME]),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, f"party-{party_id}"),
        ]
    )


def key_of_request(request: str) -> bytes | None:
    """The Ed25519 key of a PKCS#10 request in PEM whose signature proves that whoever asks has it; None otherwise."""
    if len(request) > LARGEST_REQUEST_BYTES:
        return None
    try:
        asked = x509.load_pem_x509_csr(request.encode())
        key = asked.public_key()
        if not isinstance(key, Ed25519PublicKey) or not asked.is_signature_valid:
            return None
    except (ValueError, TypeError, InvalidSignature):
        return None
    raw = key.public_bytes_raw()
    return raw if _has_prime_order(key) else None


def pem(der: bytes, kind: str) -> str:
    """DER as text; `kind` is CERTIFICATE or X509 CRL."""
    if kind == "CERTIFICATE":
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
    return x509.load_der_x509_crl(der).public_bytes(Encoding.PEM).decode()


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, to read over a telephone: eight groups of eight hexadecimal digits."""
    digest = sha256(der).hexdigest()
    return " ".join(digest[at : at + 8] for at in range(0, 64, 8))


_SMALL_ORDER = frozenset(
    bytes.fromhex(one)
    for one in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)


def _has_prime_order(key: Ed25519PublicKey) -> bool:
    """Not one of the points of small order, under which one signature would fit any text."""
    raw = key.public_bytes_raw()
    unsigned = raw[:31] + bytes([raw[31] & 0x7F])
    return raw not in _SMALL_ORDER and unsigned not in _SMALL_ORDER and int.from_bytes(unsigned, "little") < _P


_P = 2**255 - 19


_SEALS = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Gavelhouse"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Gavelhouse seals"),
    ]
)


def _usage(*, authority: bool, binds: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=binds and not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _new_serial() -> int:
    """Positive, 127 bits of chance, always 32 hexadecimal digits."""
    return (secrets.randbits(126) | (1 << 126)) & ~(1 << 127)


def _second(at: datetime) -> datetime:
    """X.509 knows whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0)
