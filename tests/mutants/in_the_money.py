"""Bugs to plant in ledger, escrow, wallet and vault: at least one for each of their invariants."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

IN_THE_MONEY = (
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
        "each run of lines in the book is taken for an operation of its own",
        20,
        "escrow/queries/sealed_book.sql",
        "order by first.seq, t.n;\n",
        "order by t.seq;\n",
        "tests/torture/test_mixed_postings.py",
    ),
    Mutant(
        "the bank is asked to capture again under another id",
        13,
        "escrow/card_payments.py",
        "            payment_id=payment.id,\n            currency=payment.currency,\n            amount_minor=payment.amount_minor,\n"
        "            at=self._now(),\n",
        "            payment_id=payment.id if due.attempts < 2 else payment.id[::-1],\n            currency=payment.currency,\n"
        "            amount_minor=payment.amount_minor,\n            at=self._now(),\n",
        "tests/torture/test_money.py",
    ),
    Mutant(
        "a card's number in clear is let in",
        21,
        "market/card_guard.py",
        "    if _ROW.search(body) and any(\n",
        "    if not body and any(\n",
        "tests/canary/test_card_guard.py",
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
