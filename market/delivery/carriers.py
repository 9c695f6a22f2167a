"""What the house asks of a carrier, whoever it is: take a booking, call one off, and say whether a report is its own.

An adapter is one class with these four members; `market.delivery.sandbox_client` is the one for the sandbox carrier.

CarrierError    the carrier was not reached or did not answer as it should: ask again under the same booking id
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from market.delivery.facts import Consignment, Report


class CarrierError(Exception):
    """Nobody knows whether the carrier has taken the booking; the same id asks again without harm."""


class NotSignedError(Exception):
    """This is no report of the carrier: it is not signed by it, or too old."""


class BadReportError(Exception):
    """It is the carrier's, but nothing that can be taken: the message says what is wrong with it."""


class Booked(Struct, frozen=True):
    """The carrier has taken it; this is the number that everybody tracks it by."""

    tracking_number: str


class NotTaken(Struct, frozen=True):
    """The carrier will not carry this, and says why."""

    reason: str


class Carrier(Protocol):
    """One carrier."""

    @property
    def code(self) -> str: ...

    @property
    def name(self) -> str: ...

    async def book(self, consignment: Consignment) -> Booked | NotTaken:
        """Take the booking. Asked again under one booking id it answers the same. Raises CarrierError."""

    async def cancel(self, booking_id: UUID) -> bool:
        """Call it off; False when the goods have been collected already. What is called off before its booking comes is
        never taken. Asked again it answers the same. Raises CarrierError.
        """

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """What the carrier tells. Raises NotSignedError, BadReportError."""

    async def close(self) -> None: ...


class Carriers:
    """The carriers that this house works with, by code."""

    def __init__(self, carriers: Iterable[Carrier]) -> None:
        self._by_code = {each.code: each for each in carriers}

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)

    def get(self, code: str) -> Carrier | None:
        return self._by_code.get(code)

    def name_of(self, code: str) -> str:
        """What people call it; the code of one that the house works with no longer."""
        found = self._by_code.get(code)
        return code if found is None else found.name

    async def close(self) -> None:
        for each in self._by_code.values():
            await each.close()
