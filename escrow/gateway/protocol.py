"""What the house asks of a payment gateway, whichever it is: the sandbox bank's switch or a provider's SDK.

GatewayError
├── NotSentError     nothing left for the bank: no need to reverse
└── NoAnswerError    it may have left, and no answer came: ask again with the same id, or reverse
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from escrow.card_facts import Acknowledged, Advice, Answer, Authorise, SettlementFile


class GatewayError(Exception):
    """The gateway could not be asked; the message is for a log and never holds what was sent."""


class NotSentError(GatewayError):
    """Not a byte has left."""


class NoAnswerError(GatewayError):
    """Nobody knows whether the bank has heard it."""


class PaymentGateway(Protocol):
    """One way to a bank. Every call may be repeated: the bank knows a payment by its id and answers the same again."""

    @property
    def name(self) -> str:
        """What a payment's row remembers it by."""

    async def run(self) -> None:
        """Keep whatever connection is needed, until cancelled. Everything else needs it to run."""

    async def ready(self) -> None:
        """Raises NotSentError when the bank can't be reached at all."""

    async def authorise(self, request: Authorise) -> Answer:
        """Ask the bank to hold a sum. Raises GatewayError."""

    async def capture(self, advice: Advice) -> Acknowledged:
        """Tell that what was held is taken. Raises GatewayError."""

    async def reverse(self, advice: Advice) -> Acknowledged:
        """Tell that nothing is wanted of a payment, whether the bank has heard of it or not. Raises GatewayError."""

    async def represent(self, chargeback_id: str, text: str) -> Acknowledged:
        """Answer a chargeback, by the bank's own id of it. Not accepted: the bank takes no answer (any more). Raises
        GatewayError.
        """

    async def settlements(self, after: str | None) -> list[SettlementFile]:
        """The settlement files that came after the one of that id, oldest first, a few at a time. Raises GatewayError."""

    async def settle_now(self, day: date) -> None:
        """Ask for the day so far to be settled, where the bank allows it. Raises GatewayError."""

    async def close(self) -> None:
        """Let go of connections."""
