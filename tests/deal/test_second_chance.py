"""After the close: the runner-up's chance, an offer below the reserve, the relist, and who is kept from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from auction import retracting, store
from auction.batch import judge_batch
from auction.closings import close_lot
from auction.facts import Bid, DeskRefusal, RetractionReason, Standing
from escrow import books
from escrow.desk import EscrowDesk
from escrow.facts import Action, Case, State
from escrow.hooks import Hooks
from market import applications, listings, photos, priority, relisting, runner_up, second_chance, trades
from market.application_facts import ApplicationRefusal, NextStep
from market.listing_facts import Listing
from market.my_bids import Place, my_bids
from market.relisting import RelistRefusal
from market.second_chance_facts import OFFER_STANDS, Offer, OfferKind, OfferRefusal, OfferState
from tests.deal.traded import DEPOSIT, admitted, notices_of, pays
from tests.sell.stall import DAY, HOUR, NOW, changed, on_show, party, picture

if TYPE_CHECKING:
    from migrations.database import Connection

BEGUN = NOW + 2 * HOUR
OVER = NOW + 2 * DAY
TERMS = trades.TradeTerms()


def the_desk() -> EscrowDesk:
    return EscrowDesk(
        Hooks(
            on_deposit_held=applications.on_deposit_held,
            on_case_changed=second_chance.on_case_changed,
            goods_are_free=second_chance.goods_are_free,
            lock_subject=applications.lock_subject,
        )
    )


class Sale:
    """A lot with three admitted bidders, on a real log."""

    def __init__(self, conn: Connection, lot_id: int, seller: int, operator: int, bidders: list[int]) -> None:
        self.conn, self.lot_id, self.seller, self.operator, self.bidders = conn, lot_id, seller, operator, bidders
        self.desk = the_desk()

    async def bid(self, who: int, amount_minor: int, seconds: int, *, maximum: bool = False) -> UUID:
        """A bid through the judge and the batch's one statement."""
        room = await store.lock_room(self.conn, self.lot_id)
        assert room is not None
        bid = Bid(
            lot_id=self.lot_id,
            party_id=self.bidders[who],
            client_bid_id=uuid4(),
            amount_minor=amount_minor,
            is_maximum=maximum,
            stamped_at=BEGUN + timedelta(seconds=seconds),
        )
        judged = judge_batch(room, [bid])
        assert judged.answers[0].refusal is None, judged.answers[0]
        await store.commit_batch(await store.prepare_batch(self.conn), [judged])
        return bid.client_bid_id

    async def close(self, now: datetime = OVER) -> None:
        async with self.conn.transaction():
            room = await close_lot(self.conn, self.lot_id, now, trades.hammer_handler(TERMS, self.desk))
        assert room is not None and room.standing.outcome is not None

    async def case(self) -> Case:
        found = await self.desk.settlement.case_of_subject(self.conn, f"lot:{self.lot_id}")
        assert found is not None
        return found

    async def default(self) -> None:
        case = await self.case()
        assert case.clock_due_at is not None
        async with self.conn.transaction():
            done = await self.desk.settlement.time_out(self.conn, case.id, Action.DEFAULT, case.clock_due_at)
        assert isinstance(done, Case) and done.state is State.DEFAULTED

    async def offer(self) -> Offer:
        return (await second_chance.offers_of_lot(self.conn, self.lot_id))[0]

    async def accept(self, offer: Offer, who: int, now: datetime) -> Offer | OfferRefusal:
        async with self.conn.transaction():
            return await second_chance.accept(
                self.conn, self.desk, TERMS, offer_id=offer.id, party_id=self.bidders[who], now=now
            )

    async def decline(self, offer: Offer, party_id: int, now: datetime) -> Offer | OfferRefusal:
        async with self.conn.transaction():
            return await second_chance.decline(self.conn, offer_id=offer.id, party_id=party_id, now=now)

    async def lapse(self, now: datetime) -> bool:
        async with self.conn.transaction():
            return await second_chance.lapse_one(self.conn, now)

    async def free_money(self) -> list[int]:
        return [await self.desk.wallet.balance(self.conn, each, "CNY") for each in self.bidders]


async def a_sale(conn: Connection, *, reserve_minor: int | None = None, **options: Any) -> Sale:
    seller, operator = await party(conn), await party(conn, operator=True)
    content = changed(reserve_minor=reserve_minor, deposit_minor=DEPOSIT, options=options)
    listing = await on_show(conn, seller, operator, content)
    sale = Sale(conn, listing.id, seller, operator, [await party(conn) for _ in range(3)])
    for bidder in sale.bidders:
        await admitted(conn, sale.desk, listing.id, bidder, operator)
    return sale


async def sold(conn: Connection, **options: Any) -> Sale:
    """Bidder 0 has won at 1,050,000; bidder 1 bid at most 1,040,000 in the open."""
    sale = await a_sale(conn, **options)
    await sale.bid(2, 1_000_000, 1)
    await sale.bid(1, 1_040_000, 2, maximum=True)
    await sale.bid(0, 1_050_000, 3, maximum=True)
    await sale.close()
    return sale


async def test_the_runner_ups_deposit_is_held_until_the_winner_has_paid(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    assert await sale.free_money() == [0, 0, DEPOSIT]
    case = await sale.case()
    await pays(conn, sale.desk, case.reference, case.due_minor, OVER + HOUR)
    assert await sale.free_money() == [0, DEPOSIT, DEPOSIT]
    assert await books.faults(conn) == []


async def test_a_lot_without_the_second_offer_frees_the_runner_up_at_the_close(conn: Connection) -> None:
    assert await (await sold(conn)).free_money() == [0, DEPOSIT, DEPOSIT]


async def test_a_default_passes_the_lot_to_the_runner_up_at_his_own_bid(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    await sale.default()
    offer = await sale.offer()
    assert (offer.party_id, offer.price_minor, offer.kind) == (sale.bidders[1], 1_040_000, OfferKind.RUNNER_UP)
    assert offer.offered_by is None and offer.expires_at == offer.offered_at + OFFER_STANDS
    assert (await notices_of(conn, sale.bidders[1]))[-1] == "second_chance_runner_up"
    assert "second_chance_made" in await notices_of(conn, sale.seller)
    (mine,) = await my_bids(conn, sale.bidders[1], offer.offered_at)
    assert (mine.place, mine.offer_id) == (Place.OFFERED, offer.id)


async def test_who_takes_the_offer_up_has_a_contract_and_a_case_of_his_own(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    await sale.default()
    offer, first = await sale.offer(), await sale.case()
    now = offer.offered_at + HOUR
    taken = await sale.accept(offer, 1, now)
    assert isinstance(taken, Offer) and taken.state is OfferState.ACCEPTED
    case = await sale.case()
    assert case.id == taken.case_id != first.id
    assert (case.buyer_id, case.price_minor, case.deposit_minor) == (sale.bidders[1], 1_040_000, DEPOSIT)
    assert (await notices_of(conn, sale.bidders[1]))[-1] == "lot_won"
    await pays(conn, sale.desk, case.reference, case.due_minor, now + HOUR)
    assert (await sale.case()).state is State.FUNDED
    assert await sale.accept(offer, 1, now) is OfferRefusal.OFFER_ENDED
    assert await books.faults(conn) == []


async def test_a_declined_offer_frees_the_deposit_and_the_next_can_be_asked(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    await sale.default()
    offer = await sale.offer()
    now = offer.offered_at + HOUR
    done = await sale.decline(offer, sale.bidders[1], now)
    assert isinstance(done, Offer) and done.state is OfferState.DECLINED
    assert (await sale.free_money())[1] == DEPOSIT
    assert (await notices_of(conn, sale.seller))[-1] == "second_chance_declined"
    made = await asked(sale, None)
    assert isinstance(made, Offer)
    assert (made.party_id, made.price_minor) == (sale.bidders[2], 1_000_000)


async def test_an_offer_lapses_at_its_time_and_not_before(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    await sale.default()
    offer = await sale.offer()
    assert not await sale.lapse(offer.expires_at - timedelta(microseconds=1))
    assert await sale.accept(offer, 1, offer.expires_at) is OfferRefusal.OFFER_ENDED
    assert await sale.lapse(offer.expires_at)
    assert not await sale.lapse(offer.expires_at)
    assert (await sale.offer()).state is OfferState.LAPSED
    assert (await sale.free_money())[1] == DEPOSIT
    assert (await notices_of(conn, sale.bidders[1]))[-1] == "second_chance_missed"


async def test_an_offer_is_nobody_elses(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    await sale.default()
    offer = await sale.offer()
    for other in (sale.bidders[2], sale.seller):
        assert await sale.decline(offer, other, offer.offered_at) is OfferRefusal.NO_SUCH_OFFER


async def test_a_secret_maximum_is_not_told_by_the_offer(conn: Connection) -> None:
    """Bidder 1 would have gone to 1,400,000, but bidder 0 jumped past it: the log knows him at 1,010,000."""
    sale = await a_sale(conn)
    await sale.bid(2, 1_000_000, 1)
    await sale.bid(1, 1_400_000, 2, maximum=True)
    await sale.bid(0, 2_000_000, 3)
    await sale.close()
    found = await runner_up.next_bidder(conn, sale.lot_id, [sale.bidders[0]])
    assert found is not None and (found.party_id, found.price_minor) == (sale.bidders[1], 1_010_000)


async def test_below_the_reserve_the_seller_offers_the_lot_at_a_price_of_his(conn: Connection) -> None:
    sale = await a_sale(conn, reserve_minor=1_500_000)
    await sale.bid(0, 1_200_000, 1)
    assert (await asked(sale, 1_300_000)) is OfferRefusal.NOT_CLOSED
    await sale.close()
    assert (await asked(sale, None)) is OfferRefusal.PRICE_MISSING
    assert (await asked(sale, 1_199_999)) is OfferRefusal.PRICE_UNDER_BID
    made = await asked(sale, 1_300_000)
    assert isinstance(made, Offer) and made.kind is OfferKind.HIGHEST_BIDDER
    assert (await asked(sale, 1_300_000)) is OfferRefusal.IS_OFFERED
    taken = await sale.accept(made, 0, OVER + HOUR)
    assert isinstance(taken, Offer)
    case = await sale.case()
    assert (case.price_minor, case.deposit_minor, case.buyer_id) == (1_300_000, 0, sale.bidders[0])
    assert (await asked(sale, 1_300_000)) is OfferRefusal.IS_SOLD


async def asked(sale: Sale, price_minor: int | None) -> Offer | OfferRefusal:
    return await second_chance.offer(
        sale.conn, lot_id=sale.lot_id, actor_id=sale.seller, price_minor=price_minor, now=OVER
    )


async def test_a_sold_lot_is_neither_offered_nor_put_up_again(conn: Connection) -> None:
    sale = await sold(conn)
    assert (await asked(sale, 1_300_000)) is OfferRefusal.IS_SOLD
    again = await relisting.relist(conn, lot_id=sale.lot_id, seller_id=sale.seller, now=OVER)
    assert again is RelistRefusal.RELIST_IS_SOLD


async def test_nobody_left_is_told(conn: Connection) -> None:
    sale = await a_sale(conn)
    await sale.close()
    assert (await asked(sale, 1_300_000)) is OfferRefusal.NOBODY_LEFT


async def test_a_relist_is_a_draft_with_the_words_the_photos_and_the_rule(conn: Connection) -> None:
    sale = await a_sale(conn, second_offer=True)
    early = await relisting.relist(conn, lot_id=sale.lot_id, seller_id=sale.seller, now=NOW)
    assert early is RelistRefusal.RELIST_NOT_CLOSED
    image = photos.render_photo(picture())
    assert not isinstance(image, str)
    await photos.add_photo(conn, listing_id=sale.lot_id, image=image, now=NOW)
    await sale.close()
    draft = await relisting.relist(conn, lot_id=sale.lot_id, seller_id=sale.seller, now=OVER)
    assert isinstance(draft, Listing)
    assert (draft.relist_of, draft.editable, draft.starts_at) == (sale.lot_id, True, None)
    old = await listings.listing_by_id(conn, sale.lot_id)
    assert old is not None and (draft.title_zh, draft.steps, draft.options) == (old.title_zh, old.steps, old.options)
    copied, kept = await photos.photos_of(conn, draft.id), await photos.photos_of(conn, sale.lot_id)
    assert [(one.position, one.width) for one in copied] == [(one.position, one.width) for one in kept] != []
    there = await photos.photo_bytes(conn, copied[0].id, 320)
    assert there is not None and there.webp
    twice = await relisting.relist(conn, lot_id=sale.lot_id, seller_id=sale.seller, now=OVER)
    assert isinstance(twice, Listing) and twice.id == draft.id
    other = await relisting.relist(conn, lot_id=sale.lot_id, seller_id=sale.bidders[0], now=OVER)
    assert other is RelistRefusal.NO_SUCH_LOT


async def test_who_defaulted_is_kept_from_the_relist_and_pays_no_deposit_for_it(conn: Connection) -> None:
    sale = await sold(conn)
    await sale.default()
    assert (await notices_of(conn, sale.seller))[-1] == "second_chance_possible"
    again = sale.lot_id
    for _ in range(2):  # Also from the relist of the relist.
        again = await put_up_again(sale, again)
        refused = await applications.apply(conn, lot_id=again, party_id=sale.bidders[0], now=OVER)
        assert refused is ApplicationRefusal.DEFAULTED_BEFORE
        stands = await applications.application_state(conn, sale.desk, again, sale.bidders[0])
        assert stands is not None and (stands.step, stands.reference) == (NextStep.DEFAULTED_BEFORE, None)
        other = await applications.application_state(conn, sale.desk, again, sale.bidders[1])
        assert other is not None and other.step is NextStep.APPLY
        sale.lot_id = again
        await sale.close(OVER + DAY)


async def put_up_again(sale: Sale, lot_id: int) -> int:
    """The relist, on show."""
    draft = await relisting.relist(sale.conn, lot_id=lot_id, seller_id=sale.seller, now=OVER)
    assert isinstance(draft, Listing)
    content = changed(draft, starts_at=OVER + HOUR, timed_seconds=60)
    saved = await listings.save_draft(
        sale.conn, listing_id=draft.id, seller_id=sale.seller, version=draft.version, content=content, now=OVER
    )
    assert isinstance(saved, Listing)
    await listings.submit(sale.conn, listing_id=draft.id, seller_id=sale.seller, version=saved.version, now=OVER)
    done = await listings.approve(sale.conn, listing_id=draft.id, operator_id=sale.operator, now=OVER)
    assert isinstance(done, Listing), done
    return done.id


async def test_a_bid_taken_back_is_public_with_its_reason_and_stands_nowhere(conn: Connection) -> None:
    sale = await a_sale(conn, retraction_seconds=3600, retraction_closes_seconds=600)
    await sale.bid(0, 1_000_000, 1)
    wrong = await sale.bid(1, 9_000_000, 2)
    now = BEGUN + timedelta(seconds=60)
    done = await retract(sale, 1, wrong, now)
    assert isinstance(done, Standing)
    assert (done.price_minor, done.leader_id, done.retraction_count) == (1_000_000, sale.bidders[0], 1)
    (event,) = [row for row in await store.events(conn, sale.lot_id) if b'"retracted"' in row.body]
    assert b'"reason":"wrong_amount"' in event.body and b'"seq":3' in event.body
    assert await retract(sale, 1, wrong, now) is DeskRefusal.NO_SUCH_BID
    assert await retracting.retractable(conn, sale.lot_id, sale.bidders[1], now) == []
    await sale.bid(2, 1_010_000, 120)
    await sale.close()
    assert (await sale.case()).price_minor == 1_010_000
    found = await runner_up.next_bidder(conn, sale.lot_id, [sale.bidders[2]])
    assert found is not None and (found.party_id, found.price_minor) == (sale.bidders[0], 1_000_000)


async def retract(sale: Sale, who: int, bid_id: UUID, now: datetime) -> Standing | DeskRefusal:
    return await retracting.retract_bid(
        sale.conn,
        lot_id=sale.lot_id,
        party_id=sale.bidders[who],
        client_bid_id=bid_id,
        reason=RetractionReason.WRONG_AMOUNT,
        now=now,
    )


async def test_a_node_that_reads_the_lot_anew_knows_who_bid_in_the_timed_phase(conn: Connection) -> None:
    sale = await a_sale(conn, only_timed_bidders=True)
    await sale.bid(0, 1_000_000, 1)
    wrong = await sale.bid(1, 1_010_000, 2)
    delayed = 86_400 + 60
    with pytest.raises(AssertionError, match="not_a_timed_bidder"):
        await sale.bid(2, 1_020_000, delayed - 3600)
    await sale.bid(0, 1_030_000, delayed - 3590)
    assert await retract(sale, 1, wrong, BEGUN) is DeskRefusal.NO_RETRACTION


async def test_a_seller_lowers_the_reserve_of_a_running_lot(conn: Connection) -> None:
    sale = await a_sale(conn, reserve_minor=1_500_000)
    await sale.bid(0, 1_200_000, 1, maximum=True)
    lowered = await relisting.lower_reserve(
        conn, lot_id=sale.lot_id, seller_id=sale.seller, reserve_minor=1_150_000, now=BEGUN
    )
    assert isinstance(lowered, Standing) and (lowered.price_minor, lowered.reserve_met) == (1_150_000, True)
    listing = await listings.listing_by_id(conn, sale.lot_id)
    assert listing is not None and listing.reserve_minor == 1_150_000
    for seller, reserve, refusal in (
        (sale.bidders[0], 1_100_000, RelistRefusal.NO_SUCH_LOT),
        (sale.seller, 1_400_000, DeskRefusal.RESERVE_NOT_LOWERED),
    ):
        done = await relisting.lower_reserve(
            conn, lot_id=sale.lot_id, seller_id=seller, reserve_minor=reserve, now=BEGUN
        )
        assert done is refusal


@pytest.mark.parametrize("rank", [1, None])
async def test_a_right_of_priority_is_confirmed_for_who_is_admitted(conn: Connection, rank: int | None) -> None:
    sale = await a_sale(conn, priority_right=True)
    confirmed = await priority.confirm(
        conn,
        lot_id=sale.lot_id,
        party_id=sale.bidders[1],
        rank=rank,
        operator_id=sale.operator,
        reason="share",
        now=NOW,
    )
    assert confirmed is None
    await sale.bid(0, 1_000_000, 1)
    if rank is not None:
        await sale.bid(1, 1_000_000, 2)
        room = await store.lock_room(conn, sale.lot_id)
        assert room is not None and room.standing.leader_id == sale.bidders[1]
    told = await notices_of(conn, sale.bidders[1])
    assert told[-1] == ("priority_confirmed" if rank else "priority_withdrawn")
