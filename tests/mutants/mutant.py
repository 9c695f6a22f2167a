"""What a planted bug is."""

from __future__ import annotations

from msgspec import Struct


class Mutant(Struct, frozen=True):
    """`before` stands exactly once in `file`, and is replaced by `after`. `is_quick` ones are planted in every run.

    `test` is a pytest node, or `simulate FIRST COUNT`: so many simulated auctions from a seed on.
    """

    name: str
    invariant: int
    file: str
    before: str
    after: str
    test: str
    is_quick: bool = False
