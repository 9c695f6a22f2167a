"""Check a lot's public log, and receipts, without the house: python verify.py LOG [--receipt FILE] [--key HEX]
Needs Python 3.11 and `cryptography`. Holds every byte to signatures and hashes, then plays the lot again by its rule. Exit: 0 genuine, 1 not."""
import argparse, json, sys
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
class Fact:  # an object of the log: amounts as integers, times as instants, None for what it leaves out
    def __init__(self, members):
        self.__dict__ = {name: int(value) if name.endswith("_minor") and str(value).isdigit() else datetime.fromisoformat(value)
                         if (name == "at" or name.endswith("_at")) and "T" in str(value) else value for name, value in members.items()}
    def __getattr__(self, name): return None
def hold(holds, sentence):
    if not holds: raise ValueError(sentence)
def seconds(count): return timedelta(seconds=count or 0)
def canonical(value): return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def root_of(entries):  # the Merkle tree hash of RFC 6962, section 2.1
    left = (1 << (len(entries) - 1).bit_length()) // 2
    return sha256(b"\x01" + root_of(entries[:left]) + root_of(entries[left:]) if left else b"\x00" + entries[0]).digest()
def check_signature(kind, signed, keys, body=None):
    hold(signed["key"] in keys and signed["signature"].islower(), f"the {kind} is signed by {signed['key']}, another key than it should be")
    body = f"gavelhouse {kind} v1\n".encode() + (body or canonical({k: v for k, v in signed.items() if k != "signature"}))
    try: Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed["key"])).verify(bytes.fromhex(signed["signature"]), body)
    except Exception: raise ValueError(f"the signature of the {kind} is not that of its key") from None
class Lot:  # as the rule makes it: after each event it must stand as the log says. Formats add bid() and close()
    def __init__(self, terms):
        self.id, self.rule, self.starts_at, self.start = terms.lot, terms.rule, terms.starts_at, terms.rule.start_price_minor
        timed, self.delay = self.rule.timed_seconds, self.rule.extension_seconds
        self.phase, self.ends_at = "timed" if timed or not self.delay else "delayed", self.starts_at + seconds(timed or self.delay)
        self.leader = self.price_minor = self.reserve = self.paused_at = self.outcome = self.units = self.opened = None
        self.bids, self.extensions, self.acts, self.book, self.stills = 0, 0, {}, {}, []  # acts: (paddle, amount …) of each bid's event
    def play(self, e):
        end, self.jumps = self.ends_at, (self.reserve, e.reserve) == ("not_met", "met")  # the reserve is secret; once met it stays so
        stays, self.reserve = self.jumps or e.reserve == self.reserve or e.kind in ("opened", "retracted"), e.reserve
        hold(stays and (e.kind == "opened") == (e.seq == 1) and not self.outcome, f"event {e.seq} has no place there")
        if e.kind == "bid":
            in_time = self.starts_at <= e.at < (self.paused_at or end) and self.phase in ("timed", "delayed")
            fits = in_time and self.bid(e, e.detail or Fact({}), *[line for line in e.lines if not line.automatic])
        elif e.kind == "phase":
            fits, self.ends_at = e.at == end and self.phase == "timed", end + seconds(self.delay)
            self.phase = "delayed" if self.delay else "opening"
        elif e.kind in ("paused", "resumed", "extended", "credited"):  # acts of the house, which the log shows as such
            moves = {"paused": (None, e.at), "resumed": (self.paused_at or 0, None)}.get(e.kind, (self.paused_at,) * 2)
            fits = e.ends_at >= end and (self.paused_at, e.paused_at) == moves
            self.ends_at, self.paused_at = e.ends_at, e.paused_at
            if e.kind in ("resumed", "credited"): self.stills.append((e.at - (e.ends_at - end), e.at))
        elif e.kind in ("closed", "voided"):
            fits = e.kind == "voided" or e.at == end and (self.phase != "timed" or not self.delay)
            self.outcome = "void" if e.kind == "voided" else "sold" if self.close(e, e.detail) else "unsold"
        else: fits = e.kind == "opened" or getattr(self, "on_" + e.kind)(e, e.detail)
        if self.outcome: self.phase, self.paused_at = "closed", None
        hold(fits, f"event {e.seq} ({e.kind}) is not one that the rule allows there")
        for name in "phase ends_at paused_at price_minor leader bids extensions outcome".split():
            hold(getattr(self, name) == getattr(e, name), f"after event {e.seq} the rule makes {name} {getattr(self, name)}")
    def extend(self, at, span):  # a bid sets the end to t + W, within the cap, and never brings it earlier
        to, cap = min(at + seconds(span), self.rule.cap_at or datetime.max.replace(tzinfo=UTC)), self.rule.cap_extensions
        if to > self.ends_at and (cap is None or self.extensions < cap): self.ends_at, self.extensions = to, self.extensions + 1
    def close(self, e, detail): return self.leader is not None and self.reserve != "not_met"
class English(Lot):
    def step(self, price): return next(b.increment_minor for b in self.rule.steps if not b.below_minor or price < b.below_minor)
    def bid(self, e, detail, own):
        rule, price, amount, is_timed = self.rule, self.price_minor, own.amount_minor, self.phase == "timed"
        auto = [line.amount_minor for line in e.lines if line.automatic and line.paddle == self.leader]
        step, base = self.step(price or self.start), price if price and rule.grid_base == "current" else self.start
        enough = amount >= (price + step if price else base) and (self.jumps or rule.grid_base == "none" or not (amount - base) % step)
        answered = auto and not e.lines[0].automatic and amount <= auto[0] <= amount + self.step(amount)
        if detail.buy_now:
            fits = amount == rule.buy_now_minor and (not price or rule.buy_now_until != "first_bid" and (self.jumps or self.reserve != "met"))
            self.phase, self.ends_at, self.paused_at = "decided", e.at, None
        elif price and own.paddle == self.leader: fits = self.jumps and amount > price  # the own maximum raised past the reserve
        elif detail.priority: fits = rule.priority_right and (enough or amount == price) and (answered or amount == [*auto, price][0])
        elif auto and not answered: fits = price < auto[0] and amount == auto[0] + self.step(auto[0])
        else: fits = enough or price and not auto and amount == price + step
        may = is_timed or not rule.only_timed_bidders or any(act[0] == own.paddle and act[3] for act in self.acts.values())
        self.acts[e.seq], self.book[own.paddle], self.bids = (own.paddle, amount, e.at, is_timed), True, self.bids + 1
        if not detail.buy_now: self.extend(e.at, rule.soft_close_seconds if is_timed else self.delay)
        self.leader, self.price_minor = e.lines[-1].paddle, e.lines[-1].amount_minor
        return fits and may and len(e.lines) == 1 + len(auto) < 4
    def on_reserve(self, e, detail):  # lowered so far that it is met, perhaps by a jump of the leader's maximum
        fits, self.price_minor = self.jumps and self.price_minor <= e.price_minor, e.price_minor
        return fits and all(line.paddle == self.leader for line in e.lines)
    def on_retracted(self, e, detail):  # who leads then rests on secret maxima, yet no other bid may be a step above it
        act, most = self.acts.pop(detail.seq, (detail.paddle, 0, e.at)), max(band.increment_minor for band in self.rule.steps)
        fits = all(one[1] < (e.price_minor or 0) + most for one in self.acts.values() if one[0] != e.leader) and self.phase == "timed"
        fits = fits and (not e.leader or e.leader in self.book and self.start <= e.price_minor)
        self.leader, self.price_minor, self.bids = e.leader, e.price_minor, e.bids
        return fits and act[0] == detail.paddle and e.at < act[2] + seconds(self.rule.retraction_seconds)
class Sealed(Lot):
    def sealed(self, *said): return sha256("|".join(map(str, ("gavelhouse.sealed.v1", *said))).encode()).hexdigest()
    def bid(self, e, detail):  # until the opening nobody knows more of a bid than its commitment
        versions, self.acts[e.seq] = self.book.get(detail.paddle, []), (detail.paddle, detail.commitment)
        self.book[detail.paddle] = [] if detail.withdraw else [*versions, e.seq]
        return versions or not detail.withdraw
    def on_unsealed(self, e, detail):  # of each bidder the last valid version counts
        voids, reserve, step = [void.seq for void in detail.voids], detail.reserve_minor, self.rule.step_minor or 1
        last = [seq for versions in self.book.values() for seq in [one for one in versions if one not in voids][-1:]]
        fits = sorted(last) == sorted(bid.seq for bid in detail.bids) and self.phase == "opening"
        for one in detail.bids + detail.voids:  # a bid is legal and what was sealed; a void has no legal sum
            legal = self.start <= (one.amount_minor or 0) <= 10**15 and not (one.amount_minor - self.start) % step
            said = one.paddle, self.sealed(self.id, one.paddle, one.amount_minor, one.nonce)
            fits = fits and legal == (one.nonce is not None) and (not legal or self.acts[one.seq] == said)
        self.floor, self.phase, self.opened = max(self.start, reserve or 0), "decided", detail.bids
        return fits and self.rule.reserve_commitment == (self.sealed("reserve", self.id, reserve, detail.reserve_nonce) if reserve else "")
    def close(self, e, detail):
        hold(self.opened is not None or not any(self.book.values()), "the bids were never opened")
        best, self.bids = sorted((-bid.amount_minor, bid.seq, bid.paddle) for bid in self.opened or []), len(self.opened or [])
        counts = best[:1] if self.rule.pricing == "first" else best[1:2]  # what the winner pays, if it is above the floor
        if best and -best[0][0] >= self.floor: self.leader, self.price_minor = best[0][2], max([self.floor, *(-bid[0] for bid in counts)])
        return self.leader is not None
class Dutch(Lot):
    def __init__(self, terms):
        super().__init__(terms)
        self.steps = -((self.rule.floor_minor - self.start) // self.rule.step_minor)
        self.fall = seconds(self.rule.fall_seconds or self.steps * self.rule.interval_seconds)
        self.ends_at += self.fall + seconds(self.rule.floor_seconds)
    def bid(self, e, detail, own):  # the price falls by the clock, less the time that the lot stood still
        ran = e.at - self.starts_at - sum((min(e.at, to) - since for since, to in self.stills if e.at > since), seconds(0))
        self.price_minor = max(self.rule.floor_minor, self.start - self.steps * max(ran, seconds(0)) // self.fall * self.rule.step_minor)
        self.leader, self.phase, self.ends_at, self.bids, self.acts[e.seq] = own.paddle, "decided", e.at, 1, (own.paddle, 0)
        return own.amount_minor == self.price_minor
class Reverse(Lot):
    def ranking(self): return sorted(self.book, key=self.book.get)
    def bid(self, e, detail, own):
        rule, price, was, old, given = self.rule, own.amount_minor, self.ranking(), self.book.get(own.paddle), vars(detail.attributes)
        costs, fits = {"factor": Fraction(1), "money": Fraction(0)}, price <= self.start and not (self.start - price) % rule.decrement_minor
        for a in rule.attributes:  # each costs by its distance from the best value: a share of the price, or a sum
            best, last = (a.lowest, a.floor or a.highest) if a.better == "lower" else (a.highest, a.floor or a.lowest)
            fits = fits and min(Fraction(best), Fraction(last)) <= Fraction(given[a.key]) <= max(Fraction(best), Fraction(last))
            costs[a.counts] += Fraction(a.weight_numerator, a.weight_denominator) * abs(Fraction(given[a.key]) - Fraction(best))
        cost, lead = price * costs["factor"] + costs["money"], self.book[was[0]][0] if was and was[0] != own.paddle else 0
        self.book[own.paddle], self.acts[e.seq] = (cost, e.seq, price), (own.paddle, price)
        before, after, top = was.index(own.paddle) if old else 10**9, self.ranking().index(own.paddle), rule.top_count
        if after < top <= before or after < before < top and rule.extends_when == "rises": self.extend(e.at, rule.soft_close_seconds)
        beats = (cost >= lead or lead - cost >= rule.front_buffer_minor) and (not old or 0 < old[0] - cost >= rule.back_buffer_minor)
        return fits and beats and len(given) == len(rule.attributes) and detail.cost == f"{cost.numerator}/{cost.denominator}"
    def close(self, e, detail):
        ranking, self.bids = self.ranking(), len(self.acts)
        if ranking: self.leader, self.price_minor = ranking[0], self.book[ranking[0]][2]
        hold([row.paddle for row in detail.ranking] == ranking, f"by the rule the ranking is {ranking}")
        return super().close(e, detail)
class Uniform(Lot):
    def bid(self, e, detail, own):
        rule, price, key, mine = self.rule, own.amount_minor, (own.paddle, detail.bid), [one for one in self.book if one[0] == own.paddle]
        old = self.book.get(key) or detail.bid == len(mine) + 1 <= rule.bids_per_bidder and (0, 0, 0, True)
        self.book[key], self.acts[e.seq] = new, _ = (-price, e.seq, detail.quantity, detail.all_or_none), (own.paddle, price)
        fits = old and price >= self.start and not (price - self.start) % rule.step_minor and 0 < new[2] <= rule.quantity
        return fits and old[0] >= new[0] and old[2] <= new[2] and new[3] <= min(old[3], rule.allows_all_or_none)
    def close(self, e, detail):  # in order of price, then time; of one price pro rata, if the rule says so
        rest, beaten, units, left, floor = self.rule.quantity, [], {}, {}, detail.floor_minor
        shares, book = self.rule.marginal == "pro_rata", sorted((*offer, key[0]) for key, offer in self.book.items())
        for minus, seq, count, whole, _ in sorted(book, key=lambda offer: (offer[0], shares and offer[3], offer[1])):
            peers = {o[1]: o[2] * left.setdefault(minus, rest) for o in book if o[0] == minus and not o[3]}
            wanted = sum(o[2] for o in book if o[1] in peers)
            units[seq] = 0 if -minus < floor or whole and count > rest else min(count, rest)
            if shares and not whole and wanted > left[minus] and -minus >= floor:  # rounded down, the rest to the largest remainders
                lucky = sorted(peers, key=lambda s: (-(peers[s] % wanted), s))[: left[minus] - sum(p // wanted for p in peers.values())]
                units[seq] = peers[seq] // wanted + (seq in lucky)
            if units[seq] < count and -minus >= floor and not (whole and rest): beaten.append(-minus)
            rest -= units[seq]
        won, self.units, self.bids = [-o[0] for o in book if units[o[1]]], [(o[1], o[4], units[o[1]]) for o in book], len(book)
        if won: self.price_minor = min(won) if self.rule.pricing == "lowest_accepted" else max([*beaten, floor])
        hold(self.start <= floor and (floor == self.start or self.reserve != "none"), "the floor is not that of the rule")
        hold([(row.seq, row.paddle, row.filled) for row in detail.book] == self.units, f"by the rule the units are {self.units}")
        return won != []
def verify(data, pinned=None, receipts=()):  # what the log comes to; raises ValueError, or what a damaged file makes Python raise
    *lines, last = data[:-1].split(b"\n")
    end, head = json.loads(last), json.loads(lines[0])
    is_log = (head["file"], head["version"], head["key"], canonical(end) + b"\n") == ("gavelhouse-log", 1, end["key"], last + data[-1:])
    hold(is_log, "this is no log of version 1 as the house writes it")
    check_signature("log", end, [pinned or head["key"]], b"\n".join(lines) + b"\n")
    heads = [row for row in map(json.loads, lines[2:]) if "kind" not in row]
    bodies, hashes, keys = lines[2 : len(lines) - len(heads)], [sha256(lines[1]).digest()], {end["key"], *(one["key"] for one in heads)}
    for body in bodies: hashes.append(sha256(hashes[-1] + body).digest())
    terms, *events = [json.loads(line, object_hook=Fact) for line in lines[1 : 2 + len(bodies)]]
    for seq, e in enumerate(events, 1): hold((e.seq, e.lot, terms.lot) == (seq, terms.lot, head["lot"]), f"no event {seq} there")
    for one in heads:
        check_signature("head", one, keys)
        is_here = one["lot"] == terms.lot and one["head"] == hashes[one["seq"]].hex() and one.get("root") in (None, root_of(bodies).hex())
        hold(is_here, "the house has signed other events than these")
    hold(not events[-1].outcome or any("root" in one for one in heads), "the final head is not signed yet: fetch the log again in a moment")
    lot = {form.__name__.lower(): form for form in Lot.__subclasses__()}[terms.rule.format or "english"](terms)
    for e in events: lot.play(e)
    for receipt in receipts:  # what the house has confirmed is there; given while bids were hidden, a receipt has no hash
        check_signature("receipt", receipt, keys)
        said, made = Fact(receipt), receipt.get("details", {}).get("commitment", receipt.get("amount_minor"))
        own = [e for e in events if e.kind == "bid" and e.at == said.at and (hashes[e.seq].hex() == said.hash and said.seq in (None, e.seq)
               if said.hash else tuple(map(str, lot.acts[e.seq][:2])) == (str(said.paddle), str(made)))]
        is_there = said.hash in (None, *(link.hex() for link in hashes)) and (own or not said.event or said.answer == "refused")
        hold(is_there, "a receipt's bid is not in the log: it was left out or rewritten")
    return {"lot": lot.id, "format": type(lot).__name__.lower(), "events": len(events), "outcome": lot.outcome, "price_minor": lot.price_minor,
            "winner": lot.leader if lot.outcome == "sold" else None, "units": lot.units and [one[1:] for one in lot.units if one[2]], "keys": sorted(keys)}
def main(arguments=None):
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__)
    for name, more in ("log", {}), ("--receipt", {"action": "append", "default": []}), ("--key", {}): parser.add_argument(name, **more)
    given = parser.parse_args(arguments)
    try: found = {"genuine": True, **verify(open(given.log, "rb").read(), given.key, [json.load(open(name, "rb")) for name in given.receipt])}
    except OSError as error: return print(f"verify.py: {error}", file=sys.stderr) or 2
    except Exception as fault: found = {"genuine": False, "fault": str(fault) if type(fault) is ValueError else f"no log of a lot, or damaged: {fault!r}"}
    return print(json.dumps(found, indent=2)) or int(not found["genuine"])
if __name__ == "__main__": sys.exit(main())
