"""A backup is everything as of one moment; a restored one shows the same figures, and nothing else is ever kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from market.backup import DUMP, MANIFEST, BackupError, back_up, restore
from migrations.database import Role, connect
from tests.deal.traded import fall, house_desk, stage
from tests.sell.stall import incoming

if TYPE_CHECKING:
    from pathlib import Path

    from migrations.database import Address
    from migrations.embedded_postgres import EmbeddedPostgres


async def test_a_restored_house_shows_every_figure_of_the_backup(
    cluster: EmbeddedPostgres, module_database: Address, tmp_path: Path
) -> None:
    conn = await connect(module_database, Role.APP)
    on = await stage(conn, bidders=2)
    await fall(conn, on)
    async with conn.transaction():
        await house_desk().inbox.receive(conn, incoming("nothing known", 700), on.hammer().struck_at)
    await conn.close()
    kept = tmp_path / "kept"
    made = await back_up(module_database, cluster.programs, kept)
    assert made.figures.transfers > 3 and made.figures.faults == []
    assert (int(made.figures.balances["bank CNY"]) < 0, made.figures.balances["suspense CNY"]) == (True, "700")
    assert sorted(each.name for each in kept.iterdir()) == [DUMP, MANIFEST]
    assert not any(each.stat().st_mode & 0o077 for each in (kept, *kept.iterdir())), (
        "also when they are copied elsewhere"
    )
    with pytest.raises(BackupError, match="is there already"):
        await back_up(module_database, cluster.programs, kept)
    with pytest.raises(BackupError, match="not empty"):
        await restore(module_database, cluster.programs, kept)
    admin = await connect(cluster.address.with_database("postgres"), Role.OWNER)
    await admin.execute("create database restored_house")
    try:
        await _proved(cluster.address.with_database("restored_house"), cluster.programs, kept, tmp_path)
    finally:
        await admin.execute("drop database restored_house with (force)")
        await admin.close()


async def _proved(address: Address, programs: Path, kept: Path, folder: Path) -> None:
    """What is not whole, or of another program, is refused; then the whole one is restored and a house could open on it."""
    bad = shutil.copytree(kept, folder / "bad")
    said = msgspec.json.decode((kept / MANIFEST).read_bytes())
    said["figures"]["migrations"].append("9999_of_tomorrow")
    (bad / MANIFEST).write_bytes(msgspec.json.encode(said))
    with pytest.raises(BackupError, match="newer gavelhouse"):
        await restore(address, programs, bad)
    (bad / DUMP).write_bytes((kept / DUMP).read_bytes()[:-1])
    with pytest.raises(BackupError, match="not whole"):
        await restore(address, programs, bad)
    assert (await restore(address, programs, kept)).figures.balances["suspense CNY"] == "700"
    app = await connect(address, Role.APP)
    assert await app.fetchval("select count(*) from escrow.transfer") > 3
    with pytest.raises(Exception, match="permission denied"):
        await app.execute("update escrow.transfer set amount = 1")
    await app.close()
