"""Leaks planted in each place, each in another writing: the same search in the same places must find them all."""

from __future__ import annotations

import asyncio
import json
import socket
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from migrations.database import Role, connect
from migrations.embedded_postgres import EmbeddedPostgres
from tests.canary import places
from tests.canary.search import Finder

if TYPE_CHECKING:
    from tests.canary.numbers import Canary
    from tests.canary.scene import Scene

COUNT = 5


async def not_found(scene: Scene, cards: list[Canary], backup: Path) -> list[str]:
    """Plant them all and search; the names of those that the search has missed."""
    split, encoded, stored, shown, held = cards
    house = scene.house
    log = house.folder.with_suffix(".house.log")
    with log.open("a", encoding="utf-8") as out:
        out.write(" ".join(split.number[at : at + 4] for at in range(0, len(split.number), 4)) + "\n")
        out.write(b64encode(json.dumps({"number": encoded.number}).encode()).decode() + "\n")
    owner = await connect(EmbeddedPostgres(house.folder).attach(), Role.OWNER)
    await owner.execute(
        "update market.party set display_name = $2 where id = $1", scene.seller.party, f"Card {shown.number}"
    )
    await owner.execute(
        "insert into vault.signed_payment values ('planted-1', 1, 1, $1, $1, now())", stored.number.encode()
    )
    await owner.close()
    await scene.seller.get("/account")
    finder = Finder(cards, writings=("digits", "hexadecimal"))
    with socket.create_connection(("127.0.0.1", house.port)) as waiting:
        waiting.sendall(f"GET /?card={held.number} HTTP/1.1\r\nhost: ".encode())
        await asyncio.sleep(0.2)
        in_memory = any(
            hit.canary == held.number
            for place, data in places.memory_places(house)
            for hit in finder.search(place, data)
        )
    written = {
        (hit.canary, Path(hit.place).name if "pg_wal" not in hit.place else "wal")
        for place, data in places.written_places(house, backup)
        if "pg_wal" in place or Path(place).name in (log.name, backup.name)
        for hit in finder.search(place, data)
    }
    in_base64 = Finder(cards, writings=("base64",))
    wanted = {
        "in a log, split": (split.number, log.name) in written,
        "in a log, as base64": encoded.number
        in {hit.canary for place, data in places.file_pieces(log) for hit in in_base64.search(place, data)},
        "in the vault's table, in hexadecimal in the backup": (stored.number, backup.name) in written,
        "in a table, in the backup": (shown.number, backup.name) in written,
        "in a table, in the WAL": (shown.number, "wal") in written,
        "on a page": shown.number
        in {hit.canary for place, data in scene.journal.places() for hit in finder.search(place, data)},
        "in memory": in_memory,
    }
    return [place for place, is_found in wanted.items() if not is_found]
