"""The messages of docs/documents.md, as they stand there, run a purchase."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from market.delivery import facts as delivery
from market.documents.records import Kind
from tests.deal.traded import pays
from tests.documents import directory_d96a
from tests.documents.companies import answer_of
from tests.documents.test_receiving import trade

if TYPE_CHECKING:
    from tests.door.house_server import Server

PAGE = Path(__file__).parents[2] / "docs" / "documents.md"


def messages() -> dict[str, str]:
    """The page's messages by their types, in its order."""
    blocks = re.findall(
        r"^```\n([A-Z]{6}), [^\n]*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return {kind: body.replace("\n", "") for kind, body in blocks}


async def test_a_purchase_is_run_by_the_messages_of_the_page(server: Server) -> None:
    on, house, given = await trade(server), server.house, messages()
    assert list(given) == ["REQOTE", "QUOTES", "ORDERS", "ORDRSP", "IFTMIN", "DESADV", "RECADV"]
    names = {"BUYCO": on.buyer.party.code, "SELLCO": on.seller.party.code, "4711": str(on.post.id)}
    names["202611281200"] = f"{house.node_time.now() + timedelta(hours=9):%Y%m%d%H%M}"
    buyers = ("REQOTE", "ORDERS", "RECADV")
    for n, (kind, body) in enumerate(given.items(), start=1):
        sender = on.buyer if kind in buyers else on.seller
        meant = re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], body)
        text = f"UNB+UNOC:3+{sender.party.code}+GAVELHOUSE+261122:0800+P{n}'UNH+1+{kind}:D:96A:UN'{meant}"
        text += f"UNT+{meant.count(chr(39)) + 2}+1'UNZ+1+P{n}'"
        assert directory_d96a.faults(text.encode("iso-8859-1")) == [], kind
        answer = answer_of((await sender.post(text.encode("iso-8859-1"))).content)
        assert answer.accepted, (kind, answer)
        if kind == "ORDRSP":
            await on.buyer.fetch(Kind.QUOTES)
            confirmed = await on.buyer.fetch(Kind.ORDRSP)
            case_id = int(confirmed.references[-1].number)  # type: ignore[union-attr]
            names["RFF+ACE:91"] = f"RFF+ACE:{case_id}"
            now = house.node_time.now()
            to = delivery.address_of({"name": "A", "lines": "1 Street", "city": "Bristol", "country": "GB"})
            async with house.pool.acquire() as conn:
                case = await house.escrow.settlement.case_by_id(conn, case_id)
                assert case is not None
                await pays(conn, house.escrow, case.reference, case.due_minor, now)
                async with conn.transaction():
                    await house.delivery.set_consignee(conn, case_id, to, now)
    async with house.pool.acquire() as conn:
        after = await house.escrow.settlement.case_by_id(conn, case_id)
    assert after is not None and after.state in ("released", "settled")
