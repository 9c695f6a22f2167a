"""`make mutants`: plant each bug into a copy of the tree and run the test that must see it. Status 1 if one escapes."""

from __future__ import annotations

import argparse
import time

from tests.mutants.mutant import Mutant
from tests.mutants.planted import MUTANTS
from tests.mutants.workshop import PlantingError, Workshop, workshop


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--invariant", type=int, help="only the bugs against this invariant")
    wanted = parser.parse_args().invariant
    chosen = [mutant for mutant in MUTANTS if wanted in (None, mutant.invariant)]
    escaped = 0
    with workshop() as copy:
        for mutant in chosen:
            started = time.monotonic()
            verdict = judged(copy, mutant)
            escaped += verdict != "caught"
            seconds = time.monotonic() - started
            print(f"{mutant.invariant:>3}  {verdict:<8} {seconds:5.1f} s  {mutant.name}  [{mutant.test}]", flush=True)  # noqa: T201
    print(f"{len(chosen) - escaped} of {len(chosen)} planted bugs were caught")  # noqa: T201
    return 1 if escaped or not chosen else 0


def judged(copy: Workshop, mutant: Mutant) -> str:
    """caught, ESCAPED, UNSOUND (its test fails without it, too), or LOST (its text is not in the tree)."""
    if not copy.is_sound(mutant.test):
        return "UNSOUND"
    try:
        return "caught" if copy.is_caught(mutant) else "ESCAPED"
    except PlantingError as error:
        print(error)  # noqa: T201
        return "LOST"


if __name__ == "__main__":
    raise SystemExit(main())
