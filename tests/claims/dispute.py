"""What the tests of claims share: a deal in inspection with its people as programs, and the shortest ways to act on it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from escrow.facts import BankNotice, Case, ClaimReason, NoticeKind, Refusal
from escrow.moves import BANK
from tests.deal.traded import Stage, case_of, fall, pays, stage
from tests.door.house_server import PHRASE, Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from httpx2 import Response

    from migrations.database import Connection

_keys = itertools.count(1)
PRICE = 1_234_500


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """A deal in a running house. Each person is his request headers, as a program with a token."""

    server: Server
    on: Stage
    case_id: int
    buyer: dict[str, str]
    seller: dict[str, str]
    stranger: dict[str, str]
    operators: tuple[dict[str, str], ...]
    operator_ids: tuple[int, ...]

    @property
    def path(self) -> str:
        return f"/api/v1/deals/{self.case_id}"

    @property
    def desk(self) -> str:
        return f"/api/v1/claims/{self.case_id}"

    async def post(self, who: dict[str, str], path: str, key: str = "", **body: Any) -> Response:
        """One act under a key of its own (or the same again), at the deal, or at the desk if the path says so."""
        headers = {**who, "idempotency-key": key or f"key-{next(_keys)}"}
        if body:
            return await self.server.client.post(path, headers=headers, json=body)
        return await self.server.client.post(path, headers=headers)

    async def does(self, who: dict[str, str], act: str, **body: Any) -> dict[str, Any]:
        """An act on the deal that must succeed; the claim after it."""
        answer = await self.post(who, f"{self.path}/{act}", **body)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, who: dict[str, str], act: str, **body: Any) -> str:
        """The code of why an act was not done."""
        answer = await self.post(who, f"{self.path}/{act}", **body)
        assert answer.status_code >= 400, answer.text
        code: str = answer.json()["code"]
        return code

    async def claims(self, amount_minor: int = PRICE, reason: str = "damaged") -> dict[str, Any]:
        return await self.does(
            self.buyer, "claim", amount_minor=str(amount_minor), reason=reason, statement="The foot is chipped."
        )

    async def in_house(self, act: Callable[[Connection], Awaitable[Case | Refusal]]) -> Case:
        """Something that happens to the case by itself."""
        async with self.server.house.pool.acquire() as conn, conn.transaction():
            done = await act(conn)
        assert isinstance(done, Case), done
        return done

    async def case(self) -> Case:
        async with self.server.house.pool.acquire() as conn:
            found = await self.server.house.escrow.settlement.case_by_id(conn, self.case_id)
        assert found is not None
        return found

    async def bank_says(self, kind: NoticeKind, bank_id: str, payment: str, amount_minor: int) -> None:
        """A notice of the bank about a card payment."""
        house = self.server.house
        now = house.node_time.now()
        notice = BankNotice(
            bank_id=bank_id,
            kind=kind,
            currency="CNY",
            amount_minor=amount_minor,
            reference=payment,
            booked_at=now,
            reason="not_received",
        )
        async with house.pool.acquire() as conn, conn.transaction():
            await house.escrow.inbox.receive(conn, notice, now)

    async def told(self, party_id: int) -> str:
        """What a party was told last."""
        async with self.server.house.pool.acquire() as conn:
            kind: str = await conn.fetchval(
                "select kind from market.notice where party_id = $1 order by id desc limit 1", party_id
            )
        return kind


async def dispute_in(server: Server, *, arrived: bool = True, card_payment: str = "") -> Dispute:
    """A sale that is paid, by transfer or by this card payment, and (if `arrived`) whose goods are with the buyer."""
    house = server.house
    buyer, seller = await server.party(phrase=PHRASE), await server.party(phrase=PHRASE)
    stranger = await server.party()
    operators = tuple([await server.party(operator=True) for _ in range(3)])
    now, settlement = house.node_time.now(), house.escrow.settlement
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=1, given=[buyer], seller=seller, now=now)
        await fall(conn, on, closed_at=now)
        case = await case_of(conn, on)
        if card_payment:
            async with conn.transaction():
                paid = {"payment_id": card_payment}
                await settlement.pay(conn, case, BANK, "gateway", case.due_minor, now, **paid)
        else:
            await pays(conn, house.escrow, case.reference, case.due_minor, now)
        if arrived:
            async with conn.transaction():
                assert isinstance(await settlement.ship(conn, case.id, seller, "SF", "SF 1", now), Case)
                assert isinstance(await settlement.receive(conn, case.id, buyer, now), Case)
    return Dispute(
        server=server,
        on=on,
        case_id=case.id,
        buyer=await server.bearer(buyer),
        seller=await server.bearer(seller),
        stranger=await server.bearer(stranger),
        operators=tuple([await server.bearer(one) for one in operators]),
        operator_ids=operators,
    )


async def with_claim_and_evidence(conn: Connection, on: Stage, now: datetime) -> None:
    """The stage's deal, paid, shipped and claimed; its file has one document, whose number is the deal's own."""
    case = await case_of(conn, on)
    await pays(conn, on.desk, case.reference, case.due_minor, now)
    async with conn.transaction():
        await on.desk.settlement.ship(conn, case.id, on.seller, "SF", "SF 1", now)
        made = await on.desk.claims.open(conn, case.id, on.winner, 1000, ClaimReason.OTHER, "A stain.", now)
        assert isinstance(made, Case), made
        await conn.execute(
            "insert into market.case_evidence (id, case_id, author_id, author_role, n, kind, name, size_bytes, width,"
            " height, upload_sha256, sha256, created_at) overriding system value"
            " values ($1, $1, $2, 'buyer', 1, 'photo', 'a.webp', 1, 1, 1, sha256('x'), sha256('x'), $3)",
            case.id,
            on.winner,
            now,
        )
        for width in (0, 320):
            await conn.execute(
                "insert into market.case_evidence_content (evidence_id, width, content) values ($1, $2, 'x')",
                case.id,
                width,
            )
