"""Bugs to plant: at least one for each invariant of bidding and of money, each a change of a line or two, with the test that must see it.

A test is a pytest node, or `simulate FIRST COUNT`: so many simulated auctions from a seed on.
"""

from __future__ import annotations

from msgspec import Struct


class Mutant(Struct, frozen=True):
    """`before` stands exactly once in `file`, and is replaced by `after`. `is_quick` ones are planted in every run."""

    name: str
    invariant: int
    file: str
    before: str
    after: str
    test: str
    is_quick: bool = False


SIMULATE = "simulate 0 1600"
ENGLISH = "auction/formats/english.py"
GROUP_COMMIT = "auction/group_commit.py"

MUTANTS = (
    Mutant(
        "bids are answered before they are committed",
        1,
        GROUP_COMMIT,
        "        return judged, await store.commit_batch(statement, judged)\n",
        "        for result in judged:\n"
        "            self._answered(result.answers)\n"
        "        return judged, await store.commit_batch(statement, judged)\n",
        SIMULATE,
        is_quick=True,
    ),
    Mutant(
        "after a lost connection a batch is judged anew without asking what had been decided",
        2,
        GROUP_COMMIT,
        "        first = await store.first_answers(conn, keys) if keys else {}\n",
        "        first: dict[BidKey, Answer] = {}\n",
        SIMULATE,
    ),
    Mutant(
        "an id that was used for something else gets the first answer",
        2,
        GROUP_COMMIT,
        "    return first if same_request(bid, first) else",
        "    return first if True else",
        "tests/auction/test_idempotency.py::test_an_id_used_for_something_else_is_refused_by_name",
    ),
    Mutant(
        "of two equal amounts the later one leads",
        3,
        ENGLISH,
        "    if amount > maximum:\n        return _overtake(lot, standing, bid)\n",
        "    if amount >= maximum:\n        return _overtake(lot, standing, bid)\n",
        SIMULATE,
        is_quick=True,
    ),
    Mutant(
        "a bid at the very instant of the end is in time",
        4,
        ENGLISH,
        "phase is DECIDED or (paused_at is None and at >= standing.ends_at):",
        "phase is DECIDED or (paused_at is None and at > standing.ends_at):",
        "tests/auction/test_english_time.py",
        is_quick=True,
    ),
    Mutant(
        "bids received before the end are judged after the close",
        4,
        "auction/bidding.py",
        "        if not in_flight or self._is_stopping:\n",
        "        if True:\n",
        "tests/auction/test_closings.py::test_a_bid_received_before_the_end_and_queued_after_it_is_in",
    ),
    Mutant(
        "a lot that another node has moved on is answered for all the same",
        5,
        GROUP_COMMIT,
        "            if lot_id in held:\n                settle(result)\n",
        "            if lot_id in held or not result.is_changed:\n                settle(result)\n",
        SIMULATE,
    ),
    Mutant(
        "an extension adds to the end instead of counting from the bid",
        6,
        ENGLISH,
        "    reset_to, cap_at = at + timedelta(seconds=seconds), rule.cap_at\n",
        "    reset_to, cap_at = standing.ends_at + timedelta(seconds=seconds), rule.cap_at\n",
        SIMULATE,
    ),
    Mutant(
        "an extension is a second too short",
        6,
        ENGLISH,
        "    reset_to, cap_at = at + timedelta(seconds=seconds), rule.cap_at\n",
        "    reset_to, cap_at = at + timedelta(seconds=seconds - 1), rule.cap_at\n",
        "tests/auction/test_english_model.py",
    ),
    Mutant(
        "a refused bid leaves a trace in the standing",
        7,
        "auction/batch.py",
        "        if isinstance(verdict, Refused):\n",
        "        if isinstance(verdict, Refused):\n"
        "            standing = replace(standing, extension_count=standing.extension_count + 1)\n",
        SIMULATE,
    ),
    Mutant(
        "seq leaves a number out at the close",
        8,
        "auction/chain.py",
        "    seq, price, leader_id = standing.seq + 1, standing.price_minor, standing.leader_id\n",
        "    seq, price, leader_id = standing.seq + 1, standing.price_minor, standing.leader_id\n"
        "    seq += kind is EventKind.CLOSED\n",
        "tests/auction/test_closings.py::test_a_lot_closes_at_its_end_and_the_hammer_names_the_winner",
    ),
    Mutant(
        "a room that was read anew is joined to old rows over a gap",
        9,
        GROUP_COMMIT,
        "known.standing.seq + len(room.recent) == room.standing.seq:",
        "known.standing.seq + len(room.recent) <= room.standing.seq:",
        "simulate 2000 3200",
    ),
    Mutant(
        "what another node has done is not shown here",
        9,
        GROUP_COMMIT,
        "            self._moved(self._rooms.keep(room))\n        for lot_id in missing:\n",
        "            self._rooms.keep(room)\n        for lot_id in missing:\n",
        "tests/torture/test_two_nodes.py::test_a_lot_that_another_node_has_ended_is_shown_as_ended_here",
    ),
    Mutant(
        "a lot below its reserve is given to the leader",
        10,
        "auction/closings.py",
        "    sold = closed.outcome is Outcome.SOLD and",
        "    sold = True and",
        SIMULATE,
    ),
    Mutant(
        "a lot is closed and the trading centre is told afterwards",
        10,
        "auction/bidding.py",
        "                room = await close_lot(conn, lot_id, now, self._on_hammer)\n",
        "                room = await close_lot(conn, lot_id, now, lambda *_: asyncio.sleep(0))\n",
        SIMULATE,
    ),
    Mutant(
        "a lot of sealed bids shows how many there are",
        19,
        "auction/formats/hidden.py",
        '    return standing.seq - hidden, b""\n',
        '    return standing.seq, b""\n',
        "tests/auction/test_sealed_rules.py::test_a_bid_that_stands_changes_nothing_that_anybody_sees",
    ),
    Mutant(
        "of two equal sealed sums the later one wins",
        3,
        "auction/formats/sealed.py",
        "key=lambda bid: (-int(bid.amount_minor), bid.seq)",
        "key=lambda bid: (-int(bid.amount_minor), -bid.seq)",
        SIMULATE,
    ),
    Mutant(
        "a later unit price is served before an equal earlier one",
        3,
        "auction/formats/clearing.py",
        "key=lambda offer: (-offer.price_minor, offer.seq))",
        "key=lambda offer: (-offer.price_minor, -offer.seq))",
        SIMULATE,
    ),
    Mutant(
        "a supplier who equals the best cost passes it",
        3,
        "auction/formats/reverse.py",
        "    place = bisect_right(others, offer.cost, key",
        "    from bisect import bisect_left\n\n    place = bisect_left(others, offer.cost, key",
        SIMULATE,
    ),
    Mutant(
        "a falling price falls on during an outage",
        28,
        "auction/formats/dutch.py",
        'event.kind in ("resumed", "credited")',
        'event.kind in ("resumed",)',
        SIMULATE,
    ),
    Mutant(
        "what a killed node has not told is not shown by the others",
        9,
        "auction/bidding.py",
        "                await self._catch_up()\n",
        "",
        "tests/auction/test_closings.py::test_what_a_killed_node_did_not_tell_is_shown_all_the_same",
    ),
    Mutant(
        "one officer less than agreed can open the sealed bids",
        19,
        "auction/secret_sharing.py",
        "    coefficients = [secret, *(random(len(secret)) for _ in range(threshold - 1))]\n",
        "    coefficients = [secret, *(random(len(secret)) for _ in range(threshold - 2))]\n",
        "tests/auction/test_sealed_sharing.py",
    ),
    Mutant(
        "a hash does not hang on the one before it",
        20,
        "auction/chain.py",
        "    head = sha256(standing.head + body).digest()\n",
        "    head = sha256(body).digest()\n",
        "tests/auction/test_bidding.py::test_every_event_is_chained_to_the_one_before",
    ),
    Mutant(
        "paddles are given out in the order of admission",
        23,
        "auction/desk.py",
        "    while (paddle := lowest + secrets.randbelow(9 * lowest)) in taken:\n        pass\n",
        "    paddle = lowest + len(taken)\n",
        "tests/torture/test_aliases.py",
    ),
    Mutant(
        "one who bids under several aliases has his own number in the log",
        23,
        "auction/chain.py",
        "tuple([PublicLine(str(line.amount_minor), line.automatic, paddles[line.party_id]) for line in lines]),",
        "tuple([PublicLine(str(line.amount_minor), line.automatic, line.party_id) for line in lines]),",
        "tests/torture/test_aliases.py",
    ),
    Mutant(
        "a slow watcher is sent every state",
        27,
        "auction/hub.py",
        "        if self.is_slow:\n            self.stale.add(lot_id)\n        else:\n            self.transport.write(frame)\n",
        "        self.transport.write(frame)\n",
        "tests/auction/test_hub.py::test_a_stuck_watcher_keeps_nobody_waiting_and_gets_the_newest_state_last",
    ),
    Mutant(
        "a step of the database's clock is followed",
        28,
        "auction/node_time.py",
        "        if self.stepped:\n",
        "        if self.stepped:\n            self._offset += difference\n",
        "tests/auction/test_node_time.py::test_a_step_of_the_databases_clock_is_not_followed_but_raises_the_alarm",
        is_quick=True,
    ),
    Mutant(
        "whoever comes second gives the time of an outage back once more",
        28,
        "auction/outages.py",
        "    if stopped_at is None or now - stopped_at <= SILENCE:\n",
        "    if stopped_at is None:\n",
        SIMULATE,
    ),
    Mutant(
        "a lot is closed in an outage that has not been made good",
        28,
        "auction/outages.py",
        "        if self._beaten_at is None or self._node_time.now() - self._beaten_at > SILENCE:\n",
        "        if self._beaten_at is None:\n",
        "tests/auction/test_outages.py::test_a_hammer_under_which_the_database_stood_still_is_taken_back",
    ),
    Mutant(
        "money may move between accounts of two currencies",
        11,
        "migrations/0019_claims.sql",
        "  add constraint transfer_credit_account foreign key (credit, currency, credit_mode)\n"
        "    references escrow.account (id, currency, mode);\n",
        "  add constraint transfer_credit_account foreign key (credit) references escrow.account (id);\n",
        "tests/escrow/test_ledger_attack.py::test_a_transfer_between_currencies_is_refused",
    ),
    Mutant(
        "an account may be overdrawn",
        12,
        "migrations/0003_ledger.sql",
        "  constraint balance_not_below_zero check (balance >= 0),\n",
        "",
        "tests/escrow/test_ledger_attack.py::test_taking_more_than_there_is_is_refused",
    ),
    Mutant(
        "a case is judged without being locked",
        13,
        "escrow/store.py",
        "    await conn.execute(_queries.lock_case, case_id)\n",
        "",
        "tests/escrow/test_races.py::test_racing_ends_pay_once_and_every_snapshot_meanwhile_is_a_true_book",
    ),
    Mutant(
        "a posting gets at what is claimed",
        13,
        "migrations/0019_claims.sql",
        "             where b.balance < c.amount_minor) then\n",
        "             where b.balance < 0) then\n",
        "tests/escrow/test_claims.py::test_no_posting_gets_at_what_is_claimed_however_it_comes",
    ),
    Mutant(
        "a payout of a sale may be queued while a claim on it is open",
        13,
        "migrations/0019_claims.sql",
        "(case when purpose = 'sale' then true end)",
        "(case when purpose = 'sale' then null::boolean end)",
        "tests/escrow/test_claims.py::test_by_constraint_nothing_of_a_claimed_case_is_released_or_paid_out",
    ),
    Mutant(
        "what was released before its claim ended still counts as held",
        14,
        "escrow/moves.py",
        "            undisputed_minor=parts.seller_minor + parts.house_minor,\n",
        "            undisputed_minor=parts.seller_minor,\n",
        "tests/escrow/test_lives.py",
    ),
    Mutant(
        "whoever handles a claim may arbitrate it",
        15,
        "escrow/guards.py",
        "    return Refusal.ARBITER_IS_HANDLER if claim.arbiter_id == claim.handler_id else None\n",
        "    return None\n",
        "tests/escrow/test_rules.py::test_a_guard_of_a_dispute_refuses_by_name",
        is_quick=True,
    ),
    Mutant(
        "a return is confirmed before anything was sent back",
        15,
        "escrow/case_table.py",
        "        guard=all_of(guards.was_sent_back, guards.clock_has_run_out),\n",
        "        guard=guards.clock_has_run_out,\n",
        "tests/escrow/test_rules.py::test_a_guard_of_a_dispute_refuses_by_name",
    ),
    Mutant(
        "ship is told before the money is held",
        16,
        "escrow/moves.py",
        '        await self.post(conn, case, f"case_{request.action}", actor, step.legs, now)\n',
        "        await self.hooks.on_case_changed(conn, after, CaseEvent(case_id=case.id, n=1, at=now, actor=Role.HOUSE,"
        " actor_id=None, action=request.action, from_state=case.state, to_state=after.state))\n"
        '        await self.post(conn, case, f"case_{request.action}", actor, step.legs, now)\n',
        "tests/escrow/test_races.py::test_racing_ends_pay_once_and_every_snapshot_meanwhile_is_a_true_book",
    ),
    Mutant(
        "a refund leaves the fees as they were",
        17,
        "escrow/postings.py",
        "    price, back = case.own_minor, buyer_minor\n",
        "    price, back = case.own_minor, 0\n",
        "tests/escrow/test_rules.py::test_partial_refunds_unwind_each_fee_by_the_formula_and_lose_nothing",
        is_quick=True,
    ),
    Mutant(
        "each part of a split sale rounds its fees for itself",
        17,
        "escrow/postings.py",
        "    return unwound(fee_minor, price_minor, price_minor - before_minor - amount_minor) - unwound(\n"
        "        fee_minor, price_minor, price_minor - before_minor\n"
        "    )\n",
        "    return unwound(fee_minor, price_minor, price_minor - amount_minor)\n",
        "tests/escrow/test_rules.py::test_the_fees_of_the_parts_are_exactly_the_fees_of_the_whole",
    ),
    Mutant(
        "the vault notes the text of an error, whatever was in it",
        21,
        "escrow/vault/door.py",
        "operation=name, error=type(error).__name__, at=place_of(error)",
        "operation=name, error=repr(error), at=place_of(error)",
        "tests/vault/test_door.py::test_what_fails_inside_is_logged_by_place_and_never_by_content",
    ),
    Mutant(
        "the vault prints a card that is put in",
        21,
        "escrow/vault/card_box.py",
        "    if isinstance(label, VaultRefusal):\n        return label\n    async with room.pool.acquire() as conn, conn.transaction():\n"
        "        if await store.wallet_for_update",
        "    if isinstance(label, VaultRefusal):\n        return label\n    print(card.number, flush=True)\n"
        "    async with room.pool.acquire() as conn, conn.transaction():\n        if await store.wallet_for_update",
        "tests/vault/test_house.py::test_no_card_and_no_passphrase_is_anywhere_but_in_vault_and_bank",
    ),
    Mutant(
        "an unlocked wallet is open to every session of its party",
        21,
        "escrow/vault/unlocked.py",
        " or found.session_key != handle.session_key:",
        ":",
        "tests/vault/test_wallets.py::test_a_handle_is_good_for_its_party_in_its_session_alone",
    ),
    Mutant(
        "a try of a passphrase is not counted before it is made",
        21,
        "escrow/vault/trying.py",
        "            await store.count_try(conn, wallet.id, wrong, blocked)\n",
        "",
        "tests/vault/test_wallets.py::test_many_wrong_tries_at_once_are_each_counted",
    ),
    Mutant(
        "a payment is signed as often as it is asked for",
        21,
        "escrow/vault/signing.py",
        "        if not await store.note_signed_payment(conn, handle.party_id, card_id, prepared, now):\n",
        "        if not await store.note_signed_payment(conn, handle.party_id, card_id, prepared, now) and False:\n",
        "tests/vault/test_wallets.py::test_of_one_payment_prepared_twice_at_once_one_is_signed",
    ),
    Mutant(
        "one half of a dual signature is taken for the other's word",
        21,
        "escrow/dual_signature.py",
        "    if not is_signed(link, signature, public_key):\n",
        "    if len(signature) != 64:\n",
        "tests/vault/test_dual_signature.py",
        is_quick=True,
    ),
)
