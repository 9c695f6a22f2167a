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
from tests.canary import flows, mistakes, places, plants
from tests.canary.numbers import canaries, phrases
from tests.canary.scene import scene
from tests.canary.search import Finder, Hit
from tests.running_house import RunningHouse, running_house

AT_ONCE = 8
MISTAKES = 3_000
"""So many numbers are at hand for mistakes; each is made once."""


async def run(house: RunningHouse, wallets: int, folder: Path) -> list[Hit]:
    """Play and search; what was found that was not planted."""
    cards = list(canaries(wallets * MOST_CARDS + MISTAKES + plants.COUNT))
    played, planted, wrong = (
        cards[: wallets * MOST_CARDS],
        cards[-plants.COUNT :],
        cards[wallets * MOST_CARDS : -plants.COUNT],
    )
    words = phrases(wallets)
    spoken = [*words, *(word[::-1] for word in words)]
    started = time.monotonic()
    async with scene(house) as on:
        await flows.play(on, played, words, lambda text: say(f"\r{text} ", end=""), at_once=AT_ONCE)
        say(f"\n{len(played)} cards in {wallets} wallets, {time.monotonic() - started:.0f} s")
        for (flow, outcome), times in sorted(on.journal.outcomes.items()):
            say(f"  {flow}: {outcome} {times}")
        say(f"numbers in clear by mistake: {await mistakes.everywhere(on, iter(wrong))}")
        found: list[Hit] = []
        for what, finder, pieces in (
            ("memory of the server", Finder(played, spoken), places.memory_places(house)),
            ("answers to everybody", Finder(cards, spoken), on.journal.places()),
            ("files, tables, WAL and backup", Finder(cards, spoken), places.written_places(house, folder / "backup")),
        ):
            size, count, begun = 0, 0, time.monotonic()
            for place, data in pieces:
                size, count = size + len(data), count + 1
                found += finder.search(place, data)
            took = time.monotonic() - begun
            say(f"{what}: {count} pieces, {size / 1e6:.0f} MB searched in {took:.0f} s, {len(found)} found so far")
        missed = await plants.not_found(on, planted, folder / "planted")
        say(f"planted leaks that were not found: {missed or 'none'}")
        found += [Hit("nowhere", f"planted {each}", "") for each in missed]
    say(f"{time.monotonic() - started:.0f} s in all")
    return found


def say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=10_000)
    wallets = -(-parser.parse_args().numbers // MOST_CARDS)
    with tempfile.TemporaryDirectory(prefix="gavelhouse-canary-") as folder:
        os.chmod(folder, 0o711)
        with running_house(Path(folder) / "house", log_level="info") as house:
            house.start()
            house.start_bank()
            found = asyncio.run(run(house, wallets, Path(folder)))
    for hit in found[:50]:
        say(f"FOUND {hit.canary} ({hit.writing}) in {hit.place}")
    say(f"{len(found)} found: {dict(Counter(hit.writing for hit in found))}" if found else "0 found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
