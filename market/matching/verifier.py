"""Check the proof of a board's clearing without the house: python verify_clearing.py FILE [--key HEX]
Needs Python 3.11 and `cryptography`. The house's signature, then the whole auction again from the orders in the file:
curve, candidate prices and why each left, the price, every fill and its reason, who traded with whom. Exit: 0 genuine, 1 not.
"""

import argparse
import json
import sys
from bisect import bisect_left, bisect_right
from itertools import accumulate

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KIND = "gavelhouse.clearing.v1"
MEMBERS = {"kind", "board", "n", "at", "category", "term", "currency", "unit", "rules", "orders", "curve", "candidates"}
MEMBERS |= {"price_minor", "volume", "decided_by", "trades", "key", "signature"}
ORDER = {"n", "alias", "side", "price_minor", "quantity", "minimum", "filled", "why"}


def hold(holds, sentence):
    if not holds:
        raise ValueError(sentence)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def once(pairs):
    members = dict(pairs)
    hold(len(members) == len(pairs), "a member stands there twice")
    return members


def check_signature(proof, key):
    hold(proof["key"] == key, f"signed by {proof['key']}, another key than it should be")
    body = b"gavelhouse clearing v1\n" + canonical({k: v for k, v in proof.items() if k != "signature"})
    hold(proof["signature"].islower(), "the signature is not written as the house writes it")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(proof["signature"]), body)
    except Exception:
        raise ValueError("the signature is not that of the key") from None


class Order:
    def __init__(self, row):
        hold(set(row) == ORDER, "an order has a member too few or too many")
        self.n, self.price, self.quantity, self.minimum = (
            row["n"],
            int(row["price_minor"]),
            row["quantity"],
            row["minimum"],
        )
        self.buys, self.units, self.why = {"demand": True, "supply": False}[row["side"]], row["filled"], row["why"]
        hold(all(type(x) is int for x in (self.n, self.quantity, self.minimum, self.units)), "a number is none")
        hold(0 < self.minimum <= self.quantity and self.price > 0, f"order {self.n} makes no sense")

    def allows(self, price):
        return self.price >= price if self.buys else self.price <= price

    def rank(self):
        return (-self.price if self.buys else self.price, self.n)


def with_one_more(totals, order, cap):
    """The stretches of totals that can be reached if this order may also be filled, with `minimum` to `quantity` units."""
    grown = sorted(
        totals + [(a + order.minimum, min(b + order.quantity, cap)) for a, b in totals if a + order.minimum <= cap]
    )
    merged = [grown[0]]
    for a, b in grown[1:]:
        if a <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], b))
        else:
            merged.append((a, b))
    return merged


class Sums:
    """What is asked for and offered of these orders at any price, without adding them all up each time."""

    def __init__(self, orders):
        self.sides = []
        for buys in (True, False):
            side = sorted((o.price, o.quantity) for o in orders if o.buys is buys)
            self.sides.append(([price for price, _ in side], [0, *accumulate(units for _, units in side)]))

    def demand(self, price):
        prices, sums = self.sides[0]
        return sums[-1] - sums[bisect_left(prices, price)]

    def supply(self, price):
        prices, sums = self.sides[1]
        return sums[bisect_right(prices, price)]


def traded_at(loose, fussy, price, cap):
    """The most units that both sides can come to at a price, each order within its limit and its minimum; `loose`: the
    sums of the orders that take any number, `fussy`: the others."""
    sides = []
    for buys, any_number in ((True, loose.demand(price)), (False, loose.supply(price))):
        totals = [(0, any_number)]
        for order in (o for o in fussy if o.buys is buys and o.allows(price)):
            totals = with_one_more(totals, order, cap)
        sides.append(totals)
    return max(min(b, d) for a, b in sides[0] for c, d in sides[1] if max(a, c) <= min(b, d))


def candidates(book, tick):
    """Stretches of prices with their demand and supply, where both are something."""
    prices, rows, sums = sorted({o.price for o in book}), [], Sums(book)
    for price, following in zip(prices, [*prices[1:], None], strict=True):
        for low, high in ((price, price), (price + tick, (following or 0) - tick)):
            demand, supply = sums.demand(low), sums.supply(low)
            if low <= high and demand and supply:
                rows.append([low, high, demand, supply])
    return rows


def price_of(rows, volumes, rules):
    """The one price and the rule that decided; rows that the volume leaves are those with the most in `volumes`."""
    tick, k, reference = int(rules["tick_minor"]), rules["k_permille"], rules["reference_minor"]
    most = max(volumes)
    left = [(low, high, d - s) for (low, high, d, s), v in zip(rows, volumes, strict=True) if v == most]
    step, least = "volume", min(abs(over) for _, _, over in left)
    if len(left) > 1 or left[0][0] != left[0][1]:
        step, left = "imbalance", [row for row in left if abs(row[2]) == least]
    low, high = left[0][0], left[-1][1]

    def below(price):
        return max(a + (min(price, b) - a) // tick * tick for a, b, _ in left if a <= price)

    if low == high:
        return low, step, least
    if k is not None:
        return below(low + (high - low) * k // 1000 // tick * tick), "k_double", least
    if all(over > 0 for _, _, over in left):
        return high, "pressure", least
    if all(over < 0 for _, _, over in left):
        return low, "pressure", least
    if reference is not None:
        ends = {min(max(below(max(int(reference), a)), a) + d, b) for a, b, _ in left for d in (0, tick)}
        ends |= {a for a, _, _ in left} | {b for _, b, _ in left}
        closest = min(abs(p - int(reference)) for p in ends)
        near = sorted(p for p in ends if abs(p - int(reference)) == closest)
        if len(near) == 1:
            return near[0], "reference", least
        low, high = near[0], near[-1]
    return below((low + high) // 2), "midpoint", least


def share(wanted, rest):
    """`rest` in proportion, rounded down; what is over goes to the largest remainders, of equal ones to the earlier."""
    units = [q * rest // sum(wanted) for q in wanted]
    for i in sorted(range(len(wanted)), key=lambda i: (-(wanted[i] * rest % sum(wanted)), i))[: rest - sum(units)]:
        units[i] += 1
    return units


def fills(side, price, volume, pro_rata):
    """Units and reason of each order of one side by its number: priority first, as far as the volume can still be made."""
    able, later, answer = sorted((o for o in side if o.allows(price)), key=Order.rank), [[(0, 0)]], {}
    for order in reversed(able):
        later.append(with_one_more(later[-1], order, volume))
    rest = volume
    for order, behind in zip(able, later[-2::-1], strict=True):
        fewest = max(rest - order.quantity, 0)
        left = next((max(a, fewest) for a, b in behind if b >= fewest), rest + 1)
        answer[order.n] = rest - left if rest - left >= order.minimum else 0
        rest -= answer[order.n]
    hold(rest == 0, "the volume can't be made up")
    shared = set()
    levels = {}
    for order in able if pro_rata else ():
        levels.setdefault(order.price, []).append(order)
    for level in levels.values():
        equals = [o for o in level if o.minimum == 1]
        together, wanted = sum(answer[o.n] for o in equals), [o.quantity for o in equals]
        if 0 < together < sum(wanted):
            shared |= {o.n for o in equals}
            answer.update(zip((o.n for o in equals), share(wanted, together), strict=True))
    whys, behind = {}, False
    for order in reversed(able):
        units = answer[order.n]
        part = "made_room" if behind else "part_left" if units else "none_left"
        passed = "passed_over" if order.minimum > 1 and not units else part
        whys[order.n] = "filled" if units == order.quantity else "shared" if order.n in shared else passed
        behind = behind or units > 0
    return {o.n: (answer.get(o.n, 0), whys.get(o.n, "outside_limit")) for o in side}


def verify(data, key=None):
    """What the proof shows; ValueError with a sentence if anything in it is not genuine. `key`: the house's, if known."""
    proof = json.loads(data, object_pairs_hook=once)
    hold(isinstance(proof, dict) and proof.get("kind") == KIND, "this is no proof of a clearing")
    hold(set(proof) == MEMBERS and canonical(proof) == data.strip(), "the file is not written as the house writes it")
    check_signature(proof, key or proof["key"])
    everybody, rules = [Order(row) for row in proof["orders"]], proof["rules"]
    hold([o.n for o in everybody] == list(range(1, len(everybody) + 1)), "the orders are not in their order")
    hold(len({row["alias"] for row in proof["orders"]}) == len(everybody), "two orders have one alias")
    sums = Sums(everybody)
    curve = [
        {"price_minor": str(price), "demand": sums.demand(price), "supply": sums.supply(price)}
        for price in sorted({o.price for o in everybody})
    ]
    hold(proof["curve"] == curve, "the curve is not that of the orders")
    aside, book = ([o for o in everybody if (o.why == "set_aside") is is_aside] for is_aside in (True, False))
    earliest = min((o.n for o in aside), default=0)
    hold(all(o.minimum > 1 and o.units == 0 for o in aside), "an order without a minimum is set aside")
    hold(not aside or all(o.n < earliest for o in book if o.minimum > 1), "not the latest orders are set aside")
    rows = candidates(book, int(rules["tick_minor"]))
    cap, most, volumes = max((min(row[2:]) for row in rows), default=0), 0, {}
    loose, fussy = Sums([o for o in book if o.minimum == 1]), [o for o in book if o.minimum > 1]
    for row in sorted(rows, key=lambda row: -min(row[2:])):
        if min(row[2:]) >= most:
            volumes[row[0]] = traded_at(loose, fussy, row[0], cap)
            most = max(most, volumes[row[0]])
    volumes = [volumes.get(row[0], min(row[2:])) for row in rows]
    price, step, least = price_of(rows, volumes, rules) if most else (None, None, 0)
    shown = []
    for (low, high, demand, supply), volume in zip(rows, volumes, strict=True):
        gone = None if not most or low <= price <= high else step
        gone = "imbalance" if most and abs(demand - supply) > least else gone
        gone = "volume" if volume < most else gone
        ends = {"low_minor": str(low), "high_minor": str(high), "demand": demand, "supply": supply}
        shown.append({**ends, "volume": volume, "removed_by": gone})
    said = proof["price_minor"], proof["volume"], proof["decided_by"]
    hold(said == (price and str(price), most, step), f"by the rules it is {most} at {price}, decided by {step}")
    hold(proof["candidates"] == shown, "the candidate prices are not those of the orders")
    got = {o.n: (0, "no_price" if o.why != "set_aside" else "set_aside") for o in everybody}
    for buys in (True, False) if most else ():
        got |= fills([o for o in book if o.buys is buys], price, most, rules["rationing"] == "pro_rata")
    for order in everybody:
        hold(got[order.n] == (order.units, order.why), f"order {order.n} should have {got[order.n]}")
    pairs, sellers = [], [[o.n, o.units] for o in sorted((o for o in book if not o.buys and o.units), key=Order.rank)]
    sellers.reverse()  # the first of them stands at the end
    for order in sorted((o for o in book if o.buys), key=Order.rank):
        wanted = order.units
        while wanted:
            units = min(wanted, sellers[-1][1])
            pairs.append({"supply": sellers[-1][0], "demand": order.n, "units": units})
            wanted, sellers[-1][1] = wanted - units, sellers[-1][1] - units
            if not sellers[-1][1]:
                sellers.pop()
    hold(proof["trades"] == pairs, "the trades are not the fills laid beside each other")
    return {
        "board": proof["board"],
        "clearing": proof["n"],
        "at": proof["at"],
        "goods": f"{proof['category']} {proof['term']}",
        "price_minor": proof["price_minor"] and f"{proof['currency']} {proof['price_minor']}",
        "volume": f"{proof['volume']} {proof['unit']}",
        "decided_by": step,
        "orders": len(everybody),
        "trades": len(pairs),
        "key": proof["key"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--key", help="the house's public key as you noted it")
    given = parser.parse_args()
    try:
        with open(given.file, "rb") as file:
            found = verify(file.read(), given.key)
    except Exception as fault:
        print("NOT GENUINE:", fault)
        return 1
    print("GENUINE")
    for name, value in found.items():
        print(f"  {name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
