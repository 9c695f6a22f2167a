"""A real house with its vault and bank: no canary is anywhere it must not be, and the vault lives and ends with the house.

`make canary` sends ten thousand cards through the same flows.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from escrow.vault import keys, store
from escrow.vault_client import VaultClient
from escrow.vault_facts import MOST_CARDS, Unlocked
from market import data_folder
from migrations.database import Role, connect
from migrations.embedded_postgres import EmbeddedPostgres
from tests.canary import flows, looks, mistakes, places, plants
from tests.canary.memory import chunks
from tests.canary.numbers import canaries, phrases
from tests.canary.scene import scene
from tests.canary.search import Finder, Hit
from tests.running_house import ROOT, RunningHouse, running_house
from tests.vault.test_wallets import PHRASE, opened, unlock

PATIENCE = 30.0
WALLETS = 2
CARDS = list(canaries(WALLETS * MOST_CARDS + 100 + plants.COUNT))
PLAYED, WRONG, PLANTED = (
    CARDS[: WALLETS * MOST_CARDS],
    CARDS[WALLETS * MOST_CARDS : -plants.COUNT],
    CARDS[-plants.COUNT :],
)
PHRASES = phrases(WALLETS)


@pytest.fixture(scope="module")
def house(open_folder: Path) -> Iterator[RunningHouse]:
    with running_house(open_folder / "canary", log_level="debug") as house:
        house.start()
        house.start_bank()
        yield house


# Canaries


def hits(finder: Finder, pieces: Iterator[tuple[str, bytes]]) -> list[Hit]:
    return [hit for place, data in pieces for hit in finder.search(place, data)]


async def test_no_card_and_no_passphrase_is_anywhere_but_in_vault_and_bank(house: RunningHouse, tmp_path: Path) -> None:
    async with scene(house) as on:
        await flows.play(on, PLAYED, PHRASES, only=looks.MONEY)
        assert on.journal.outcomes == {
            ("a card is declined", "declined"): 3 * WALLETS,
            ("a second card pays the deal", "paid"): WALLETS,
            ("a deposit", "paid"): WALLETS,
            ("the wallet is topped up", "paid"): WALLETS,
            ("small change is topped up", "paid"): WALLETS,
            ("confirmed on the phone", "paid"): WALLETS,
            ("the bank takes it back", "won"): WALLETS,
            ("taken out and put in again", "paid"): WALLETS,
            ("mistyped", "refused"): 4 * WALLETS,
            ("put in twice", "refused"): WALLETS,
        }
        assert await mistakes.everywhere(on, iter(WRONG), every=11, only=looks.MONEY) > 40
        played = Finder(PLAYED, PHRASES + [phrase[::-1] for phrase in PHRASES])
        assert hits(played, places.memory_places(house)) == []
        everything = Finder(CARDS, PHRASES)
        assert hits(everything, on.journal.places()) == []
        assert hits(everything, places.written_places(house, tmp_path / "backup.sql")) == []
        assert await plants.not_found(on, PLANTED, tmp_path / "planted.sql") == []


# The house and its vault


async def test_the_example_for_programs_opens_a_wallet_and_keeps_a_card(house: RunningHouse) -> None:
    """As it stands in docs/vault.md, as a program of its own that has nothing of ours."""
    text = (ROOT / "docs" / "vault.md").read_text(encoding="utf-8")
    example = text.partition("```python\n")[2].partition("```")[0]
    assert "escrow" not in example
    async with scene(house) as on:
        told = f"house, token, party = {house.origin!r}, {on.program.token!r}, {on.seller.party}\n"
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-I", "-c", told + example], capture_output=True, text=True, check=False
        )
    assert (done.stdout, done.stderr) == ("visa 1111\n", "")


def client_of(house: RunningHouse) -> VaultClient:
    noted = data_folder.open_house_on(house.folder)
    assert noted is not None and noted.vault.startswith("http://127.0.0.1:")
    return VaultClient(noted.vault, (house.folder / "secrets" / "vault_secret").read_text().strip())


def vaults_of(pid: int) -> list[int]:
    """The processes below `pid` that are vaults."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"--supervised" in Path(f"/proc/{child}/cmdline").read_bytes()]


def readiness(house: RunningHouse) -> dict[str, str]:
    answer: dict[str, str] = httpx2.get(f"{house.origin}/readyz", trust_env=False, timeout=10).json()
    return answer


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


async def test_a_killed_vault_is_started_again_and_what_was_asked_meanwhile_is_answered(house: RunningHouse) -> None:
    assert house.serving is not None
    client = client_of(house)
    await opened(client, 70_001)
    before = await client.wallet(70_001)
    assert readiness(house)["vault"] == "ok"
    (vault,) = vaults_of(house.serving.pid)
    os.kill(vault, signal.SIGKILL)
    answers = await asyncio.gather(*(client.wallet(70_001) for _ in range(5)))
    assert all(answer == before for answer in answers)
    (anew,) = vaults_of(house.serving.pid)
    assert anew != vault
    assert isinstance(await unlock(client, 70_001, PHRASE), Unlocked)
    assert "the vault has ended and is started again" in house.log()
    await client.close()


async def test_a_house_without_its_vault_is_ready_for_bids_and_says_so(house: RunningHouse) -> None:
    assert house.serving is not None
    (vault,) = vaults_of(house.serving.pid)
    os.kill(vault, signal.SIGSTOP)
    try:
        said = readiness(house)
        assert (said["ready"], said["vault"]) == (True, "no answer")
    finally:
        os.kill(vault, signal.SIGCONT)


def test_the_doctor_knows_vault_and_keys(house: RunningHouse) -> None:
    until(lambda: readiness(house)["vault"] == "ok")
    found = {
        item["check"]: (item["verdict"], item["seen"])
        for item in msgspec.json.decode(house.command("doctor", "--json"))["findings"]
    }
    assert found["vault"][0] == found["vault keys"][0] == "good", found
    assert "answers at" in found["vault"][1]


def test_an_operator_rotates_the_key_and_accepts_the_banks(house: RunningHouse) -> None:
    assert "1 older ones still open" in house.command("vault", "--rotate-key")
    known = keys.load(house.folder / "secrets" / "vault_key")
    assert len(known.by_id) == 2
    address = EmbeddedPostgres(house.folder).attach()

    async def is_wrapped_anew() -> bool:
        conn = await connect(address, Role.VAULT)
        try:
            return await store.outer_keys(conn) == {known.current.key_id}
        finally:
            await conn.close()

    until(lambda: asyncio.run(is_wrapped_anew()))
    assert "is the only one" in house.command("vault", "--forget-older-keys")
    assert "Payments are sealed to the bank's key" in house.command("vault", "--accept-bank-key")


def test_nothing_secret_stands_in_the_vaults_arguments_or_environment(house: RunningHouse) -> None:
    assert house.serving is not None
    (vault,) = vaults_of(house.serving.pid)
    secret = (house.folder / "secrets" / "vault_secret").read_bytes().strip()
    shown = Path(f"/proc/{vault}/cmdline").read_bytes() + Path(f"/proc/{vault}/environ").read_bytes()
    assert secret not in shown
    limits = Path(f"/proc/{vault}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4] == "0"


def test_the_server_never_holds_the_vaults_keys(house: RunningHouse) -> None:
    """They are looked for in all that it has written into memory: as bytes, in hexadecimal, in base64."""
    assert house.serving is not None
    kept = msgspec.json.decode((house.folder / "secrets" / "vault_key").read_bytes())["keys"][0]
    for secret in (b64decode(kept["scalar"]), b64decode(kept["at_rest"])):
        for written in (secret, secret.hex().encode(), b64encode(secret)):
            assert not any(written in chunk for chunk in chunks(house.serving.pid))


def test_a_killed_house_takes_its_vault_with_it(house: RunningHouse) -> None:
    assert house.serving is not None
    (vault,) = vaults_of(house.serving.pid)
    house.kill()
    until(lambda: not Path(f"/proc/{vault}").exists() or " Z " in Path(f"/proc/{vault}/stat").read_text())


def test_a_house_whose_vault_runs_elsewhere_starts_none(house: RunningHouse) -> None:
    """On the folder of the house that was killed."""
    with running_house(house.folder, vault_url="http://127.0.0.1:9", log_level="warning") as elsewhere:
        elsewhere.start()
        assert elsewhere.serving is not None
        assert vaults_of(elsewhere.serving.pid) == []
        assert readiness(elsewhere)["vault"] == "no answer"


def test_a_lost_key_file_ends_the_vault_with_a_sentence(house: RunningHouse) -> None:
    """Beside a folder whose wallets are wrapped under a key: no other is made in its place."""
    key_file = house.folder / "secrets" / "vault_key"
    key_file.rename(key_file.with_suffix(".away"))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "market.cli", "vault", "--data-dir", str(house.folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        key_file.with_suffix(".away").rename(key_file)
    assert done.returncode == 1
    assert "is missing, but wallets are wrapped under it: restore it." in done.stderr
    assert "Traceback" not in done.stderr
