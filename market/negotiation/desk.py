"""The steps of a negotiation: each one transaction of the caller's, in which the row is locked, judged, written and told.

An acceptance takes the goods from the post and draws up the contract in the same transaction, or nothing happens at all.
Files come beside a step in its transaction. A refusal is a value, after which the caller rolls back; `Flawed` carries what
is wrong with the terms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from market import live_topics, notices
from market.contracting.facts import Contract, Origin, OriginKind, Unsound
from market.contracting.terms import TermsFlaw, TradeTerms, terms_sha256
from market.negotiation import rules, store
from market.negotiation.facts import Negotiation, NegotiationRefusal, NegotiationState, Step, StepKind
from market.trading import posts, prints, public
from market.trading import store as trading_store
from market.trading.facts import Category, Post, Side
from market.trading.particulars import particulars

if TYPE_CHECKING:
    from market.evidence_rendering import Evidence
    from migrations.database import Connection

DrawUp = Callable[["Connection", Origin, TradeTerms, datetime], Awaitable[Contract | Unsound]]


class Flawed(Struct, frozen=True):
    """The terms that were put forward can't be: every flaw, with its place."""

    flaws: tuple[TermsFlaw, ...]


class Proposal(Struct, frozen=True, kw_only=True):
    """What somebody puts forward. An inquiry has no `valid_until`."""

    terms: TradeTerms
    words: str = ""
    valid_until: datetime | None = None
    firm: bool = False
    evidence: tuple[Evidence, ...] = ()


class Round(Struct, frozen=True, kw_only=True):
    """What a hook hears of a step that carried or accepted terms."""

    negotiation: Negotiation
    n: int
    kind: StepKind
    author_id: int
    terms: TradeTerms
    valid_until: datetime | None = None


Outcome = Negotiation | NegotiationRefusal | Flawed
OnRound = Callable[["Connection", Round, datetime], Awaitable[None]]


class NegotiationDesk:
    """What every door of a negotiation acts through. `draw_up` makes the contract; `on_round` hears of every round."""

    def __init__(self, draw_up: DrawUp, on_round: OnRound | None = None) -> None:
        self._draw_up = draw_up
        self._on_round = on_round

    async def inquire(
        self, conn: Connection, post_id: int, opener_id: int, proposal: Proposal, now: datetime
    ) -> Outcome:
        """Open a negotiation by asking: prices may be left open."""
        return await self._open(conn, post_id, opener_id, proposal, StepKind.INQUIRY, now)

    async def open_with_offer(
        self, conn: Connection, post_id: int, opener_id: int, proposal: Proposal, now: datetime
    ) -> Outcome:
        """Open a negotiation with an offer at once."""
        return await self._open(conn, post_id, opener_id, proposal, StepKind.OFFER, now)

    async def sides(self, conn: Connection, post_id: int, opener_id: int, now: datetime) -> tuple[int, int] | None:
        """Who would sell and who would buy if this party began to talk about the post; None where it can't see it."""
        post = await posts.post_by_id(conn, post_id)
        if post is None or not public.is_shown(post, opener_id, now):
            return None
        return _sides(post, opener_id)

    async def propose(
        self, conn: Connection, negotiation_id: int, author_id: int, proposal: Proposal, now: datetime
    ) -> Outcome:
        """Put terms forward: an offer, or a counter-offer where one of the other side stands."""
        at = await _locked(conn, negotiation_id)
        if await trading_store.is_barred(conn, author_id):
            return NegotiationRefusal.BARRED
        known = await _categories(conn)
        proposal = _worded(known, proposal)
        assert proposal.valid_until is not None, "an offer has its last instant"
        refused = rules.propose_refusal(
            at.negotiation, at.steps, author_id, proposal.terms, proposal.valid_until, proposal.firm, now
        )
        refused = refused or rules.words_refusal(proposal.words)
        if refused is not None:
            return refused
        post = await posts.post_by_id(conn, at.negotiation.post_id)
        assert post is not None, "a post is never deleted"
        if not post.is_open(now):
            return NegotiationRefusal.POST_CLOSED
        if (wrong := _terms_fault(at.negotiation, post, known, proposal.terms, now, asking=False)) is not None:
            return wrong
        kind = rules.kind_of_proposal(at.steps, author_id, now)
        step = _proposed(at.negotiation.version + 1, kind, author_id, proposal, now)
        if (wrong_file := await self._write(conn, at.negotiation.id, step, proposal.evidence)) is not None:
            return wrong_file
        moved = await _moved(conn, at.negotiation, step, lapses_at=proposal.valid_until)
        await self._tell(conn, moved, step, now)
        return moved

    async def accept(
        self, conn: Connection, negotiation_id: int, party_id: int, n: int, sha256: bytes, now: datetime
    ) -> Outcome:
        """Accept offer `n` as it was read: the goods are taken from the post and the contract is drawn up."""
        at = await _locked(conn, negotiation_id)
        refused = rules.accept_refusal(at.negotiation, at.steps, party_id, n, sha256, now)
        if refused is not None:
            return refused
        if await trading_store.is_barred(conn, party_id):
            return NegotiationRefusal.BARRED
        terms = at.steps[n - 1].terms
        assert terms is not None, "an offer carries its terms"
        if (gone := await _take(conn, at.negotiation.post_id, terms.goods[0].quantity, now)) is not None:
            return gone
        contract = await self._draw_up(conn, Origin(OriginKind.ACCEPTANCE, negotiation_id), terms, now)
        if isinstance(contract, Unsound):
            return Flawed(contract.flaws)
        await _print(conn, negotiation_id, terms, now)
        step = Step(n=at.negotiation.version + 1, kind=StepKind.ACCEPTANCE, author_id=party_id, at=now, answers=n)
        await store.insert_step(conn, negotiation_id, step)
        accepted = structs.replace(
            at.negotiation, state=NegotiationState.ACCEPTED, contract_id=contract.id, version=step.n, moved_at=now
        )
        moved = await store.move_negotiation(conn, accepted, None)
        await self._tell(conn, moved, step, now, terms)
        return moved

    async def reject(
        self, conn: Connection, negotiation_id: int, party_id: int, n: int, words: str, now: datetime
    ) -> Outcome:
        """Reject offer `n` of the other side; the negotiation goes on."""
        at = await _locked(conn, negotiation_id)
        refused = rules.reject_refusal(at.negotiation, at.steps, party_id, n, now) or rules.words_refusal(words)
        return refused or await self._answer(conn, at, StepKind.REJECTION, party_id, n, words, now)

    async def withdraw(
        self, conn: Connection, negotiation_id: int, party_id: int, n: int, words: str, now: datetime
    ) -> Outcome:
        """Withdraw one's own offer `n`, unless it is firm."""
        at = await _locked(conn, negotiation_id)
        refused = rules.withdraw_refusal(at.negotiation, at.steps, party_id, n, now) or rules.words_refusal(words)
        return refused or await self._answer(conn, at, StepKind.WITHDRAWAL, party_id, n, words, now)

    async def say(
        self,
        conn: Connection,
        negotiation_id: int,
        party_id: int,
        words: str,
        evidence: tuple[Evidence, ...],
        now: datetime,
    ) -> Outcome:
        """A message, files, or both; no offer is touched by it."""
        at = await _locked(conn, negotiation_id)
        refused = rules.say_refusal(at.negotiation, at.steps, words or ("-" if evidence else ""))
        if refused is not None:
            return refused
        step = Step(n=at.negotiation.version + 1, kind=StepKind.MESSAGE, author_id=party_id, at=now, words=words)
        if (wrong_file := await self._write(conn, negotiation_id, step, evidence)) is not None:
            return wrong_file
        moved = await _moved(conn, at.negotiation, step, lapses_at=_lapse_of(at.steps, now))
        await self._tell(conn, moved, step, now)
        return moved

    async def end(self, conn: Connection, negotiation_id: int, party_id: int, words: str, now: datetime) -> Outcome:
        """Break the negotiation off."""
        at = await _locked(conn, negotiation_id)
        refused = rules.end_refusal(at.negotiation, at.steps, party_id, now) or rules.words_refusal(words)
        if refused is not None:
            return refused
        step = Step(n=at.negotiation.version + 1, kind=StepKind.END, author_id=party_id, at=now, words=words)
        await store.insert_step(conn, negotiation_id, step)
        ended = structs.replace(at.negotiation, state=NegotiationState.ENDED, version=step.n, moved_at=now)
        moved = await store.move_negotiation(conn, ended, None)
        await self._tell(conn, moved, step, now)
        return moved

    async def lapse_one(self, conn: Connection, now: datetime) -> bool:
        """Tell both sides of one offer that ran out; False when none is left. The offer was dead at its instant already."""
        due = await store.due_negotiation(conn, now)
        if due is None:
            return False
        steps = await store.steps_of(conn, due.id)
        lapsed = rules.lapsed_offer(steps, now)
        if lapsed is None:
            await store.move_negotiation(conn, due, _lapse_of(steps, now))
            return True
        step = Step(n=due.version + 1, kind=StepKind.LAPSE, author_id=None, at=now, answers=lapsed.n)
        await store.insert_step(conn, due.id, step)
        moved = await _moved(conn, due, step, lapses_at=None)
        await self._tell(conn, moved, step, now)
        return True

    async def _open(
        self, conn: Connection, post_id: int, opener_id: int, proposal: Proposal, kind: StepKind, now: datetime
    ) -> Outcome:
        post = await posts.lock(conn, post_id)
        if post is None or not post.is_open(now) or not public.is_shown(post, opener_id, now):
            return NegotiationRefusal.POST_CLOSED
        if post.party_id == opener_id:
            return NegotiationRefusal.OWN_POST
        if post.on_board:
            return NegotiationRefusal.POST_ON_BOARD
        if await trading_store.is_barred(conn, opener_id):
            return NegotiationRefusal.BARRED
        if (refused := rules.words_refusal(proposal.words)) is not None:
            return refused
        seller_id, buyer_id = _sides(post, opener_id)
        opened = await store.insert_negotiation(
            conn, post_id=post_id, opener_id=opener_id, seller_id=seller_id, buyer_id=buyer_id, now=now
        )
        if opened is None:
            return NegotiationRefusal.ALREADY_NEGOTIATING
        asking = kind is StepKind.INQUIRY
        known = await _categories(conn)
        proposal = _worded(known, proposal)
        if not asking:
            assert proposal.valid_until is not None, "an offer has its last instant"
            if not rules.is_valid_length(proposal.valid_until, now):
                return NegotiationRefusal.VALIDITY_WRONG
        if (wrong := _terms_fault(opened, post, known, proposal.terms, now, asking=asking)) is not None:
            return wrong
        step = _proposed(1, kind, opener_id, proposal, now)
        if (wrong_file := await self._write(conn, opened.id, step, proposal.evidence)) is not None:
            return wrong_file
        moved = await _moved(conn, opened, step, lapses_at=step.valid_until)
        await self._tell(conn, moved, step, now)
        return moved

    async def _answer(
        self,
        conn: Connection,
        at: _At,
        kind: StepKind,
        party_id: int,
        n: int,
        words: str,
        now: datetime,
    ) -> Negotiation:
        step = Step(n=at.negotiation.version + 1, kind=kind, author_id=party_id, at=now, words=words, answers=n)
        await store.insert_step(conn, at.negotiation.id, step)
        moved = await _moved(conn, at.negotiation, step, lapses_at=None)
        await self._tell(conn, moved, step, now)
        return moved

    async def _write(
        self, conn: Connection, negotiation_id: int, step: Step, evidence: Sequence[Evidence]
    ) -> NegotiationRefusal | None:
        await store.insert_step(conn, negotiation_id, step)
        author_id = step.author_id
        assert author_id is not None, "the house hands nothing in"
        for each in evidence:
            if await store.file_handed_in(conn, negotiation_id, author_id, each.upload_sha256):
                return NegotiationRefusal.FILE_ALREADY_THERE
            if await store.insert_file(conn, negotiation_id, step.n, author_id, each, step.at) is None:
                return NegotiationRefusal.TOO_MANY_FILES
        return None

    async def _tell(
        self, conn: Connection, moved: Negotiation, step: Step, now: datetime, terms: TradeTerms | None = None
    ) -> None:
        """The other side has a notice (messages one until it has looked), open pages move, and the hook hears of terms."""
        await live_topics.announce(conn, f"negotiation:{moved.id}", moved.version)
        post = await posts.post_by_id(conn, moved.post_id)
        assert post is not None, "a post is never deleted"
        params: dict[str, str | int] = {"title_en": post.title("en"), "title_zh": post.title("zh")}
        if step.valid_until is not None:
            params["due"] = step.valid_until.isoformat(timespec="seconds").replace("+00:00", "Z")
        kind, link = f"negotiation_{step.kind.value}", f"/negotiations/{moved.id}"
        for party_id in (moved.seller_id, moved.buyer_id):
            if party_id == step.author_id:
                continue
            if step.kind is StepKind.MESSAGE and await store.is_told(conn, party_id, kind, link):
                continue
            await notices.notify(conn, [party_id], kind, params, link, now)
        heard = terms or step.terms
        if heard is not None and self._on_round is not None and step.author_id is not None:
            await self._on_round(
                conn,
                Round(
                    negotiation=moved,
                    n=step.n,
                    kind=step.kind,
                    author_id=step.author_id,
                    terms=heard,
                    valid_until=step.valid_until,
                ),
                now,
            )


def _sides(post: Post, opener_id: int) -> tuple[int, int]:
    return (post.party_id, opener_id) if post.side is Side.SUPPLY else (opener_id, post.party_id)


async def on_contract_ended(conn: Connection, contract: Contract, now: datetime) -> None:
    """The contract of an acceptance was never signed by both: the goods are open again and the trade counts no more."""
    if contract.origin.kind is not OriginKind.ACCEPTANCE:
        return
    found = await store.negotiation(conn, contract.origin.ref)
    assert found is not None, "a contract's origin is never deleted"
    first = contract.versions[0].terms
    assert isinstance(first, TradeTerms), "only a hammer's contract has other terms"
    await posts.give_back(conn, found.post_id, first.goods[0].quantity, now)
    await prints.strike(conn, source="acceptance", ref=found.id, now=now)


class _At(Struct, frozen=True):
    negotiation: Negotiation
    steps: list[Step]


async def _locked(conn: Connection, negotiation_id: int) -> _At:
    """The negotiation as it is, with nobody else at it. The door has made sure that there is one."""
    negotiation = await store.lock_negotiation(conn, negotiation_id)
    assert negotiation is not None, f"there is no negotiation {negotiation_id}"
    return _At(negotiation, await store.steps_of(conn, negotiation_id))


async def _print(conn: Connection, negotiation_id: int, terms: TradeTerms, now: datetime) -> None:
    """What was agreed on enters the market's figures: the post's goods, at their price."""
    first = terms.goods[0]
    await prints.record(
        conn,
        source="acceptance",
        ref=negotiation_id,
        category=first.category,
        term=terms.delivery.term,
        currency=terms.currency,
        price_minor=first.unit_price_minor,
        quantity=first.quantity,
        now=now,
    )


async def _take(conn: Connection, post_id: int, quantity: int, now: datetime) -> NegotiationRefusal | None:
    post = await posts.lock(conn, post_id)
    assert post is not None, "a post is never deleted"
    if post.on_board:
        return NegotiationRefusal.POST_ON_BOARD
    if not post.is_open(now):
        return NegotiationRefusal.POST_CLOSED
    enough = post.smallest_take <= quantity <= post.open_quantity
    return None if enough and await posts.take(conn, post_id, quantity, now) else NegotiationRefusal.QUANTITY_GONE


async def _categories(conn: Connection) -> dict[str, Category]:
    return {each.code: each for each in await trading_store.categories(conn)}


def _worded(known: Mapping[str, Category], proposal: Proposal) -> Proposal:
    """The proposal with what its goods' attributes say in words: by the house's categories, whoever typed the codes."""
    goods = []
    for line in proposal.terms.goods:
        category = known.get(line.category)
        english, chinese = ("", "") if category is None else particulars(line.attributes, category)
        goods.append(structs.replace(line, particulars_en=english, particulars_zh=chinese))
    return structs.replace(proposal, terms=structs.replace(proposal.terms, goods=tuple(goods)))


def _terms_fault(
    negotiation: Negotiation,
    post: Post,
    known: Mapping[str, Category],
    terms: TradeTerms,
    now: datetime,
    *,
    asking: bool,
) -> NegotiationRefusal | Flawed | None:
    """The first line is the post's goods in its unit, between its two parties: that quantity is taken from the post, and
    that price goes into the market's figures. What more is in the bargain is theirs to say.
    """
    if (terms.seller_id, terms.buyer_id) != (negotiation.seller_id, negotiation.buyer_id) or terms.fees is not None:
        return NegotiationRefusal.TERMS_NOT_OF_POST
    if found := rules.proposal_flaws(terms, now, asking=asking):
        return Flawed(tuple(found))
    first = terms.goods[0]
    in_unit = post.category in known and first.unit == known[post.category].unit
    if first.category != post.category or not in_unit or terms.currency != post.currency:
        return NegotiationRefusal.TERMS_NOT_OF_POST
    if not post.smallest_take <= first.quantity <= post.open_quantity:
        return NegotiationRefusal.QUANTITY_GONE
    return None


def _proposed(n: int, kind: StepKind, author_id: int, proposal: Proposal, now: datetime) -> Step:
    asking = kind is StepKind.INQUIRY
    return Step(
        n=n,
        kind=kind,
        author_id=author_id,
        at=now,
        terms=proposal.terms,
        terms_sha256=terms_sha256(proposal.terms),
        words=proposal.words,
        valid_until=None if asking else proposal.valid_until,
        firm=False if asking else proposal.firm,
    )


async def _moved(conn: Connection, negotiation: Negotiation, step: Step, lapses_at: datetime | None) -> Negotiation:
    return await store.move_negotiation(conn, structs.replace(negotiation, version=step.n, moved_at=step.at), lapses_at)


def _lapse_of(steps: Sequence[Step], now: datetime) -> datetime | None:
    """When the offer whose end has not been written runs out, be it past already: then the clock tells it."""
    waiting = rules.standing_offer(steps, now) or rules.lapsed_offer(steps, now)
    return None if waiting is None else waiting.valid_until
