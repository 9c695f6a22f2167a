"""The lots of a simulated world, of every format, and what a bidder may come to think of bidding on each."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auction.facts import EnglishRule, GridBase, Lot, Rule, StepBand
from auction.formats.clearing import Marginal
from auction.formats.clearing import Pricing as UnitPricing
from auction.formats.dutch import DutchRule
from auction.formats.reverse import ReverseRule
from auction.formats.sealed import Pricing, SealedRule
from auction.formats.uniform import UniformRule
from auction.formats.weighing import Attribute
from auction.sealing import KeyPair
from tests.simulation.naive import NaiveEnglish, NaiveLot
from tests.simulation.naive_formats import NaiveDutch, NaiveReverse, NaiveSealed, NaiveUniform, Said

FORMATS = (*["english"] * 10, "dutch", "dutch", "reverse", "reverse", "uniform", "sealed")
"""Of each sixteen lots; a world draws their order."""
HIDDEN = (ReverseRule, UniformRule, SealedRule)
NAIVE: dict[type, type[NaiveLot]] = {
    EnglishRule: NaiveEnglish,
    DutchRule: NaiveDutch,
    ReverseRule: NaiveReverse,
    UniformRule: NaiveUniform,
    SealedRule: NaiveSealed,
}
SELLER = 1
LABEL = "gavelhouse.sealed.v1"
CURVE = ec.SECP256R1()
DAYS = Attribute(
    key="days",
    name_en="Days",
    name_zh="天",
    better="lower",
    weight_numerator=7,
    weight_denominator=2,
    lowest="1",
    highest="9",
)
SCORE = Attribute(
    key="score", name_en="Score", name_zh="分", better="higher", counts="factor", weight_numerator=1, weight_denominator=30,
    lowest="0", highest="10",
)  # fmt: skip


class Wish(NamedTuple):
    """What a bidder asks for: an amount (0 where only the details speak) and what the format wants beside it."""

    amount: int
    is_maximum: bool = False
    details: dict[str, Any] | None = None


@cache
def officers_key() -> KeyPair:
    """The key of every sealed lot, as its officers would put it together."""
    private = ec.derive_private_key(4711, CURVE)
    return KeyPair(_point(private), (4711).to_bytes(32, "big"))


def _point(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def naive_of(lot: Lot, said: dict[str, Said]) -> NaiveLot:
    """The witness of a lot. `said`: what was sealed, by commitment."""
    naive = NAIVE[type(lot.rule)](lot, lot.reserve_minor)
    if isinstance(naive, NaiveSealed):
        naive.said = said
    return naive


# Lots


def a_lot(chance: random.Random, lot_id: int, name: str, starts_at: datetime, latest_end: datetime) -> Lot:
    """A short lot of this format."""
    rule = _RULES[name](chance, latest_end)
    start, reserve = rule.start_price_minor, chance.choice((None, None, 100, 165, 300))
    if reserve is not None and name != "reverse":
        reserve = max(reserve, start)
    return Lot(
        id=lot_id,
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=rule,
        starts_at=starts_at,
        reserve_minor=None if name == "dutch" else reserve,
    )


def _english(chance: random.Random, latest_end: datetime) -> Rule:
    timed, extension, soft = chance.choice(((4, 3, None), (6, 2, None), (None, 4, None), (8, None, None), (7, None, 2)))
    cap = chance.choice((None, None, None, 1, 3))
    window = extension or soft
    return EnglishRule(
        start_price_minor=chance.choice((100, 95, 1)),
        steps=chance.choice((
            (StepBand(increment_minor=10),),
            (StepBand(below_minor=130, increment_minor=5), StepBand(below_minor=200, increment_minor=20), StepBand(increment_minor=50)),
        )),
        grid_base=chance.choice(tuple(GridBase)),
        timed_seconds=timed,
        extension_seconds=extension,
        soft_close_seconds=soft,
        cap_extensions=cap if window is not None else None,
        cap_at=latest_end if cap is None and window is not None and chance.random() < 0.2 else None,
    )  # fmt: skip


def _dutch(chance: random.Random, latest_end: datetime) -> Rule:
    interval, fall = chance.choice(((1, None), (None, 7), (None, 3)))
    return DutchRule(
        start_price_minor=chance.choice((300, 170)),
        floor_minor=chance.choice((100, 45)),
        step_minor=chance.choice((20, 50)),
        interval_seconds=interval,
        fall_seconds=fall,
        floor_seconds=2,
    )


def _reverse(chance: random.Random, latest_end: datetime) -> Rule:
    soft = chance.choice((None, 2, 3))
    return ReverseRule(
        start_price_minor=300,
        decrement_minor=chance.choice((5, 10)),
        attributes=chance.choice(((), (DAYS,), (DAYS, SCORE))),
        front_buffer_minor=chance.choice((0, 15)),
        back_buffer_minor=chance.choice((0, 10)),
        visibility=chance.choice(("rank_only", "rank_and_lead", "lead_only")),
        timed_seconds=7,
        soft_close_seconds=soft,
        top_count=chance.choice((1, 2)),
        extends_when=chance.choice(("enters", "rises")),
        cap_extensions=None if soft is None else chance.choice((None, 2)),
    )


def _uniform(chance: random.Random, latest_end: datetime) -> Rule:
    return UniformRule(
        start_price_minor=100,
        step_minor=10,
        quantity=chance.choice((10, 25)),
        timed_seconds=chance.choice((6, 9)),
        marginal=chance.choice(tuple(Marginal)),
        pricing=chance.choice(tuple(UnitPricing)),
        bids_per_bidder=2,
        allows_all_or_none=chance.random() < 0.6,
    )


def _sealed(chance: random.Random, latest_end: datetime) -> Rule:
    return SealedRule(
        start_price_minor=100,
        step_minor=chance.choice((None, 10)),
        timed_seconds=chance.choice((5, 8)),
        pricing=chance.choice(tuple(Pricing)),
        public_key=b64encode(officers_key().public).decode(),
    )


_RULES = {"english": _english, "dutch": _dutch, "reverse": _reverse, "uniform": _uniform, "sealed": _sealed}


# Wishes


def wish_on(
    chance: random.Random, lot: Lot, state: dict[str, Any] | None, paddle: int | None, said: dict[str, Said]
) -> Wish:
    """What a bidder who sees this (nothing, if he does not look) asks for on a lot that is not English."""
    match lot.rule:
        case DutchRule():
            seen = (state or {}).get("detail", {}).get("price_minor") or lot.rule.floor_minor
            # Most only look on for a while.
            shy = chance.choice((-50, -20, -20, -1, 0, 0, 30))
            return Wish(int(seen) + shy, chance.random() < 0.05)
        case ReverseRule():
            figures = {one.key: str(chance.randrange(1, 11)) for one in lot.rule.attributes}
            price = 300 - lot.rule.decrement_minor * chance.randrange(-1, 30) + chance.choice((0, 0, 0, 0, 1))
            return Wish(price, chance.random() < 0.03, {"attributes": figures})
        case UniformRule():
            details: dict[str, Any] = {"quantity": chance.randrange(1, 12), "all_or_none": chance.random() < 0.3}
            if chance.random() < 0.4:
                details["bid"] = chance.choice((1, 1, 2, 3))
            return Wish(100 + chance.choice((-10, 0, 10, 20, 20, 30, 35)), chance.random() < 0.03, details)
        case _:
            if chance.random() < 0.15 or paddle is None:
                return Wish(0, False, {"withdraw": True})
            return Wish(0, False, sealed(chance, lot, paddle, said))


def sealed(chance: random.Random, lot: Lot, paddle: int, said: dict[str, Said]) -> dict[str, str]:
    """A sealed bid made as docs/rules.md tells a program to, with a key from the seed; some are void, and `said` knows why."""
    amount, why_void = 100 + 10 * chance.randrange(30), None
    nonce, bound_lot, bound_paddle = chance.randbytes(32).hex(), lot.id, paddle
    match chance.randrange(12):
        case 0:
            amount, why_void = 90, "below_minimum"
        case 1 if lot.rule.step_minor is not None:
            amount, why_void = amount + 3, "off_grid"
        case 2:
            bound_lot, why_void = lot.id + 1, "other_lot"
        case 3:
            bound_paddle, why_void = paddle + 1, "undecryptable"
    commitment = sha256(f"{LABEL}|{lot.id}|{paddle}|{amount}|{nonce}".encode()).hexdigest()
    said[commitment] = Said(amount, why_void)
    public = officers_key().public
    own = ec.derive_private_key(chance.getrandbits(250) + 1, CURVE)
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, public))
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=LABEL.encode() + _point(own) + public).derive(shared)
    text = json.dumps({"amount_minor": str(amount), "lot": bound_lot, "nonce": nonce}, separators=(",", ":"))
    bound = f"{LABEL}|{lot.id}|{bound_paddle}|{lot.rule.public_key}|{commitment}".encode()
    iv = chance.randbytes(12)
    blob = _point(own) + iv + AESGCM(key).encrypt(iv, text.encode().ljust(192), bound)
    return {"ciphertext": b64encode(blob).decode(), "commitment": commitment}
