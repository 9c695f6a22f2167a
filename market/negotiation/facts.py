"""What is true of a negotiation, and why a step of it is refused. Frozen values; no I/O.

The words are those of the Vienna Sales Convention (CISG, articles 14 to 24) and of the Chinese Civil Code (articles 471
to 489): an acceptance that changes anything is a counter-offer, and a firm offer can't be taken back while it is valid.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from market.contracting.terms import TradeTerms

MOST_STEPS = 200
MOST_FILES = 40
LONGEST_WORDS = 4000
SHORTEST_VALIDITY_SECONDS = 60
LONGEST_VALIDITY_SECONDS = 90 * 86_400


class StepKind(StrEnum):
    INQUIRY = "inquiry"
    OFFER = "offer"
    COUNTER_OFFER = "counter_offer"
    ACCEPTANCE = "acceptance"
    REJECTION = "rejection"
    WITHDRAWAL = "withdrawal"
    LAPSE = "lapse"
    MESSAGE = "message"
    END = "end"


OFFERS = (StepKind.OFFER, StepKind.COUNTER_OFFER)


class Step(Struct, frozen=True, kw_only=True):
    """One step, numbered from 1 without a gap. An inquiry and an offer carry terms; an offer also its last instant,
    exclusive. `answers` is the number of the offer that an acceptance, rejection, withdrawal or lapse is about. The house
    is the author of a lapse (None).
    """

    n: int
    kind: StepKind
    author_id: int | None
    at: datetime
    terms: TradeTerms | None = None
    terms_sha256: bytes | None = None
    words: str = ""
    valid_until: datetime | None = None
    firm: bool = False
    answers: int | None = None


class NegotiationState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    ENDED = "ended"


class Negotiation(Struct, frozen=True, kw_only=True):
    """Two parties about one post. `version` is the number of the last step; `contract_id` once an offer was accepted."""

    id: int
    post_id: int
    opener_id: int
    seller_id: int
    buyer_id: int
    state: NegotiationState
    version: int
    opened_at: datetime
    moved_at: datetime
    contract_id: int | None = None

    def other(self, party_id: int) -> int:
        """The party at the other side of the table."""
        return self.buyer_id if party_id == self.seller_id else self.seller_id


class OfferState(StrEnum):
    """Where an offer stands at an instant; only a standing one can be accepted."""

    STANDING = "standing"
    SUPERSEDED = "superseded"
    COUNTERED = "countered"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    ACCEPTED = "accepted"


class NegotiationRefusal(StrEnum):
    """Why a step is not taken. The sentence is `market_refusal.<value>`."""

    NEGOTIATION_OVER = "negotiation_over"
    NO_OFFER_STANDS = "no_offer_stands"
    OFFER_UNKNOWN = "offer_unknown"
    OWN_OFFER = "own_offer"
    NOT_OWN_OFFER = "not_own_offer"
    OFFER_SUPERSEDED = "offer_superseded"
    OFFER_WITHDRAWN = "offer_withdrawn"
    OFFER_REJECTED = "offer_rejected"
    OFFER_LAPSED = "offer_lapsed"
    OFFER_CHANGED = "offer_changed"
    OFFER_IS_FIRM = "offer_is_firm"
    NOTHING_CHANGED = "nothing_changed"
    VALIDITY_WRONG = "validity_wrong"
    TERMS_FLAWED = "terms_flawed"
    TERMS_NOT_OF_POST = "terms_not_of_post"
    WORDS_MISSING = "words_missing"
    WORDS_TOO_LONG = "words_too_long"
    TOO_MANY_STEPS = "too_many_steps"
    TOO_MANY_FILES = "too_many_files"
    FILE_ALREADY_THERE = "file_already_there"
    OWN_POST = "own_post"
    POST_CLOSED = "post_closed"
    POST_ON_BOARD = "post_on_board"
    BARRED = "negotiator_barred"
    ALREADY_NEGOTIATING = "already_negotiating"
    QUANTITY_GONE = "quantity_gone"
