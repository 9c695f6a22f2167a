"""The escrow's desk: its acts, built once around the hooks by which the market hears of them."""

from __future__ import annotations

from escrow.bank_inbox import Inbox
from escrow.deposits import Deposits
from escrow.hooks import Hooks
from escrow.payouts import Payouts
from escrow.quarantine import Quarantine
from escrow.settlement import Settlement
from escrow.wallet import Wallet


class EscrowDesk:
    """One object for the whole house; it holds no state but the hooks."""

    __slots__ = ("deposits", "inbox", "payouts", "quarantine", "settlement", "wallet")

    def __init__(self, hooks: Hooks) -> None:
        self.deposits = Deposits(hooks)
        self.payouts = Payouts(hooks)
        self.settlement = Settlement(hooks, self.deposits, self.payouts)
        self.quarantine = Quarantine(hooks, self.deposits, self.settlement, self.payouts)
        self.inbox = Inbox(hooks, self.deposits, self.settlement, self.payouts, self.quarantine)
        self.wallet = Wallet(self.payouts)
