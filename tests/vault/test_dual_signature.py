"""The dual signature, by the published vectors: read with nothing of ours but the judging itself, and by hashlib alone."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from escrow.dual_signature import (
    Flaw,
    OrderInfo,
    PaymentInfo,
    cheque_bytes,
    is_cheque_signed,
    judge_order,
    judge_payment,
)
from tests.vault import make_vectors

VECTORS: dict[str, Any] = json.loads(make_vectors.FILE.read_text(encoding="utf-8"))


def test_the_published_vectors_are_what_the_program_makes() -> None:
    assert make_vectors.FILE.read_text(encoding="utf-8") == make_vectors.text()


@pytest.mark.parametrize("vector", VECTORS["good"], ids=range(len(VECTORS["good"])))
def test_a_good_vector_holds_by_hashlib_and_by_both_sides(vector: dict[str, str]) -> None:
    payment, order = vector["payment"].encode(), vector["order"].encode()
    link = sha256(sha256(payment).digest() + sha256(order).digest())
    assert link.hexdigest() == vector["link"]
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["public_key"]))
    key.verify(bytes.fromhex(vector["signature"]), link.digest())
    with pytest.raises(InvalidSignature):
        key.verify(bytes.fromhex(vector["signature"]), sha256(link.digest()).digest())
    assert judged(vector) == {"seller": "ok", "bank": "ok"}
    assert json.loads(payment)["pan"] not in vector["order"] + vector["payment_digest"] + vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["what"].replace(" ", "-"))
def test_a_bad_vector_is_refused_by_name(vector: dict[str, Any]) -> None:
    assert judged(vector) == vector["expected"]


def judged(vector: dict[str, Any]) -> dict[str, str]:
    """What each side says that has its own half, the other's digest, the signature and the key."""
    shown = {"signature": bytes.fromhex(vector["signature"]), "public_key": bytes.fromhex(vector["public_key"])}
    accepted = {name: bytes.fromhex(link) for name, link in vector.get("accepted", {}).items()}
    wallet_key = bytes.fromhex(vector["wallet_key"]) if "wallet_key" in vector else None
    payment_digest, order_digest = bytes.fromhex(vector["payment_digest"]), bytes.fromhex(vector["order_digest"])
    seller = judge_order(
        vector["order"].encode(), payment_digest=payment_digest, wallet_key=wallet_key, accepted=accepted, **shown
    )
    bank = judge_payment(vector["payment"].encode(), order_digest=order_digest, accepted=accepted, **shown)
    assert isinstance(seller, OrderInfo | Flaw) and isinstance(bank, PaymentInfo | Flaw)
    return {side: str(said) if isinstance(said, Flaw) else "ok" for side, said in (("seller", seller), ("bank", bank))}


def test_every_flaw_has_a_vector() -> None:
    named = {said for vector in VECTORS["bad"] for said in vector["expected"].values()}
    assert named - {"ok"} == set(Flaw)


def test_a_cheque_too_short_to_differ_from_a_payments_link_is_none() -> None:
    assert not is_cheque_signed(bytes(31), bytes(64), bytes(32))
    with pytest.raises(ValueError, match="at least 32"):
        cheque_bytes(bytes(31))
