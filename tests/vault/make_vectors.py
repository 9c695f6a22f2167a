"""Writes docs/vectors/dual_signature.json: `python -m tests.vault.make_vectors`. Everything in it follows from fixed keys."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from escrow.dual_signature import (
    OrderInfo,
    PaymentInfo,
    canonical,
    cheque_bytes,
    link_of,
    sign,
)

FILE = Path(__file__).parents[2] / "docs" / "vectors" / "dual_signature.json"
_KEY, _OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(sha256(name).digest()) for name in (b"wallet", b"another"))
_CARDS = (
    ("4111111111111111", "Ann Lee", "CNY"),
    ("6200000000000005", "李安", "CNY"),
    ("5555555555554444", "Jørgen Ø", "EUR"),
)


def _case(number: int) -> tuple[bytes, bytes]:
    pan, holder, currency = _CARDS[number]
    payment_id, amount = f"payment-{number + 1:04}", str(125_000 * (number + 1))
    order = OrderInfo(
        payment_id=payment_id,
        subject=f"case:{number + 7}",
        reference=f"GH7K2M{number}",
        payee="Old Clocks 旧钟表",
        currency=currency,
        amount_minor=amount,
        contract_sha256=sha256(payment_id.encode()).hexdigest(),
        at="2026-11-22T03:00:00Z",
    )
    payment = PaymentInfo(
        payment_id=payment_id,
        pan=pan,
        expiry="2031-12",
        holder=holder,
        currency=currency,
        amount_minor=amount,
        nonce=sha256(b"nonce" + payment_id.encode()).hexdigest(),
    )
    return canonical(payment), canonical(order)


def _vector(payment: bytes, order: bytes, /, **changed: str) -> dict[str, str]:
    payment_digest, order_digest = sha256(payment).digest(), sha256(order).digest()
    return {
        "payment": payment.decode(),
        "order": order.decode(),
        "payment_digest": payment_digest.hex(),
        "order_digest": order_digest.hex(),
        "link": link_of(payment_digest, order_digest).hex(),
        "signature": sign(_KEY, payment, order).hex(),
        "public_key": _KEY.public_key().public_bytes_raw().hex(),
        **changed,
    }


def vectors() -> dict[str, object]:
    """Good ones, and for each way of cheating what seller and bank have to answer."""
    cases = [_case(number) for number in range(len(_CARDS))]
    payment, order = cases[0]
    other_order = order.replace(b'"amount_minor":"125000"', b'"amount_minor":"100"')
    swapped = link_of(sha256(order).digest(), sha256(payment).digest())
    altered = bytearray(sha256(payment).digest())
    altered[0] ^= 1
    altered_order = bytearray(sha256(order).digest())
    altered_order[-1] ^= 0x80
    spaced = order.replace(b'","', b'", "')
    link = link_of(sha256(payment).digest(), sha256(order).digest()).hex()
    replay = canonical(_again(payment))
    negatives = [
        {"what": "the order was exchanged for one of another sum", "expected": {"seller": "wrong_signature", "bank": "wrong_signature"},
         **_vector(payment, order, order=other_order.decode(), order_digest=sha256(other_order).hexdigest())},
        {"what": "the signature is over the order's digest before the payment's", "expected": {"seller": "wrong_signature", "bank": "wrong_signature"},
         **_vector(payment, order, signature=_KEY.sign(swapped).hex())},
        {"what": "the halves are handed to the wrong sides", "expected": {"seller": "malformed", "bank": "malformed"},
         **_vector(payment, order, payment=order.decode(), order=payment.decode())},
        {"what": "a bit of the payment's digest is altered", "expected": {"seller": "wrong_signature", "bank": "ok"},
         **_vector(payment, order, payment_digest=altered.hex())},
        {"what": "a bit of the order's digest is altered", "expected": {"seller": "ok", "bank": "wrong_signature"},
         **_vector(payment, order, order_digest=altered_order.hex())},
        {"what": "the order is not spelled canonically", "expected": {"seller": "malformed", "bank": "ok"},
         **_vector(payment, order, order=spaced.decode())},
        {"what": "another wallet's key has signed, which the house knows", "expected": {"seller": "wrong_key", "bank": "ok"},
         "wallet_key": _KEY.public_key().public_bytes_raw().hex(),
         **_vector(payment, order, signature=sign(_OTHER_KEY, payment, order).hex(), public_key=_OTHER_KEY.public_key().public_bytes_raw().hex())},
        {"what": "the signature is another key's than the one shown", "expected": {"seller": "wrong_signature", "bank": "wrong_signature"},
         **_vector(payment, order, public_key=_OTHER_KEY.public_key().public_bytes_raw().hex())},
        {"what": "a payment's id comes again with another signed payment", "expected": {"seller": "replayed", "bank": "replayed"},
         "accepted": {"payment-0001": link}, **_vector(replay, order)},
        {"what": "the same payment comes again, which is no replay", "expected": {"seller": "ok", "bank": "ok"},
         "accepted": {"payment-0001": link}, **_vector(payment, order)},
        {"what": "the signature is cut short", "expected": {"seller": "wrong_signature", "bank": "wrong_signature"},
         **_vector(payment, order, signature=sign(_KEY, payment, order).hex()[:-2])},
        {"what": "a cheque's signature is shown for a payment's", "expected": {"seller": "wrong_signature", "bank": "wrong_signature"},
         **_vector(payment, order, signature=_KEY.sign(cheque_bytes(bytes.fromhex(link))).hex())},
    ]  # fmt: skip
    return {
        "about": "Dual signatures: Ed25519(SHA-256(SHA-256(payment) ‖ SHA-256(order))). docs/vault.md says who checks what.",
        "secret_key": _KEY.private_bytes_raw().hex(),
        "good": [_vector(*case) for case in cases],
        "bad": negatives,
    }


def _again(payment: bytes) -> PaymentInfo:
    import msgspec

    half = msgspec.json.decode(payment, type=PaymentInfo)
    return msgspec.structs.replace(half, nonce=sha256(b"another nonce").hexdigest())


def text() -> str:
    """The file, as it should be."""
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
