"""Buyers and sellers who trade through the API of a house that is killed under them, as a careful program does it: each wish has
an id of its own, what was not answered is asked again under the same id, and what was answered is written down.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from escrow import envelopes
from escrow.vault_wire import from_base64url
from market import one_time_codes

PHRASE = "seven lanterns over a wet quay"
CARDS = ("4111111111111111", "4242424242424242", "6200000000000005")
DECLINED = "4000000000000002"
MEANS = ("card", "card", "cash", "phone", "transfer")
ASIDE_MINOR = 4_321
"""What a buyer now and then puts into his wallet and takes out again."""


@dataclass
class Acknowledged:
    """What the house has said that it has done; none of it may be lost."""

    paid: dict[int, str] = field(default_factory=dict)
    """Case → means."""
    released: set[int] = field(default_factory=set)
    topped_up: list[tuple[int, int, list[str]]] = field(default_factory=list)
    """Party, sum, and the payment ids that were tried: one of them has paid."""
    charged: dict[str, int] = field(default_factory=dict)
    """Payment id → sum, by the house's own answer."""
    withdrawn: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Payout → party, sum."""
    asked_again: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return len(self.paid) + len(self.released) + len(self.charged) + len(self.withdrawn)


class Trader:
    """One party's program."""

    def __init__(self, http: httpx2.AsyncClient, party: int, token: str, told: Acknowledged, seed: str) -> None:
        self.http, self.party, self.told = http, party, told
        self.chance = random.Random(seed)
        self._headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        self._wishes = 0

    def new_key(self) -> str:
        self._wishes += 1
        return f"{self.party}-{self._wishes}"

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> httpx2.Response:
        """Until there is an answer; the same wish each time."""
        headers = {**self._headers, "idempotency-key": key or self.new_key()}
        while True:
            try:
                answer = await self.http.request(method, f"/api/v1{path}", headers=headers, json=body)
            except httpx2.HTTPError as error:
                self.told.asked_again[type(error).__name__] += 1
            else:
                if answer.status_code < 500:
                    return answer
                self.told.asked_again[str(answer.status_code)] += 1
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))

    async def done(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """What must not be refused."""
        answer = await self.ask(method, path, body, key)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json()


class Buyer(Trader):
    """Has a wallet with cards, a phone and an account at the bank."""

    def __init__(self, *args: Any, bank: httpx2.AsyncClient, codes: bytes) -> None:
        super().__init__(*args)
        self._bank, self._codes = bank, codes
        self._code_step = int(time.time()) // one_time_codes.STEP_SECONDS
        self._handle = ""
        self._cards: list[int] = []
        self._vault: dict[str, Any] = {}

    async def trade(self, seller: Trader, stop: asyncio.Event) -> None:
        """Pay for every deal that waits, and see it to its end; until `stop` is set and none waits."""
        await self._unlock()
        for number in (*CARDS, DECLINED):
            await self._add(number)
        self._cards = [each["id"] for each in (await self.done("GET", "/wallet/vault"))["cards"]]
        while True:
            found = (await self.done("GET", "/deals?role=buyer&state=awaiting_payment"))["items"]
            if found:
                await self._see_to_its_end(self.chance.choice(found)["case_id"], seller)
            elif stop.is_set():
                return
            else:
                await asyncio.sleep(0.1)

    async def _see_to_its_end(self, case_id: int, seller: Trader) -> None:
        means = self.chance.choice(MEANS)
        self.told.paid[case_id] = await self._pay(case_id, means)
        deal = await self.done("GET", f"/deals/{case_id}")
        assert deal["state"] != "awaiting_payment", f"paid by {means}, but {deal['state']}"
        await seller.done(
            "POST",
            f"/deals/{case_id}/shipment",
            {"carrier": "SF", "tracking_number": f"SF{case_id}"},
            f"ship-{case_id}",
        )
        await self.done("POST", f"/deals/{case_id}/receipt", key=f"receive-{case_id}")
        await self.done("POST", f"/deals/{case_id}/confirmation", {"passphrase": PHRASE}, f"confirm-{case_id}")
        self.told.released.add(case_id)
        if self.chance.random() < 0.5:
            await self._top_up(ASIDE_MINOR)
            wish = {"amount_minor": ASIDE_MINOR, "currency": "CNY"}
            payout = await self.done("POST", "/wallet/withdrawals", wish)
            self.told.withdrawn[payout["id"]] = (self.party, ASIDE_MINOR)

    async def _pay(self, case_id: int, means: str) -> str:
        """By this means, or by card where that is not to be had."""
        due = int((await self.done("GET", f"/deals/{case_id}"))["payment"]["due_minor"])
        match means:
            case "cash":
                await self._top_up(due)
                await self.done("POST", f"/deals/{case_id}/payment", key=f"pay-{case_id}")
                return "cash"
            case "transfer":
                await self._transfer(case_id, due)
                return "transfer"
            case "phone" if await self._by_phone(case_id):
                return "phone"
        await self._charge(f"/deals/{case_id}/card-payments", {}, due, case_id)
        return "card"

    # Cards

    async def _top_up(self, amount_minor: int) -> None:
        wish = {"amount_minor": amount_minor, "currency": "CNY"}
        tried = await self._charge("/wallet/top-ups", wish, amount_minor)
        self.told.topped_up.append((self.party, amount_minor, tried))

    async def _charge(self, path: str, wish: dict[str, Any], amount_minor: int, case_id: int = 0) -> list[str]:
        """By one card after another until one has paid; the ids under which it was tried."""
        tried = []
        while True:
            tried.append(f"{self.chance.getrandbits(128):032x}")
            outcome = await self._press(path, wish, tried[-1])
            if outcome == "paid":
                self.told.charged[tried[-1]] = amount_minor
                return tried
            if case_id and (await self.done("GET", f"/deals/{case_id}"))["state"] != "awaiting_payment":
                return tried  # an earlier try of ours had paid after all
            await asyncio.sleep(0.05)

    async def _press(self, path: str, wish: dict[str, Any], payment_id: str) -> str:
        card_id = self.chance.choice(self._cards)
        while True:
            body = {"handle": self._handle, "card_id": card_id, "payment_id": payment_id, **wish}
            answer = await self.ask("POST", path, body)
            if answer.is_success:
                return await self._outcome(answer.json())
            code = answer.json()["code"]
            if code == "wallet_locked":
                await self._unlock()
                continue
            known = await self.ask("GET", f"/wallet/card-payments/{payment_id}")
            if known.is_success:
                return await self._outcome(known.json())
            allowed = ("payment_id_used", "payment_running", "not_awaited", "bank_key_unknown")
            assert code in allowed, answer.text
            return str(code)

    async def _outcome(self, payment: dict[str, Any]) -> str:
        while payment["outcome"] == "pending":
            await asyncio.sleep(0.1)
            payment = await self.done("GET", f"/wallet/card-payments/{payment['id']}")
        return str(payment["outcome"])

    # The phone

    async def _by_phone(self, case_id: int) -> bool:
        """Whether a request to the phone has paid; a code is good once, so there is one in each half minute."""
        step = int(time.time()) // one_time_codes.STEP_SECONDS
        if step <= self._code_step:
            return False
        self._code_step = step
        asked = await self._ask_phone(case_id)
        if asked is None:
            return False
        code = one_time_codes.code_at(self._codes, time.time())
        confirmed = await self.ask("POST", f"/phone-requests/{asked}/confirmation", {"code": code})
        request = await self.done("GET", f"/phone-requests/{asked}")
        if request["state"] == "requested":
            assert confirmed.json()["code"] in ("proof_wrong", "too_many_tries"), confirmed.text
            await self.ask("POST", f"/phone-requests/{asked}/refusal")
        while True:
            state = (await self.done("GET", f"/phone-requests/{asked}"))["state"]
            if state not in ("requested", "confirmed"):
                return bool(state == "captured")
            await asyncio.sleep(0.2)

    async def _ask_phone(self, case_id: int) -> int | None:
        while True:
            wish = {"handle": self._handle, "card_id": self._cards[0]}
            answer = await self.ask("POST", f"/deals/{case_id}/phone-requests", wish)
            if answer.is_success:
                return int(answer.json()["id"])
            code = answer.json()["code"]
            if code == "wallet_locked":
                await self._unlock()
                continue
            assert code in ("phone_busy", "payment_running", "not_awaited"), answer.text
            mine = await self.done("GET", "/phone-requests")
            return next((each["id"] for each in mine if each["case_id"] == case_id), None)

    # The bank

    async def _transfer(self, case_id: int, amount_minor: int) -> None:
        payment = (await self.done("GET", f"/deals/{case_id}"))["payment"]
        body = {
            "from_name": "Wang Xiu",
            "currency": "CNY",
            "amount_minor": str(amount_minor),
            "reference": payment["reference"],
        }
        await at_the_bank(self._bank, "/api/transfers", body, key=f"deal-{case_id}")
        while True:
            if (await self.done("GET", f"/deals/{case_id}"))["state"] != "awaiting_payment":
                return
            await asyncio.sleep(0.2)

    # The wallet

    async def _unlock(self) -> None:
        while True:
            self._vault = await self.done("GET", "/wallet/vault")
            exists = self._vault["exists"]
            line = self._seal("unlock" if exists else "open_wallet", {"passphrase": PHRASE})
            answer = await self.ask("POST", "/wallet/vault/unlocking" if exists else "/wallet/vault", {"sealed": line})
            if answer.is_success:
                self._handle = answer.json()["handle"]
                return
            assert answer.json()["code"] in ("wallet_exists", "sealed_used", "sealed_stale", "vault_busy"), answer.text

    async def _add(self, number: str) -> None:
        card = {"number": number, "expiry_month": "12", "expiry_year": "2031", "holder": "WANG XIU"}
        while True:
            line = self._seal("add_card", card)
            answer = await self.ask("POST", "/wallet/cards", {"handle": self._handle, "sealed": line})
            if answer.is_success or answer.json()["code"] == "card_known":
                return
            assert answer.json()["code"] in ("wallet_locked", "sealed_used", "sealed_stale"), answer.text
            await self._unlock()

    def _seal(self, purpose: str, content: dict[str, str]) -> str:
        point = from_base64url(self._vault["point"])
        at_ms = int(time.time() * 1000)
        return envelopes.seal_for_vault(self._vault["key_id"], point, purpose, self.party, at_ms, content)


async def at_the_bank(bank: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str = "") -> Any:
    """Asked until the bank answers."""
    while True:
        try:
            answer = await bank.post(path, json=body, headers={"idempotency-key": key} if key else {})
            if answer.status_code < 500:
                assert answer.is_success, answer.text
                return answer.json()
        except httpx2.HTTPError:
            pass
        await asyncio.sleep(0.1)
