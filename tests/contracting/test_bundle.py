"""A contract's bundle is checked without the house: what is forged, stripped, swapped, revoked or flipped is refused."""

from __future__ import annotations

import json
import os
import random
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from auction.signing import Signer, canonical
from market.contracting import desk, identity, verifier
from market.contracting.authority import Authority, Revoked, pem
from market.contracting.bundle import bundle_of
from market.contracting.facts import Contract
from market.contracting.records import SEAL, signed_bytes
from migrations.database import Address, Role, connect
from tests.contracting.people import HOUSE, NOW, Person, in_force, new_person, sign, trade_terms

if TYPE_CHECKING:
    from migrations.database import Connection

KEY = HOUSE.signer.public_hex
FLIPS = int(os.environ.get("GAVELHOUSE_FLIPS", "150"))
Change = Callable[[dict[str, Any]], None]


class Signed:
    """A contract of two versions, both signed by both, its bundle, and who signed it."""

    bundle: bytes
    authority: bytes
    seller: Person
    buyer: Person


@pytest.fixture(scope="module")
async def signed(module_database: Address) -> Signed:
    conn = await connect(module_database, Role.APP)
    try:
        async with conn.transaction():
            return await _signed(conn)
    finally:
        await conn.close()


async def _signed(conn: Connection) -> Signed:
    made = Signed()
    made.seller, made.buyer = await new_person(conn, "Orchid"), await new_person(conn, "Heron")
    both = await in_force(conn, made.seller, made.buyer, trade_terms(made.seller.id, made.buyer.id))
    later = structs.replace(both.terms, delivery=structs.replace(both.terms.delivery, to_date=date(2027, 1, 20)))
    proposed = await desk.propose(conn, both.id, made.seller.id, later, "", NOW)
    assert isinstance(proposed, Contract)
    for who in (made.seller, made.buyer):
        assert isinstance(await sign(conn, proposed, who, NOW + timedelta(hours=1)), Contract)
    # What is revoked after it signed changes nothing about what it signed.
    serial = made.seller.certificate.serial
    at = NOW + timedelta(hours=2)
    await identity.revoke(conn, HOUSE.authority, HOUSE.origin, serial, made.seller.id, "superseded", "", at)
    contract = await desk.certain(conn, both.id)
    made.bundle = await bundle_of(conn, HOUSE, contract, NOW + timedelta(days=900))
    made.authority = pem(
        await identity.own_certificate(conn, HOUSE.authority, HOUSE.origin, NOW), "CERTIFICATE"
    ).encode()
    return made


def test_a_bundle_is_genuine_years_later_and_though_a_certificate_was_revoked_since(signed: Signed) -> None:
    found = verifier.verify(signed.bundle, KEY, signed.authority)  # type: ignore[no-untyped-call]
    assert found["version in force"] == 2 and found["seller"] == f"Orchid (party {signed.seller.id})"


def house_again(bundle: dict[str, Any]) -> bytes:
    """The house itself signs the changed bundle, so that only what is inside can give it away."""
    plain = {name: value for name, value in bundle.items() if name not in ("key", "signature")}
    return canonical(HOUSE.signer.sign(verifier.STATEMENT, plain)) + b"\n"


def sealed_again(one: dict[str, Any], bundle: dict[str, Any], **changes: Any) -> None:
    """The house also seals the changed signature anew."""
    serial = json.loads(one["record"])["certificate"]
    parts = {
        "record": one["record"].encode(),
        "signature": bytes.fromhex(one["signature"]),
        "certificate": b64decode(bundle["certificates"][serial]),
        "crl": b64decode(bundle["lists"][one["list"]]),
        "authority": b64decode(bundle["authorities"][0]),
    }
    plain = {name: value for name, value in one["seal"].items() if name not in ("key", "signature")}
    plain |= {f"{name}_sha256": sha256(content).hexdigest() for name, content in parts.items()}
    one["seal"] = HOUSE.signer.sign(SEAL, plain | changes)


def first(bundle: dict[str, Any], role: str = "seller", n: int = 1) -> dict[str, Any]:
    return next(one for one in bundle["versions"][n - 1]["signatures"] if one["role"] == role)


def _cheaper(bundle: dict[str, Any]) -> None:
    version = bundle["versions"][0]
    version["terms"] = version["terms"].replace('"unit_price_minor":412500', '"unit_price_minor":312500')


def _cheaper_and_sealed(bundle: dict[str, Any]) -> None:
    _cheaper(bundle)
    digest = sha256(bundle["versions"][0]["terms"].encode()).hexdigest()
    for one in bundle["versions"][0]["signatures"]:
        sealed_again(one, bundle, terms_sha256=digest)


def _roles_swapped(bundle: dict[str, Any]) -> None:
    first(bundle)["role"], first(bundle, "buyer")["role"] = "buyer", "seller"


def _roles_swapped_and_sealed(bundle: dict[str, Any]) -> None:
    one, other = first(bundle), first(bundle, "buyer")
    one["role"], other["role"] = "buyer", "seller"
    sealed_again(one, bundle, role="buyer")
    sealed_again(other, bundle, role="seller")


def _versions_swapped(bundle: dict[str, Any]) -> None:
    one, two = bundle["versions"]
    one["signatures"], two["signatures"] = two["signatures"], one["signatures"]


def _versions_swapped_and_sealed(bundle: dict[str, Any]) -> None:
    _versions_swapped(bundle)
    for version in bundle["versions"]:
        digest = sha256(version["terms"].encode()).hexdigest()
        for one in version["signatures"]:
            sealed_again(one, bundle, version=version["n"], terms_sha256=digest)


def _other_contract(bundle: dict[str, Any]) -> None:
    bundle["contract"] += 1


def _stripped(bundle: dict[str, Any]) -> None:
    bundle["versions"][1]["signatures"].pop()


def _stripped_version(bundle: dict[str, Any]) -> None:
    bundle["versions"].pop()


def _unsigned(bundle: dict[str, Any]) -> None:
    for version in bundle["versions"]:
        version["signatures"] = []


def _other_certificate(bundle: dict[str, Any]) -> None:
    serials = list(bundle["certificates"])
    bundle["certificates"][serials[0]], bundle["certificates"][serials[1]] = (
        bundle["certificates"][serials[1]],
        bundle["certificates"][serials[0]],
    )


def _no_certificate(bundle: dict[str, Any]) -> None:
    bundle["certificates"].pop(json.loads(first(bundle)["record"])["certificate"])


def _by_message(bundle: dict[str, Any]) -> None:
    one = first(bundle)
    one.update(by="agreement")


def _sealed_before_revocation(bundle: dict[str, Any]) -> None:
    """The list that the house shows named the certificate already: it was revoked before it signed."""
    one = first(bundle)
    serial = json.loads(one["record"])["certificate"]
    authority = b64decode(bundle["authorities"][0])
    gone = Revoked(serial=serial, revoked_at=NOW - timedelta(days=1), reason="key_compromise")
    der = HOUSE.authority.revocation_list(authority, [gone], 1, NOW)
    bundle["lists"] = {name: b64encode(der).decode() for name in bundle["lists"]}
    for version in bundle["versions"]:
        for each in version["signatures"]:
            sealed_again(each, bundle)


def _sealed_after_expiry(bundle: dict[str, Any]) -> None:
    sealed_again(first(bundle), bundle, at="2028-01-01T00:00:00Z")


def _sealed_later(bundle: dict[str, Any]) -> None:
    sealed_again(first(bundle), bundle, at="2026-11-22T09:00:00Z")


def _own_authority(bundle: dict[str, Any]) -> None:
    """Somebody makes himself an authority of the same name."""
    der = Authority("33" * 32).self_signed("house.example", NOW)
    bundle["authorities"] = [b64encode(der).decode()]


def _forged(bundle: dict[str, Any]) -> None:
    one = first(bundle)
    one["signature"] = HOUSE.signer._key.sign(signed_bytes(one["record"].encode())).hex()
    sealed_again(one, bundle)


CHEATS: list[tuple[Change, str]] = [
    (_cheaper, "the seal is of something else"),
    (_cheaper_and_sealed, "the signature is of something else"),
    (_roles_swapped, "the seal is of something else"),
    (_roles_swapped_and_sealed, "the signature is of something else"),
    (_versions_swapped, "the seal is of something else"),
    (_versions_swapped_and_sealed, "the signature is of something else"),
    (_other_contract, "the seal is of something else"),
    (_stripped, "the version that stands is another than both have signed"),
    (_stripped_version, "the version that stands is another than both have signed"),
    (_unsigned, "the version that stands is another than both have signed"),
    (_other_certificate, "has another serial number"),
    (_no_certificate, "its certificate is missing"),
    (_by_message, "the seal is of a signature by key"),
    (_sealed_before_revocation, "was revoked before it signed"),
    (_sealed_after_expiry, "was not valid when it signed"),
    (_sealed_later, "sealed at another time than it was signed"),
    (_own_authority, "the authority's certificate is missing"),
    (_forged, "signature is not that of the certificate's key"),
]


@pytest.mark.parametrize(("cheat", "sentence"), CHEATS, ids=[cheat.__name__ for cheat, _ in CHEATS])
def test_each_cheat_is_named_even_if_the_house_itself_would_sign_it(
    signed: Signed, cheat: Change, sentence: str
) -> None:
    bundle = json.loads(signed.bundle)
    cheat(bundle)
    assert sentence in fault_of(house_again(bundle))


def test_another_house_and_another_authority_are_refused_where_one_knows_ones_own(signed: Signed) -> None:
    bundle = json.loads(signed.bundle)
    other = Signer("44" * 32)
    plain = {name: value for name, value in bundle.items() if name not in ("key", "signature")}
    plain["keys"] = [*plain["keys"], other.public_hex]
    assert "another key" in fault_of(canonical(other.sign(verifier.STATEMENT, plain)) + b"\n")
    unknown = pem(Authority("33" * 32).self_signed("house.example", NOW), "CERTIFICATE").encode()
    assert "another than the one you know" in fault_of(signed.bundle, authority=unknown)
    assert "not written as the house writes it" in fault_of(json.dumps(bundle, indent=1).encode())


def test_whoever_knows_the_authority_needs_no_key_to_see_that_a_stranger_signed_the_rest(signed: Signed) -> None:
    assert fault_of(signed.bundle, None, signed.authority) == "" == fault_of(signed.bundle, KEY, None)
    stranger = Signer("44" * 32)
    sealed = {"keys": [stranger.public_hex], "seals": {}}
    for change, sentence in (
        ({}, "the house's key is not among"),
        ({"keys": [KEY, stranger.public_hex]}, "no authority vouches for the key"),
        ({"keys": [KEY, stranger.public_hex], "seals": None}, "no authority vouches for the house's key"),
        (sealed, "another key than it should be"),
        ({"keys": [KEY, stranger.public_hex], "seals": {KEY: 0, stranger.public_hex: 0}}, "argument should be"),
        ({"keys": [KEY, stranger.public_hex], "seals": _of_a_party(signed, stranger)}, "may not seal"),
    ):
        bundle = {**json.loads(signed.bundle), **change}
        _stripped_version(bundle)
        bundle["stands"] = 1
        plain = {name: value for name, value in bundle.items() if name not in ("key", "signature")}
        plain = {name: value for name, value in plain.items() if value is not None}
        forged = canonical(stranger.sign(verifier.STATEMENT, plain)) + b"\n"
        assert sentence in fault_of(forged, None, signed.authority)


def _of_a_party(signed: Signed, stranger: Signer) -> dict[str, str]:
    """The stranger is a party, too, and puts its own certificate in the place of the house's."""
    bundle = json.loads(signed.bundle)
    own = b64decode(bundle["authorities"][0])
    leaf = HOUSE.authority.issue(own, bytes.fromhex(stranger.public_hex), 9, "Gavelhouse seals", "x:/crl", NOW)
    return {**bundle["seals"], stranger.public_hex: b64encode(leaf.der).decode()}


def test_no_bit_of_a_bundle_can_be_changed_unseen(signed: Signed) -> None:
    """Of the file; and of what parties, authority and house signed in it, with the file signed anew by the house."""
    chance = random.Random(20261122)
    for _ in range(FLIPS):
        changed = bytearray(signed.bundle)
        at = chance.randrange(len(changed) - 1)
        changed[at] ^= 1 << chance.randrange(8)
        assert fault_of(bytes(changed))
    for _ in range(FLIPS):
        bundle = json.loads(signed.bundle)
        place, name = chance.choice(_signed_places(bundle))
        place[name] = _flipped(place[name], chance)
        assert fault_of(house_again(bundle)), (name, place[name])


def _signed_places(bundle: dict[str, Any]) -> list[tuple[Any, Any]]:
    places: list[tuple[Any, Any]] = [(bundle["authorities"], 0)]
    places += [(bundle["certificates"], name) for name in bundle["certificates"]]
    used = {one["list"] for version in bundle["versions"] for one in version["signatures"]}
    places += [(bundle["lists"], name) for name in used]
    places += [(bundle["seals"], name) for name in bundle["seals"]]
    for version in bundle["versions"]:
        places.append((version, "terms"))
        for one in version["signatures"]:
            places += [(one, "record"), (one, "signature"), (one["seal"], "signature"), (one["seal"], "at")]
    return places


def _flipped(text: str, chance: random.Random) -> str:
    """One bit of what the text stands for: DER in base64, a signature in hexadecimal, or text itself."""
    if len(text) == 128 and set(text) <= set("0123456789abcdef"):
        return _one_bit(bytes.fromhex(text), chance).hex()
    if text.startswith("MII"):
        return b64encode(_one_bit(b64decode(text), chance)).decode()
    at = chance.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


def _one_bit(raw: bytes, chance: random.Random) -> bytes:
    changed = bytearray(raw)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def fault_of(data: bytes, key: str | None = KEY, authority: bytes | None = None) -> str:
    """What the verifier says of a bundle that is not genuine; "" if it finds nothing."""
    try:
        verifier.verify(data, key, authority)  # type: ignore[no-untyped-call]
    except Exception as fault:
        return str(fault) or repr(fault)
    return ""
