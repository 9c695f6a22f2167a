"""Opening the house and closing it: every part in the order in which it needs the others, in one task group.

A part that dies takes the house down in order (the process ends, and whoever started it starts it again): a house
that takes bids but no longer closes lots would be worse than none.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from asyncpg import PostgresError

from auction.bidding import Bidding
from auction.heads import Heads
from auction.hub import Hub
from auction.live import Live
from auction.live import Viewer as SocketViewer
from auction.node_time import NodeTime
from auction.signing import Signer
from auction.store import CONNECTION_LOST
from auction.topics import TopicHub
from escrow import routes as escrow_routes
from escrow.bank_client import BankClient
from escrow.card_payments import CardPayments
from escrow.clock import EscrowClock
from escrow.desk import EscrowDesk
from escrow.hooks import Hooks
from escrow.payouts import Centre
from escrow.sandbox_bank.numbers import CENTRE_ACCOUNTS, CENTRE_HOLDER
from escrow.vault_client import VaultClient
from market import applications, chargeback_desk, second_chance, sessions, trades
from market.assets import Assets
from market.book_seals import BookSeals
from market.card_gateway import gateway_of
from market.cashier_clock import CashierClock
from market.catalogue import Catalogue
from market.config import Config
from market.contracting import desk as contracting
from market.contracting import formalities
from market.contracting.authority import Authority
from market.contracting.facts import Contract, ContractHooks
from market.contracting.signing import Contracting
from market.delivery.carriers import Carriers
from market.delivery.clock import DeliveryClock
from market.delivery.desk import DeliveryDesk
from market.delivery.sandbox_client import SandboxCarrier
from market.documents.desk import Documents, steps_of
from market.house import House
from market.lapse_clock import LapseClock
from market.limits import Buckets
from market.matching import settling as board_settling
from market.matching.clock import AT_ONCE as BOARDS_AT_ONCE
from market.matching.clock import BoardClock
from market.matching.commits import BoardCommits
from market.matching.contract_clock import ContractClock
from market.metrics import Metrics, Reading
from market.negotiation import desk as negotiation_desk
from market.negotiation import store as negotiation_store
from market.negotiation.desk import NegotiationDesk
from market.passphrases import Passphrases
from market.rendering import make_environment, use_flash_key
from market.session_news import SessionNews
from market.topic_news import TopicNews, version_by
from market.trading.clock import MarketClock
from market.viewer import Viewer
from migrations.database import Role, create_pool

if TYPE_CHECKING:
    from escrow.facts import Case, CaseEvent
    from migrations.database import Connection, Pool

SWEEP_SECONDS = 3600.0
LATEST_TIMER_SECONDS = 60.0
SALEROOM_POOL = 15
"""Connections that only bids, closings, watchers, and the clocks of money and of contracts use: however many pages wait for a
connection or for a passphrase to be proved, a lot closes at its end.
"""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
log = structlog.get_logger("gavelhouse")


@asynccontextmanager
async def open_house(config: Config, metrics: Metrics) -> AsyncIterator[House]:
    """The open house. On leaving: no more bids, what waits is decided, clocks stop, the pool closes."""
    pool = await create_pool(config.address, Role.APP, max_size=config.database_pool)
    saleroom = await create_pool(config.address, Role.APP, max_size=SALEROOM_POOL)
    passphrases = Passphrases()
    bank = BankClient(config.bank_origin, config.bank_webhook_secret)
    vault = VaultClient(config.vault_url, config.vault_secret)
    try:
        async with _supervised() as group:
            house = await _house(config, pool, saleroom, passphrases, bank, vault, metrics, group)
            boards = BoardClock(pool, house.node_time.now, config, house.heads.signer)
            tasks = [
                group.create_task(house.node_time.run(saleroom), name="node time"),
                group.create_task(_sweep_sessions(house), name="session sweep"),
                group.create_task(_run_clock(house.escrow_clock), name="escrow clock"),
                group.create_task(house.card_payments.run(), name="card payments"),
                group.create_task(SessionNews(saleroom, house.live).run(), name="access news"),
                group.create_task(TopicNews(saleroom, house.live.topics).run(), name="topic news"),
                group.create_task(house.heads.run(), name="heads"),
                group.create_task(house.book_seals.run(), name="book seals"),
                group.create_task(_second_chances(house).run(), name="second chances"),
                group.create_task(CashierClock(house).run(), name="cashier"),
                group.create_task(DeliveryClock(pool, house.delivery, house.node_time.now).run(), name="delivery"),
                group.create_task(house.documents.papers.run(), name="documents"),
                group.create_task(house.documents.outbox.run(), name="documents' outbox"),
                group.create_task(house.documents.collector.run(), name="partners' folders"),
                group.create_task(MarketClock(pool, house.node_time.now).run(), name="market"),
                *(group.create_task(boards.run(), name=f"boards {n}") for n in range(BOARDS_AT_ONCE)),
                group.create_task(
                    ContractClock(saleroom, house.node_time.now, config).run(), name="contracts of fills"
                ),
                group.create_task(_negotiations(house).run(), name="negotiations"),
                *house.live.run(group),
            ]
            try:
                yield house
            finally:
                for task in tasks:
                    task.cancel()
                await house.bidding.stop()
                await house.delivery.carriers.close()
    finally:
        passphrases.close()
        await bank.close()
        await vault.close()
        await saleroom.close()
        await pool.close()


@asynccontextmanager
async def _supervised() -> AsyncIterator[asyncio.TaskGroup]:
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        log.exception("a part of the house has died", parts=len(failures.exceptions))
        signal.raise_signal(signal.SIGTERM)
        raise


async def _house(
    config: Config,
    pool: Pool,
    saleroom: Pool,
    passphrases: Passphrases,
    bank: BankClient,
    vault: VaultClient,
    metrics: Metrics,
    group: asyncio.TaskGroup,
) -> House:
    use_flash_key(config.secret_key.encode())
    catalogue = Catalogue.load()
    node_time = await NodeTime.measured(pool)
    documents = steps_of(config)

    async def on_case_changed(conn: Connection, case: Case, event: CaseEvent) -> None:
        await second_chance.on_case_changed(conn, case, event)
        await documents.on_case_changed(conn, case, event)
        await formalities.on_case_changed(conn, escrow, case, event)

    escrow = EscrowDesk(
        Hooks(
            on_deposit_held=applications.on_deposit_held,
            on_case_changed=on_case_changed,
            on_quarantined=trades.on_quarantined,
            on_payout_changed=trades.on_payout_changed,
            lock_subject=applications.lock_subject,
            may_ship=formalities.may_ship,
            on_chargeback=chargeback_desk.on_chargeback,
            on_deposit_taken_back=applications.on_deposit_taken_back,
            deposit_can_fall=applications.deposit_can_fall,
            goods_are_free=second_chance.goods_are_free,
        ),
        second_person_above_minor=config.second_person_above_minor,
    )
    hub = Hub()
    hammer = trades.hammer_handler(trades.trade_terms(config), escrow)
    bidding = Bidding(saleroom, node_time, hub, hammer)
    heads = Heads(bidding, Signer(config.signing_key) if config.signing_key else Signer.derived(config.secret_key))
    authority = Authority(config.authority_key) if config.authority_key else Authority.derived(config.secret_key)
    signing = Contracting(config=config, escrow=escrow, signer=heads.signer, authority=authority)
    contracting.use_hooks(
        ContractHooks(
            on_drawn_up=documents.on_drawn_up,
            on_in_force=documents.on_in_force,
            on_amended=documents.on_amended,
            on_ended=_on_contract_ended,
        )
    )
    negotiations = NegotiationDesk(partial(contracting.draw_up, config=config), documents.on_round)
    delivery = DeliveryDesk(
        escrow,
        Carriers([SandboxCarrier(config.carrier_url, config.carrier_secret)] if config.carrier_url else []),
        documents.on_consigned,
    )
    await bidding.run(group)
    centre = Centre(
        holder=config.centre_holder or CENTRE_HOLDER, accounts={**CENTRE_ACCOUNTS, **config.centre_accounts}
    )
    clock = EscrowClock(saleroom, node_time.now, escrow, bank, centre)
    (bank_route,) = escrow_routes.routes(pool, escrow, [config.bank_webhook_secret], node_time.now)

    async def still_good(viewer: SocketViewer) -> bool:
        assert isinstance(viewer, Viewer), "the door sets every socket's viewer"
        async with pool.acquire() as conn:
            return await sessions.is_good(conn, viewer, node_time.now())

    async def late_clocks(conn: Connection) -> list[str]:
        overdue_seconds = await clock.overdue_seconds(conn)
        in_order = {
            "time": node_time.healthy,
            "bidding": bidding.ready,
            "escrow": overdue_seconds < LATEST_TIMER_SECONDS,
        }
        return [name for name, fine in in_order.items() if not fine]

    metrics.read_from(lambda: _readings(bidding, hub, node_time))
    return House(
        config=config,
        pool=pool,
        node_time=node_time,
        hub=hub,
        bidding=bidding,
        escrow=escrow,
        heads=heads,
        book_seals=BookSeals(pool, heads.signer, node_time.now),
        live=Live(bidding, hub, node_time, still_good, topics=TopicHub(version_by(pool))),
        delivery=delivery,
        negotiations=negotiations,
        documents=Documents(
            config, pool, node_time.now, catalogue, documents, negotiations, signing, escrow.settlement, delivery
        ),
        bank_webhook=bank_route.endpoint,
        escrow_clock=clock,
        bank=bank,
        card_payments=CardPayments(
            pool, gateway_of(config), escrow, node_time.now, change_cap_minor=config.change_cap_minor
        ),
        centre=centre,
        vault=vault,
        boards=BoardCommits(pool, node_time.now),
        contracting=signing,
        late_clocks=late_clocks,
        catalogue=catalogue,
        templates=make_environment(catalogue, Assets.find()),
        passphrases=passphrases,
        buckets=Buckets(),
        metrics=metrics,
    )


def host_names(config: Config) -> list[str]:
    """The names under which the house answers: its own, the configured ones, and this machine's for itself."""
    own = urlsplit(config.origin).hostname or ""
    own = f"[{own}]" if ":" in own else own
    return [own, *(name.lower() for name in config.hosts), *LOOPBACK]


def _readings(bidding: Bidding, hub: Hub, node_time: NodeTime) -> Iterator[Reading]:
    counts: dict[str, float] = {"accepted": 0, **bidding.answered}
    yield "gavelhouse_bids_total", "Bids answered: accepted, or the refusal.", counts
    yield "gavelhouse_commits_total", "Batches of bids committed.", {"": bidding.batches}
    yield "gavelhouse_commit_seconds_total", "Time spent committing them.", {"": bidding.commit_seconds}
    yield "gavelhouse_sockets", "Open sockets.", {"": hub.connections}
    yield "gavelhouse_frames_total", "Frames written to watchers.", {"": hub.frames_sent}
    yield "gavelhouse_closings_lag_seconds", "How long the earliest lot is due.", {"": bidding.closings.lag_seconds}
    yield "gavelhouse_lots_open", "Lots with an end to come.", {"": len(bidding.closings)}
    yield "gavelhouse_clock_in_order", "1 unless the node's time stepped or is stale.", {"": float(node_time.healthy)}


async def _on_contract_ended(conn: Connection, contract: Contract, now: datetime) -> None:
    """What made a contract that nobody keeps is undone: a match or an acceptance, each knows its own."""
    await board_settling.on_contract_ended(conn, contract, now)
    await negotiation_desk.on_contract_ended(conn, contract, now)


async def _run_clock(clock: EscrowClock) -> None:
    # A group of its own, so that cancelling this one task ends all of the clock's.
    async with asyncio.TaskGroup() as group:
        clock.run(group)


def _second_chances(house: House) -> LapseClock:
    """Offers to the next bidder: they stand for days."""
    lapse_one, next_at = second_chance.lapse_one, second_chance.next_lapse_at
    return LapseClock(house.pool, house.node_time.now, lapse_one, next_at, longest_sleep_seconds=30)


def _negotiations(house: House) -> LapseClock:
    """Offers between traders: they stand for a minute at least."""
    lapse_one, next_at = house.negotiations.lapse_one, negotiation_store.next_lapse_at
    return LapseClock(house.pool, house.node_time.now, lapse_one, next_at, longest_sleep_seconds=10)


async def _sweep_sessions(house: House) -> None:
    while True:
        try:
            async with house.pool.acquire() as conn:
                await sessions.sweep(conn, house.node_time.now())
        except (PostgresError, *CONNECTION_LOST) as error:
            log.warning("sessions not swept", error=repr(error))
        await asyncio.sleep(SWEEP_SECONDS)
