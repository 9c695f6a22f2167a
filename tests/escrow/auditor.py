"""An auditor of one sale: a second, independent account of the rules, in plain arithmetic over a dict of balances.

It shares no code with the house. Told of each attempt, it says whether it must succeed, and what every account then
holds; the house is right if it says the same. Times are hours from the sale.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

HOLDING = ("funded", "shipped", "inspecting", "claimed", "returning", "arbitration", "ruled")
NEVER = 10**9


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


@dataclass
class Claim:
    amount: int
    was: str
    stop: int
    offer: int | None = None
    sent_back: bool = False
    handler: str | None = None
    arbiter: str | None = None
    ruling: tuple[int, str] | None = None
    is_confirmed: bool = False
    has_ruled: set[str] = field(default_factory=set)
    is_appealed: bool = False


@dataclass
class Sale:
    price: int
    commission: int
    fees: int
    deposit: int = 0
    lines: dict[int, int] = field(default_factory=dict)
    state: str = "awaiting_payment"
    clock: tuple[str, int] | None = ("default", 48)
    held: int = 0
    is_part: bool = False
    is_extended: bool = False
    ship_by: int = NEVER
    claim: Claim | None = None
    taken_early: tuple[int, int] | None = None
    gone: int = 0
    full: tuple[int, int, int] = (0, 0, 0)
    charged_back: int = 0
    withheld: int = 0
    refunded: int = 0
    is_reinstated: bool = False


@dataclass
class Payout:
    sale: int
    purpose: str
    amount: int
    state: str = "queued"


def _least(payout: Payout) -> tuple[int, int, str]:
    return (payout.amount, payout.sale, payout.purpose)


def _in_turn(reserve: list[int]) -> tuple[int, int]:
    return (reserve[0], reserve[2])


class Auditor:
    """The book of one buyer, one seller and the house."""

    def __init__(self, price: int, deposit: int, rates: tuple[int, int, int], reserve_bp: int, limit: int) -> None:
        self.book: dict[str, int] = defaultdict(int)
        self.payouts: list[Payout] = []
        self.reserves: list[list[int]] = []
        self.chargeback: list[int] | None = None
        self.limit, self.reserve_bp, self.now = limit, reserve_bp, 0
        commission = half_up(price * rates[0], 10_000)
        fees = min(half_up(price * rates[1], 10_000) + rates[2], price // 2 - commission)
        first = price // 3
        self.sales = [Sale(price, commission, fees, deposit, {1: first, 2: price - first})]
        self.sales[0].full = (price, commission, fees)
        self._move("bank", "deposit", deposit)

    def _move(self, debit: str, credit: str, amount: int) -> None:
        assert amount >= 0
        self.book[debit] -= amount
        self.book[credit] += amount

    # What each act needs, and does. True when it is permitted.

    def attempt(self, act: str, who: str, number: int, amount: int) -> bool:
        sale = self.sales[number]
        method = getattr(self, f"_{act}")
        return bool(method(sale, number, who, amount))

    def _pay(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if who != "bank" or sale.state != "awaiting_payment":
            return False
        self._move("gateway", f"escrow{number}", sale.price - sale.deposit)
        self._move("deposit", f"escrow{number}", sale.deposit)
        sale.held = sale.price
        self._fund(sale)
        return True

    def _fund(self, sale: Sale) -> None:
        sale.state, sale.ship_by, sale.clock = "funded", self.now + 72, ("cancel", self.now + 72 + 48)

    def _reinstate(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if who != "operator" or sale.state != "defaulted" or sale.is_reinstated:
            return False
        sale.is_reinstated = True
        again = Sale(sale.price, sale.commission, sale.fees, sale.deposit, dict(sale.lines), full=sale.full)
        self.sales.append(again)
        account, half = f"escrow{len(self.sales) - 1}", sale.deposit // 2
        self._move("bank", account, sale.price - sale.deposit)
        self._move("forfeits", account, sale.deposit - half)
        self._move("receivable", account, half)
        again.held = sale.price
        self._fund(again)
        return True

    def _cancel(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state == "awaiting_payment" and who == "operator":
            self._move("deposit", "wallet", sale.deposit)
            sale.state, sale.clock = "cancelled", None
            return True
        late = who == "buyer" and self.now >= sale.ship_by
        if sale.state != "funded" or not (who in ("seller", "operator", "timer") or late):
            return False
        self._divide(sale, number, sale.held, "cancelled")
        return True

    def _ship(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "funded" or who != "seller":
            return False
        sale.state, sale.clock = "shipped", ("receive", self.now + 240)
        return True

    def _ship_first_line(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        """Line 1 goes by itself; if it is all that is left, it is the sale."""
        if sale.state != "funded" or who != "seller" or 1 not in sale.lines:
            return False
        if len(sale.lines) == 1:
            return self._ship(sale, number, who, amount)
        amount = sale.lines.pop(1)
        price, commission, fees = sale.full
        shares = [
            half_up(fee * (sale.gone + amount), price) - half_up(fee * sale.gone, price) for fee in (commission, fees)
        ]
        part = Sale(amount, shares[0], shares[1], 0, {1: amount}, "shipped", ("receive", self.now + 240), amount)
        part.is_part = True
        self.sales.append(part)
        self._move(f"escrow{number}", f"escrow{len(self.sales) - 1}", amount)
        sale.price, sale.commission, sale.fees = sale.price - amount, sale.commission - shares[0], sale.fees - shares[1]
        sale.held, sale.gone = sale.held - amount, sale.gone + amount
        return True

    def _receive(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "shipped" or who not in ("buyer", "timer"):
            return False
        sale.state, sale.clock = "inspecting", ("release", self.now + 72)
        return True

    def _extend(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "inspecting" or who != "buyer" or sale.is_extended or sale.clock is None:
            return False
        sale.is_extended, sale.clock = True, ("release", sale.clock[1] + 72)
        return True

    def _release(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "inspecting" or who not in ("buyer", "timer"):
            return False
        self._divide(sale, number, 0, "released")
        return True

    def _default(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        half = sale.deposit // 2
        self._move("deposit", "payable", half)
        self._move("deposit", "forfeits", sale.deposit - half)
        sale.state, sale.clock = "defaulted", None
        self._pay_seller(number, half, "forfeit")
        return True

    def _claim(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state not in ("funded", "shipped", "inspecting") or who != "buyer" or not 0 < amount <= sale.held:
            return False
        sale.claim = Claim(amount, sale.state, self.now + 1440)
        sale.state, sale.clock = "claimed", ("default_judgement", self.now + 48)
        return True

    def _undisputed(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "claimed" or who != "buyer" or sale.claim is None or sale.taken_early:
            return False
        free = sale.price - sale.claim.amount
        if free <= 0:
            return False
        commission = min(half_up(sale.commission * free, sale.price), free)
        fees = min(half_up(sale.fees * free, sale.price), free - commission)
        sale.taken_early, sale.held = (commission, fees), sale.claim.amount
        self._share(sale, number, 0, free - commission - fees, commission, fees, "undisputed")
        return True

    def _accept(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state not in ("claimed", "arbitration") or who != "seller" or sale.claim is None:
            return False
        self._divide(sale, number, sale.claim.amount, "settled")
        return True

    def _withdraw(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state not in ("claimed", "arbitration") or who != "buyer":
            return False
        self._divide(sale, number, 0, "settled")
        return True

    def _offer(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "claimed" or who != "seller" or sale.claim is None or amount >= sale.claim.amount:
            return False
        if sale.claim.offer is not None and amount <= sale.claim.offer:
            return False
        sale.claim.offer, sale.clock = amount, ("escalate", min(self.now + 48, sale.claim.stop))
        return True

    def _accept_offer(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "claimed" or who != "buyer" or sale.claim is None or sale.claim.offer is None:
            return False
        self._divide(sale, number, sale.claim.offer, "settled")
        return True

    def _default_judgement(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        assert sale.claim is not None
        self._divide(sale, number, sale.claim.amount, "settled")
        return True

    def _ask_return(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "claimed" or who != "seller" or sale.claim is None or sale.claim.was == "funded":
            return False
        if sale.taken_early is not None:
            return False
        sale.state, sale.clock = "returning", ("lapse", self.now + 168)
        return True

    def _send_back(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "returning" or who != "buyer" or sale.claim is None or sale.claim.sent_back:
            return False
        sale.claim.sent_back, sale.clock = True, ("confirm_return", self.now + 168)
        return True

    def _confirm_return(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if sale.state != "returning" or who not in ("seller", "timer") or not (sale.claim and sale.claim.sent_back):
            return False
        self._divide(sale, number, sale.held, "refunded")
        return True

    def _lapse(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        self._divide(sale, number, 0, "settled")
        return True

    def _contest(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        returning = sale.state == "returning" and sale.claim is not None and sale.claim.sent_back
        if who != "seller" or not (sale.state == "claimed" or returning):
            return False
        return self._to_arbiter(sale)

    def _escalate(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        offered = sale.claim is not None and sale.claim.offer is not None
        if sale.state != "claimed" or who not in ("buyer", "timer") or not offered:
            return False
        return self._to_arbiter(sale)

    def _to_arbiter(self, sale: Sale) -> bool:
        assert sale.claim is not None
        stop = sale.claim.stop
        sale.state = "arbitration"
        sale.clock = ("hard_stop", stop) if stop <= self.now + 240 else ("overdue", self.now + 240)
        return True

    def _take_up(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        claim = sale.claim
        if sale.state not in HOLDING[3:] or claim is None or who not in ("operator", "arbiter", "second"):
            return False
        has_proposed = claim.ruling is not None and claim.ruling[1] == who
        if claim.arbiter == who or has_proposed or claim.handler not in (None, who):
            return False
        claim.handler = who
        return True

    def _take_arbitration(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        claim = sale.claim
        if sale.state != "arbitration" or claim is None or who not in ("operator", "arbiter", "second"):
            return False
        if claim.arbiter not in (None, who) or claim.handler == who or (claim.is_appealed and who in claim.has_ruled):
            return False
        claim.arbiter = who
        return True

    def _rule(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        claim = sale.claim
        if sale.state != "arbitration" or claim is None or claim.arbiter != who or claim.handler == who:
            return False
        if claim.ruling is not None or amount > sale.held:
            return False
        claim.ruling = (amount, who)
        claim.has_ruled.add(who)
        if sale.held <= self.limit:
            self._in_force(sale, claim)
        return True

    def _in_force(self, sale: Sale, claim: Claim) -> None:
        assert claim.ruling is not None
        sale.state, sale.clock = "ruled", ("enforce", self.now + 120)

    def _confirm(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        claim = sale.claim
        if sale.state != "arbitration" or claim is None or claim.ruling is None or claim.ruling[1] == who:
            return False
        if who not in ("operator", "arbiter", "second"):
            return False
        self._in_force(sale, claim)
        return True

    def _appeal(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        claim = sale.claim
        if sale.state != "ruled" or claim is None or claim.is_appealed or who not in ("buyer", "seller"):
            return False
        claim.is_appealed, claim.arbiter, claim.ruling = True, None, None
        claim.stop = max(claim.stop, self.now + 240)
        return self._to_arbiter(sale)

    def _overdue(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        assert sale.claim is not None
        sale.claim.arbiter, sale.clock = None, ("hard_stop", sale.claim.stop)
        return True

    def _hard_stop(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        self._divide(sale, number, sale.held, "refunded")
        return True

    def _enforce(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        assert sale.claim is not None and sale.claim.ruling is not None
        self._divide(sale, number, sale.claim.ruling[0], "settled")
        return True

    # The bank.

    def _charge_back(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        """The first sale's card payment is taken back."""
        if number or who != "bank" or self.chargeback or not self._was_paid(sale):
            return False
        if not 0 < amount <= sale.full[0] - sale.deposit - sale.charged_back:
            return False
        twice = min(max(sale.refunded - sale.withheld, 0), amount)
        wallet = min(self.book["wallet"], twice)
        payable = min(self.book["payable"], amount - twice)
        kept, wanted = 0, amount - twice - payable
        for each in self.reserves:
            part = min(each[1], wanted - kept)
            each[1] -= part
            kept += part
        self._move("payable", "chargeback", payable)
        self._move("reserve", "chargeback", kept)
        self._move("receivable", "chargeback", wanted - kept)
        self._move("wallet", "chargeback", wallet)
        self._move("buyer_owes", "chargeback", twice - wallet)
        self.chargeback = [amount, twice - wallet]
        sale.charged_back += amount
        sale.withheld += twice
        return True

    @staticmethod
    def _was_paid(sale: Sale) -> bool:
        return sale.ship_by != NEVER

    def _charge_back_lost(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if number or who != "bank" or not self.chargeback:
            return False
        self._move("chargeback", "gateway", self.chargeback[0])
        self.chargeback = None
        return True

    def _charge_back_won(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        if number or who != "bank" or not self.chargeback:
            return False
        (amount, owed), self.chargeback = self.chargeback, None
        to_buyer = min(max(sale.withheld - (sale.charged_back - amount), 0), amount)
        forgiven = min(to_buyer, owed, -self.book["buyer_owes"])
        self._move("chargeback", "buyer_owes", forgiven)
        self._move("chargeback", "wallet", to_buyer - forgiven)
        self._move("chargeback", "payable", amount - to_buyer)
        sale.charged_back, sale.withheld = sale.charged_back - amount, sale.withheld - to_buyer
        self._pay_seller(number, amount - to_buyer, "chargeback")
        return True

    def _payout_settled(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        waiting = [each for each in self.payouts if each.state == "queued"]
        if who != "bank" or not waiting:
            return False
        first = min(waiting, key=_least)
        self._move("transit", "bank", first.amount)
        first.state = "settled"
        if first.purpose == "sale" and self.sales[first.sale].state == "released":
            self.sales[first.sale].state = "settled"
        return True

    def _payout_returned(self, sale: Sale, number: int, who: str, amount: int) -> bool:
        waiting = [each for each in self.payouts if each.state == "queued"]
        if who != "bank" or not waiting:
            return False
        first = min(waiting, key=_least)
        self._move("transit", "payable", first.amount)
        first.state = "returned"
        return True

    # Time.

    def wait(self, hours: int) -> None:
        """Every clock that has run out does its act, the oldest first; then the reserves whose time is over."""
        self.now += hours
        while True:
            due = [
                (sale.clock[1], number, sale.clock[0])
                for number, sale in enumerate(self.sales)
                if sale.clock is not None and sale.clock[1] <= self.now
            ]
            if not due:
                break
            _, number, act = min(due)
            done = self.attempt(act, "timer", number, 0)
            assert done, f"the clock's {act} is always permitted"
        for due_at, left, number in sorted((each for each in self.reserves if each[0] <= self.now), key=_in_turn):
            self._move("reserve", "payable", left)
            self.reserves = [each for each in self.reserves if each[2] != number]
            self._pay_seller(number, left, "reserve")
            assert due_at <= self.now

    # Who has what at the end.

    def _divide(self, sale: Sale, number: int, back: int, state: str) -> None:
        left, early = sale.held - back, sale.taken_early or (0, 0)
        commission = min(half_up(sale.commission * (sale.price - back), sale.price) - early[0], left)
        fees = min(half_up(sale.fees * (sale.price - back), sale.price) - early[1], left - commission)
        sale.held, sale.state, sale.clock = 0, state, None
        purpose = "sale" if state in ("released", "settled") else ""
        self._share(sale, number, back, left - commission - fees, commission, fees, purpose)

    def _share(self, sale: Sale, number: int, back: int, seller: int, commission: int, fees: int, purpose: str) -> None:
        paid = self.sales[0] if sale.is_part else sale
        account, twice = f"escrow{number}", min(back, paid.charged_back - paid.withheld)
        kept = 0 if purpose == "undisputed" else seller * self.reserve_bp // 10_000
        paid.withheld += twice
        paid.refunded += back
        self._move(account, "wallet", back - twice)
        self._move(account, "payable", seller - kept + twice)
        self._move(account, "reserve", kept)
        self._move(account, "commission", commission)
        self._move(account, "fees", fees)
        if kept:
            self.reserves.append([self.now + 2160, kept, number])
        if purpose or twice:
            self._pay_seller(number, seller - kept + twice, purpose or "chargeback")

    def _pay_seller(self, number: int, amount: int, purpose: str) -> None:
        repaid = min(max(-self.book["receivable"], 0), amount)
        self._move("payable", "receivable", repaid)
        if amount > repaid:
            self._move("payable", "transit", amount - repaid)
            self.payouts.append(Payout(number, purpose, amount - repaid))
        elif purpose == "sale" and self.sales[number].state == "released":
            self.sales[number].state = "settled"
