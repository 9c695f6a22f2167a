"""`make canary`: ten thousand cards through every flow of a real house, then the search of everything it left behind."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from escrow.vault_facts import MOST_CARDS
from tests.canary import flows, places
from tests.canary.numbers import canaries, phrases
from tests.canary.search import Finder, Hit
from tests.running_house import RunningHouse, running_house

AT_ONCE = 4


async def run(house: RunningHouse, count: int, backup: Path) -> list[Hit]:
    """Play and search; what was found."""
    cards = list(canaries(count + 4))
    played, misdirected = cards[:count], cards[count:]
    words = phrases(-(-count // MOST_CARDS))
    started = time.monotonic()
    async with flows.scene(house) as scene:
        await flows.play(scene, played, words, lambda text: say(f"\r{text} ", end=""), at_once=AT_ONCE)
        for card in misdirected:
            await flows.misdirect(scene, card)
        say(f"\n{count} cards, {len(words)} wallets in {time.monotonic() - started:.0f} s: {scene.journal.outcomes}")
        spoken = [*words, *(word[::-1] for word in words)]
        found: list[Hit] = []
        for what, finder, pieces in (
            ("memory of the server", Finder(played, spoken), places.memory_places(house)),
            ("answers to everybody", Finder(cards, spoken), scene.journal.places()),
            ("files, WAL and backup", Finder(cards, spoken), places.written_places(house, backup)),
        ):
            size = 0
            for place, data in pieces:
                size += len(data)
                found += finder.search(place, data)
            say(f"{what}: {size / 1e6:.0f} MB searched, {len(found)} found so far")
    return found


def say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=10_000)
    count = parser.parse_args().numbers
    with tempfile.TemporaryDirectory(prefix="gavelhouse-canary-") as folder:
        os.chmod(folder, 0o711)
        with running_house(Path(folder) / "house", log_level="info") as house:
            house.start()
            house.start_bank()
            found = asyncio.run(run(house, count, Path(folder) / "backup.sql"))
    for hit in found[:50]:
        say(f"FOUND {hit.canary} ({hit.writing}) in {hit.place}")
    say(f"{len(found)} found: {dict(Counter(hit.writing for hit in found))}" if found else "0 found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
