"""Signing a contract, and what comes of the second signature: the escrow case and the deal, in the same transaction.

A signature is one of a party's certified key, or a message that stands for it where both parties have agreed on that.
Where the key lies makes no difference here: record and signature come in, and everything about them is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import json

from auction.signing import time_text
from escrow import store as escrow_store
from escrow.facts import SMALLEST_LINE_MINOR, CaseTerms, Line, Timers
from market import deals_store
from market.contracting import amending, desk, formalities, identity, pki_store, records, store
from market.contracting.facts import Contract, ContractRefusal, ContractState, Party, Signature, Version
from market.contracting.pki_store import Certificate
from market.contracting.records import SignatureRecord
from market.contracting.terms import TradeTerms, flaws

if TYPE_CHECKING:
    from auction.signing import Signer
    from escrow.desk import EscrowDesk
    from escrow.facts import Case
    from market.config import Config
    from market.contracting.authority import Authority
    from migrations.database import Connection

MOST_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracting:
    """What signing needs of the house: its clocks and fees, the escrow, the key of its seals, its authority."""

    config: Config
    escrow: EscrowDesk
    signer: Signer
    authority: Authority

    @property
    def origin(self) -> str:
        return self.config.origin


def record_for(contract: Contract, party_id: int, serial: str, now: datetime) -> SignatureRecord | ContractRefusal:
    """What the party would sign now under the version that lies open."""
    role = contract.role_of(party_id)
    refusal = _closed(contract, role, now)
    if refusal is not None:
        return refusal
    assert role is not None and contract.offered is not None
    if contract.offered.signed_by(role):
        return ContractRefusal.ALREADY_SIGNED
    return SignatureRecord(
        contract=contract.id,
        version=contract.offered.n,
        role=role,
        party=party_id,
        terms_sha256=contract.offered.sha256.hex(),
        certificate=serial,
        signed_at=now.astimezone(UTC).replace(microsecond=0),
    )


async def add_signature(
    conn: Connection, house: Contracting, contract_id: int, party_id: int, raw: bytes, signature: bytes, now: datetime
) -> Contract | ContractRefusal:
    """Take a party's signature of its key under `raw` (a `SignatureRecord`), seal it, and let the second take effect."""
    found = await store.lock(conn, contract_id)
    if found is None:
        return ContractRefusal.NO_SUCH_CONTRACT
    record = records.read_record(raw)
    certificate = None if record is None else await pki_store.held_certificate(conn, record.certificate)
    refusal = _judge(found, party_id, record, certificate, raw, signature, house.authority.public_key, now)
    if refusal is not None:
        return refusal
    assert record is not None and certificate is not None
    refusal = amending.still(found, await _locked_case(conn, found), now)
    if refusal is not None:
        return refusal
    crl = await identity.revocation_list(conn, house.authority, house.origin, now)
    seal = records.seal_of_key(
        record,
        raw,
        signature,
        authority=await identity.own_certificate(conn, house.authority, house.origin, now),
        certificate=certificate.der,
        crl=crl.der,
        at=time_text(now),
    )
    one = Signature(
        version=record.version,
        role=record.role,
        party_id=party_id,
        terms_sha256=bytes.fromhex(record.terms_sha256),
        kind="key",
        serial=record.certificate,
        record=raw.decode(),
        signature=signature,
        authority=house.authority.public_key,
        crl_number=crl.number,
        evidence_sha256=None,
        seal=json.encode(house.signer.sign(records.SEAL, seal), order="sorted").decode(),
        signed_at=now,
    )
    return await _add(conn, house, found, one, now)


async def sign_by_agreement(
    conn: Connection, house: Contracting, contract_id: int, party_id: int, evidence_sha256: bytes, now: datetime
) -> Contract | ContractRefusal:
    """A message of this party that, by both parties' agreement, stands for its signature. The caller has seen that the
    agreement is in force; the bundle shows the signature as what it is.
    """
    found = await store.lock(conn, contract_id)
    if found is None:
        return ContractRefusal.NO_SUCH_CONTRACT
    role = found.role_of(party_id)
    refusal = _closed(found, role, now) or _unsound(found, now)
    if refusal is not None:
        return refusal
    assert role is not None and found.offered is not None
    if found.offered.signed_by(role):
        return ContractRefusal.ALREADY_SIGNED
    refusal = amending.still(found, await _locked_case(conn, found), now)
    if refusal is not None:
        return refusal
    version = found.offered
    seal = records.seal_of_agreement(found.id, version.n, role, version.sha256, evidence_sha256, time_text(now))
    one = Signature(
        version=version.n,
        role=role,
        party_id=party_id,
        terms_sha256=version.sha256,
        kind="agreement",
        serial=None,
        record=None,
        signature=None,
        authority=None,
        crl_number=None,
        evidence_sha256=evidence_sha256,
        seal=json.encode(house.signer.sign(records.SEAL, seal), order="sorted").decode(),
        signed_at=now,
    )
    return await _add(conn, house, found, one, now)


def _judge(
    contract: Contract,
    party_id: int,
    record: SignatureRecord | None,
    certificate: Certificate | None,
    raw: bytes,
    signature: bytes,
    authority: bytes,
    now: datetime,
) -> ContractRefusal | None:
    role = contract.role_of(party_id)
    refusal = _closed(contract, role, now)
    if refusal is not None:
        return refusal
    assert role is not None and contract.offered is not None
    if record is None or (record.contract, record.party, record.role) != (contract.id, party_id, role):
        return ContractRefusal.RECORD_MALFORMED
    if (record.version, record.terms_sha256) != (contract.offered.n, contract.offered.sha256.hex()):
        return ContractRefusal.OTHER_VERSION
    if contract.offered.signed_by(role):
        return ContractRefusal.ALREADY_SIGNED
    if unsound := _unsound(contract, now):
        return unsound
    if (refusal := certificate_fault(certificate, party_id, authority, now)) is not None:
        return refusal
    assert certificate is not None
    if abs((now - record.signed_at).total_seconds()) > records.FRESH_SECONDS:
        return ContractRefusal.SIGNED_TOO_LONG_AGO
    return None if _is_signed(certificate.public_key, raw, signature) else ContractRefusal.SIGNATURE_WRONG


def certificate_fault(
    certificate: Certificate | None, party_id: int, authority: bytes, now: datetime
) -> ContractRefusal | None:
    """Why this party can't sign with this certificate of this authority now."""
    if certificate is None:
        return ContractRefusal.CERTIFICATE_MISSING
    if certificate.party_id != party_id:
        return ContractRefusal.CERTIFICATE_OTHERS
    if certificate.authority != authority:
        return ContractRefusal.CERTIFICATE_OTHERS
    if certificate.revoked_at is not None:
        return ContractRefusal.CERTIFICATE_REVOKED
    return None if certificate.is_good(now) else ContractRefusal.CERTIFICATE_EXPIRED


def _closed(contract: Contract, role: Party | None, now: datetime) -> ContractRefusal | None:
    if role is None:
        return ContractRefusal.NOT_A_PARTY
    if contract.ended_at is not None:
        return ContractRefusal.ENDED
    if contract.sign_by is not None and now >= contract.sign_by:
        return ContractRefusal.TOO_LATE
    return ContractRefusal.NOTHING_TO_SIGN if contract.offered is None else None


def _unsound(contract: Contract, now: datetime) -> ContractRefusal | None:
    """Terms that time has overtaken bind nobody: their days are to be amended first."""
    assert contract.offered is not None
    terms = contract.offered.terms
    waits = contract.state is ContractState.AWAITING_SIGNATURES
    return ContractRefusal.TERMS_UNSOUND if waits and isinstance(terms, TradeTerms) and flaws(terms, now) else None


def _is_signed(public_key: bytes, raw: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, records.signed_bytes(raw))
    except (InvalidSignature, ValueError):
        return False
    return True


async def _locked_case(conn: Connection, contract: Contract) -> Case | None:
    """The case under an amendment, so that nothing is shipped while it is judged."""
    if contract.case_id is None or contract.amendment is None:
        return None
    return await escrow_store.lock_case(conn, contract.case_id)


async def _add(conn: Connection, house: Contracting, contract: Contract, one: Signature, now: datetime) -> Contract:
    await store.insert_signature(conn, contract.id, one)
    await store.insert_event(conn, contract.id, "signed", now, actor_id=one.party_id, version=one.version)
    await store.touch(conn, contract.id)
    after = await desk.certain(conn, contract.id)
    version = after.versions[one.version - 1]
    if not version.is_signed:
        await desk.tell(conn, after, "contract_signed_by_other", [after.other(one.party_id)], now)
        return after
    if after.state is ContractState.AWAITING_SIGNATURES:
        return await _in_force(conn, house, after, version, now)
    return await _amended(conn, house, after, version, now)


async def _in_force(
    conn: Connection, house: Contracting, contract: Contract, version: Version, now: datetime
) -> Contract:
    terms = version.terms
    assert isinstance(terms, TradeTerms) and terms.fees is not None, "a hammer's contract is in force from the first"
    case = await house.escrow.settlement.open_case(conn, _case_terms(contract, version, terms, house.config, now), now)
    await deals_store.insert_trade(conn, case.id, contract.id, version.n, terms, now)
    await store.put_in_force(conn, contract.id, version.n, now, case.id)
    await store.insert_event(conn, contract.id, "in_force", now, version=version.n)
    await formalities.follow(conn, contract.id, version.n, terms)
    after = await desk.certain(conn, contract.id)
    due = (now + timedelta(seconds=case.timers.payment_seconds)).isoformat(timespec="seconds").replace("+00:00", "Z")
    await desk.tell(conn, after, "contract_in_force_buyer", [after.buyer_id], now, due=due)
    await desk.tell(conn, after, "contract_in_force_seller", [after.seller_id], now, due=due)
    await desk.hooks().on_in_force(conn, after, case, now)
    return after


async def _amended(
    conn: Connection, house: Contracting, contract: Contract, version: Version, now: datetime
) -> Contract:
    """Both have signed another wording; of a hammer's contract, the one that bound them already."""
    old = contract.standing.terms
    await store.amend(conn, contract.id, version.n)
    kind = "amended" if contract.is_trade else "signed_by_both"
    await store.insert_event(conn, contract.id, kind, now, version=version.n)
    if isinstance(version.terms, TradeTerms):
        await formalities.follow(conn, contract.id, version.n, version.terms)
        await formalities.move_shipping_day(conn, house.escrow, contract, version.terms, now)
    after = await desk.certain(conn, contract.id)
    await desk.tell(conn, after, f"contract_{kind}", [after.seller_id, after.buyer_id], now)
    if isinstance(old, TradeTerms):
        await desk.hooks().on_amended(conn, after, old, now)
    return after


def _case_terms(contract: Contract, version: Version, terms: TradeTerms, config: Config, now: datetime) -> CaseTerms:
    assert terms.fees is not None
    ship_seconds = max(config.ship_seconds, int((end_of_delivery(terms) - now).total_seconds()))
    return CaseTerms(
        subject=f"contract:{contract.id}",
        buyer_id=terms.buyer_id,
        seller_id=terms.seller_id,
        currency=terms.currency,
        price_minor=terms.price_minor,
        deposit_minor=0,
        fees=terms.fees.fees,
        contract_sha256=version.sha256,
        timers=Timers(
            payment_seconds=terms.payment.within_hours * 3600,
            ship_seconds=ship_seconds,
            unshipped_seconds=config.ship_grace_seconds,
            arrival_seconds=config.arrival_seconds,
            inspection_seconds=terms.payment.inspection_hours * 3600,
        ),
        lines=lines_of(terms),
    )


def end_of_delivery(terms: TradeTerms) -> datetime:
    """The end of the last day of the delivery's window, UTC."""
    return datetime.combine(terms.delivery.to_date, time.max, UTC).replace(microsecond=0)


def lines_of(terms: TradeTerms) -> tuple[Line, ...]:
    """What can be shipped by itself, where the parties agreed on several shipments: each line of goods, or each unit."""
    if not terms.delivery.partial:
        return ()
    if len(terms.goods) > 1:
        return tuple(
            Line(
                n=line.n,
                title=" · ".join(dict.fromkeys(filter(None, (line.title_zh, line.title_en)))),
                amount_minor=line.sum_minor,
            )
            for line in terms.goods
        )
    only = terms.goods[0]
    if not 1 < only.quantity <= MOST_LINES or only.unit_price_minor < SMALLEST_LINE_MINOR:
        return ()
    return tuple(Line(n=n, title="", amount_minor=only.unit_price_minor) for n in range(1, only.quantity + 1))
