"""What the vault builds on, against vectors that others have published: RFC 8032, NIST's GCM, RFC 9106, RFC 5869, NIST's ECDH.

They run through the vault's own functions where these take all inputs of a vector, else through the library just as the
vault calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from escrow import dual_signature
from escrow.vault import wrapping

_ROOT = files("cryptography_vectors")


def records(path: str) -> Iterator[dict[str, str]]:
    """What a NIST file counts: `name = value` lines from one `COUNT` to the next."""
    record: dict[str, str] = {}
    for line in _ROOT.joinpath(path).read_text(encoding="utf-8").splitlines():
        if line.strip() == "FAIL":
            record["FAIL"] = "yes"
        name, equals, value = (part.strip() for part in line.partition("="))
        if name.lower() == "count" and "count" in record:
            yield record
            record = {}
        if equals and not line.startswith(("#", "[")):
            record[name.lower()] = value
    yield record


def test_signatures_are_those_of_rfc_8032() -> None:
    lines = _ROOT.joinpath("asymmetric/Ed25519/sign.input").read_text(encoding="ascii").splitlines()
    for line in lines[::8]:
        seed_and_public, public, message, signature_and_message, *_ = (bytes.fromhex(part) for part in line.split(":"))
        signature = signature_and_message[:64]
        assert Ed25519PrivateKey.from_private_bytes(seed_and_public[:32]).sign(message) == signature
        assert dual_signature.is_signed(message, signature, public)
        assert not dual_signature.is_signed(message + b"!", signature, public)
    assert len(lines) == 1024


def test_sealed_is_what_nist_says() -> None:
    seen = 0
    for record in records("ciphers/AES/GCM/gcmEncryptExtIV256.rsp"):
        if len(record["iv"]) != 24 or len(record["tag"]) != 32:
            continue
        key, iv, plain, bound = (bytes.fromhex(record[name]) for name in ("key", "iv", "pt", "aad"))
        sealed = iv + bytes.fromhex(record["ct"] + record["tag"])
        assert AESGCM(key).encrypt(iv, plain, bound) == sealed[12:]
        assert wrapping.unseal(key, sealed, bound) == plain
        assert wrapping.unseal(key, sealed, bound + b"!") is None
        seen += 1
    assert seen > 300


def test_what_nist_says_must_not_open_does_not_open() -> None:
    opened = refused = 0
    for record in records("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if len(record["iv"]) != 24 or len(record["tag"]) != 32:
            continue
        key, iv, bound = (bytes.fromhex(record[name]) for name in ("key", "iv", "aad"))
        plain = wrapping.unseal(key, iv + bytes.fromhex(record["ct"] + record["tag"]), bound)
        assert plain == (None if "FAIL" in record else bytes.fromhex(record["pt"]))
        opened, refused = opened + (plain is not None), refused + (plain is None)
    assert opened > 100 and refused > 100


def test_passphrases_are_stretched_as_rfc_9106_says() -> None:
    seen = 0
    for record in records("KDF/argon2id.txt"):
        if int(record["memcost"]) > 70_000:
            continue
        kdf = Argon2id(
            salt=bytes.fromhex(record["salt"]),
            length=int(record["length"]),
            iterations=int(record["iter"]),
            lanes=int(record["lanes"]),
            memory_cost=int(record["memcost"]),
            ad=bytes.fromhex(record["ad"]) if "ad" in record else None,
            secret=bytes.fromhex(record["secret"]) if "secret" in record else None,
        )
        assert kdf.derive(bytes.fromhex(record["pass"])).hex() == record["output"]
        seen += 1
    assert seen >= 4


def test_the_vault_stretches_with_the_parameters_that_it_names() -> None:
    kdf = Argon2id(salt=bytes(16), length=32, iterations=2, lanes=1, memory_cost=19_456)
    assert wrapping.stretched("caf\u00e9 au lait, s'il vous plait", bytes(16)) == kdf.derive(
        "caf\u00e9 au lait, s'il vous plait".encode()
    )
    cheap = {"memory_kib": 64, "iterations": 1}
    assert wrapping.stretched("cafe\u0301", bytes(16), **cheap) == wrapping.stretched("caf\u00e9", bytes(16), **cheap)


@pytest.mark.parametrize("number", range(3))
def test_keys_are_derived_as_rfc_5869_says(number: int) -> None:
    record = list(records("KDF/rfc-5869-HKDF-SHA256.txt"))[number]
    kdf = HKDF(
        algorithm=SHA256(),
        length=int(record["l"]),
        salt=bytes.fromhex(record["salt"]) or None,
        info=bytes.fromhex(record["info"]),
    )
    assert kdf.derive(bytes.fromhex(record["ikm"])).hex() == record["okm"]
