"""What is true of a contract: where it came from, its versions and signatures, and the words for each. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from market.contracting.terms import TermsFlaw, TradeTerms
from market.contracts import ContractTerms

if TYPE_CHECKING:
    from escrow.facts import Case
    from migrations.database import Connection

SIGNING_SECONDS = 72 * 3600
Terms = TradeTerms | ContractTerms
"""A contract between traders, or the one that a hammer made."""
Party = Literal["seller", "buyer"]


class OriginKind(StrEnum):
    MATCH = "match"
    ACCEPTANCE = "acceptance"
    HAMMER = "hammer"
    DOCUMENTS = "documents"


class Origin(Struct, frozen=True):
    """What made the contract; one thing makes one contract. `ref` is the number of the fill, acceptance, case, document."""

    kind: OriginKind
    ref: int


class ContractState(StrEnum):
    AWAITING_SIGNATURES = "awaiting_signatures"
    IN_FORCE = "in_force"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


class ContractRefusal(StrEnum):
    """In the order in which an act is judged; the sentence is `contract_refusal.<value>`."""

    NO_SUCH_CONTRACT = "no_such_contract"
    NOT_A_PARTY = "contract_not_a_party"
    ENDED = "contract_ended"
    TOO_LATE = "contract_too_late"
    NOTHING_TO_SIGN = "contract_nothing_to_sign"
    OTHER_VERSION = "contract_other_version"
    ALREADY_SIGNED = "contract_already_signed"
    ALREADY_IN_FORCE = "contract_already_in_force"
    FROM_A_HAMMER = "contract_from_a_hammer"
    AMENDMENT_OPEN = "contract_amendment_open"
    NO_AMENDMENT = "contract_no_amendment"
    NOT_YOUR_AMENDMENT = "contract_not_your_amendment"
    NOTHING_CHANGED = "contract_nothing_changed"
    TERMS_MALFORMED = "contract_terms_malformed"
    PARTIES_FIXED = "contract_parties_fixed"
    GOODS_FIXED = "contract_goods_fixed"
    PRICE_FIXED = "contract_price_fixed"
    SHIPPED = "contract_shipped"
    DISPUTED = "contract_disputed"
    OVER = "contract_over"
    TERMS_UNSOUND = "contract_terms_unsound"
    SAID_NO_REASON = "contract_said_no_reason"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_OTHERS = "certificate_others"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_REVOKED = "certificate_revoked"
    RECORD_MALFORMED = "contract_record_malformed"
    SIGNED_TOO_LONG_AGO = "contract_signed_too_long_ago"
    SIGNATURE_WRONG = "contract_signature_wrong"


class Signature(Struct, frozen=True, kw_only=True):
    """One party's signature under one version. One by `agreement` has no certificate, only its evidence's hash."""

    version: int
    role: Party
    party_id: int
    terms_sha256: bytes
    kind: Literal["key", "agreement"]
    serial: str | None
    record: str | None
    signature: bytes | None
    authority: bytes | None
    crl_number: int | None
    evidence_sha256: bytes | None
    seal: str
    signed_at: datetime


class Version(Struct, frozen=True, kw_only=True):
    """One wording. `proposed_by` is None for the first, which the house drew up."""

    n: int
    terms: Terms
    text: str
    sha256: bytes
    proposed_by: int | None
    proposed_at: datetime
    reason: str
    signatures: tuple[Signature, ...] = ()

    def signed_by(self, role: Party) -> Signature | None:
        return next((each for each in self.signatures if each.role == role), None)

    @property
    def is_signed(self) -> bool:
        """By both."""
        return self.signed_by("seller") is not None and self.signed_by("buyer") is not None


class ContractEvent(Struct, frozen=True, kw_only=True):
    n: int
    at: datetime
    actor_id: int | None
    kind: str
    version: int | None
    detail: dict[str, Any] = {}


class Contract(Struct, frozen=True, kw_only=True):
    """One contract with all its versions. `revision` rises with every change."""

    id: int
    origin: Origin
    seller_id: int
    buyer_id: int
    state: ContractState
    drawn_at: datetime
    sign_by: datetime | None
    offered_version: int | None
    signed_version: int | None
    in_force_at: datetime | None
    ended_at: datetime | None
    case_id: int | None
    revision: int
    versions: tuple[Version, ...]

    @property
    def is_trade(self) -> bool:
        """Whether its terms are a trade's; else they are those of a hammer."""
        return self.origin.kind is not OriginKind.HAMMER

    @property
    def standing(self) -> Version:
        """The version that binds the parties; while none does, the one that lies open, else the last that did."""
        n = self.signed_version if self.state is ContractState.IN_FORCE and self.signed_version else None
        if n is None and self.state is ContractState.IN_FORCE:
            n = 1
        return self.versions[(n or self.offered_version or len(self.versions)) - 1]

    @property
    def offered(self) -> Version | None:
        """The version that can be signed now."""
        return None if self.offered_version is None else self.versions[self.offered_version - 1]

    @property
    def amendment(self) -> Version | None:
        """What one side proposes to change and the other has not signed yet."""
        found = self.offered
        return found if found is not None and found.proposed_by is not None else None

    @property
    def terms(self) -> TradeTerms:
        """The terms that stand, of a contract between traders. Raises TypeError for a hammer's."""
        found = self.standing.terms
        if not isinstance(found, TradeTerms):
            raise TypeError(f"contract {self.id} is a hammer's")
        return found

    def replaced_by(self, n: int) -> Version | None:
        """What stood when version `n` was proposed: the last that both had signed, else the house's own, never a proposal that
        came to nothing. None for the first.
        """
        signed = [each for each in self.versions[: n - 1] if each.is_signed]
        return None if n == 1 else (signed or list(self.versions))[-1 if signed else 0]

    def role_of(self, party_id: int) -> Party | None:
        if party_id == self.seller_id:
            return "seller"
        return "buyer" if party_id == self.buyer_id else None

    def other(self, party_id: int) -> int:
        """The counterparty."""
        return self.buyer_id if party_id == self.seller_id else self.seller_id


class Unsound(Struct, frozen=True):
    """Terms that can't be signed, and everything that is wrong with them."""

    flaws: tuple[TermsFlaw, ...]


async def _nothing(*_: Any) -> None:
    pass


class ContractHooks(Struct, frozen=True, kw_only=True):
    """What others do in the same transaction. `on_drawn_up`: of contracts that are drawn up together. `on_ended`: lapsed or declined, so that nothing came of its match."""

    on_drawn_up: Callable[[Connection, Sequence[Contract], datetime], Awaitable[None]] = _nothing
    on_in_force: Callable[[Connection, Contract, Case, datetime], Awaitable[None]] = _nothing
    on_amended: Callable[[Connection, Contract, TradeTerms, datetime], Awaitable[None]] = _nothing
    on_ended: Callable[[Connection, Contract, datetime], Awaitable[None]] = _nothing
