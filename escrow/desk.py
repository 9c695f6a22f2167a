"""The escrow's desk: its acts, built once around the hooks by which the market hears of them."""

from __future__ import annotations

from escrow.arbitration import Arbitration
from escrow.bank_inbox import Inbox
from escrow.chargebacks import Chargebacks
from escrow.claims import Claims
from escrow.deposits import Deposits
from escrow.hooks import Hooks
from escrow.moves import Moves
from escrow.payouts import Payouts
from escrow.quarantine import Quarantine
from escrow.reversals import Reversals
from escrow.settlement import Settlement
from escrow.wallet import Wallet

SECOND_PERSON_ABOVE_MINOR = 100_000_000


class EscrowDesk:
    """One object for the whole house; it holds no state but the hooks, and from which sum on a ruling needs two people."""

    __slots__ = (
        "arbitration",
        "chargebacks",
        "claims",
        "deposits",
        "inbox",
        "payouts",
        "quarantine",
        "settlement",
        "wallet",
    )

    def __init__(self, hooks: Hooks, *, second_person_above_minor: int = SECOND_PERSON_ABOVE_MINOR) -> None:
        self.deposits = Deposits(hooks)
        self.payouts = Payouts(hooks)
        moves = Moves(hooks, self.deposits, self.payouts)
        self.settlement = Settlement(hooks, self.deposits, self.payouts, moves)
        self.claims = Claims(moves)
        self.arbitration = Arbitration(moves, second_person_above_minor)
        self.chargebacks = Chargebacks(hooks, moves, self.deposits)
        self.quarantine = Quarantine(hooks, self.deposits, self.settlement, self.payouts)
        reversals = Reversals(hooks, self.chargebacks)
        self.inbox = Inbox(
            hooks, self.deposits, self.settlement, self.payouts, self.quarantine, self.chargebacks, reversals
        )
        self.wallet = Wallet(self.payouts)
