"""The two ways in which a buyer uses his wallet: by the pages' forms in a browser, and by a program of his own.

Each says in one word what came of a press: paid, declined, waiting, or the name of a refusal.
"""

from __future__ import annotations

import asyncio
import re
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from escrow import envelopes
from escrow.vault_wire import from_base64url
from market import sessions, tokens, wallet_sessions
from market.rendering import FLASH_COOKIE
from tests.canary.scene import Browser, Program

if TYPE_CHECKING:
    from tests.canary.numbers import Canary
    from tests.canary.scene import Scene

_KEY = re.compile(r'<vault-form [^>]*key-id="([0-9a-f]+)" point="([A-Za-z0-9_-]+)"')
_CARD = re.compile(r"/wallet/manager/cards/([0-9]+)/remove")
_PAYMENT = re.compile(r"/wallet/card-payments/[0-9a-f]{32}$")
MANAGER = "/wallet/manager"


class Buyer(Protocol):
    """A party with a wallet of his own."""

    party: int

    async def open(self, phrase: str) -> None: ...
    async def add(self, card: Canary, **typed: str) -> str:
        """`typed` instead of what stands on the card. "" or the refusal."""
        ...

    async def cards(self) -> list[str]: ...
    async def remove(self, card_id: str) -> None: ...
    async def pay_deal(self, case_id: int, card_id: str) -> str: ...
    async def pay_deposit(self, deposit_id: int, card_id: str) -> str: ...
    async def top_up(self, card_id: str, into: str) -> str: ...
    async def pay_by_phone(self, case_id: int, card_id: str, code: str) -> str: ...
    async def leave(self, phrase: str, new_phrase: str) -> None:
        """Another passphrase, and the wallet locked."""
        ...


class ByPage(Browser):
    """By the forms of the pages, sealed as their script seals them."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._vault_key: tuple[str, str] | None = None

    @classmethod
    async def of(cls, scene: Scene, party: int) -> ByPage:
        async with scene.pool.acquire() as conn:
            token = await sessions.sign_in(conn, party, datetime.now(UTC))
        return cls(scene.http, scene.journal, "buyer", party, token)

    async def open(self, phrase: str) -> None:
        opened = await self._sealed("open_wallet", f"{MANAGER}/open", {"passphrase": phrase})
        assert opened.status_code == 303 and wallet_sessions.COOKIE in opened.headers["set-cookie"], opened.text

    async def add(self, card: Canary, **typed: str) -> str:
        done = await self._sealed("add_card", f"{MANAGER}/cards", {**written(card), **typed})
        assert done.status_code == 303, done.text
        return "" if b"purse.card_added" in _flash(done) else "refused"

    async def cards(self) -> list[str]:
        return list(dict.fromkeys(_CARD.findall((await self.get(MANAGER)).text)))

    async def remove(self, card_id: str) -> None:
        assert (await self.post(f"{MANAGER}/cards/{card_id}/remove", {})).status_code == 303

    async def pay_deal(self, case_id: int, card_id: str) -> str:
        pressed = await self.post(f"/deals/{case_id}/checkout", {"means": f"card:{card_id}"})
        to = pressed.headers.get("location", "")
        if not to:
            return "refused"
        await self.get(to)
        return "paid" if to.endswith("-receipt") else "declined"

    async def pay_deposit(self, deposit_id: int, card_id: str) -> str:
        return await self._went(await self.post(f"/deposits/{deposit_id}/checkout", {"means": f"card:{card_id}"}))

    async def top_up(self, card_id: str, into: str) -> str:
        wish = {"amount": "12", "currency": "CNY", "into": into, "means": f"card:{card_id}"}
        return await self._went(await self.post("/wallet/top-up", wish))

    async def pay_by_phone(self, case_id: int, card_id: str, code: str) -> str:
        await self.post(f"/deals/{case_id}/checkout", {"means": f"card:{card_id}", "how": "phone"})
        found = re.search(r"/phone/([0-9]+)", (await self.get("/phone")).text)
        assert found is not None
        done = await self.post(f"/phone/{found[1]}/confirm", {"code": code})
        await self.get(f"/phone/{found[1]}")
        state = (await self.get(f"/deals/{case_id}/checkout")).headers.get("location", "")
        return "paid" if done.status_code == 303 and state.endswith("-receipt") else "declined"

    async def leave(self, phrase: str, new_phrase: str) -> None:
        said = {"passphrase": phrase, "new_passphrase": new_phrase}
        await self._sealed("change_passphrase", f"{MANAGER}/passphrase", said)
        await self.post("/wallet/lock", {})

    async def _went(self, pressed: Any) -> str:
        """What the page says to which the press led."""
        to = pressed.headers.get("location", "")
        if not _PAYMENT.search(to):
            return "refused"
        state = (await self.get(to)).text
        version = (await self.get(f"{to}/state")).json()["version"]
        assert state
        return {"captured": "paid", "declined": "declined", "reversed": "declined"}.get(version, "waiting")

    async def _sealed(self, purpose: str, path: str, content: dict[str, str]) -> Any:
        if self._vault_key is None:
            found = _KEY.search((await self.get(MANAGER)).text)
            assert found is not None
            self._vault_key = found[1], found[2]
        key_id, point = self._vault_key
        line = envelopes.seal_for_vault(key_id, from_base64url(point), purpose, self.party, _now_ms(), content)
        return await self.post(path, {"sealed": line, "next": MANAGER})


class ByProgram(Program):
    """By the API."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._vault: dict[str, Any] = {}
        self._handle = ""

    @classmethod
    async def of(cls, scene: Scene, party: int) -> ByProgram:
        async with scene.pool.acquire() as conn:
            token = await tokens.create_token(conn, party, "wallet", datetime.now(UTC))
        return cls(scene.http, scene.journal, "buyer's program", party, token)

    async def open(self, phrase: str) -> None:
        self._vault = (await self.ask("GET", "/wallet/vault")).json()
        opened = await self.ask("POST", "/wallet/vault", {"sealed": self._seal("open_wallet", {"passphrase": phrase})})
        self._handle = opened.json()["handle"]

    async def add(self, card: Canary, **typed: str) -> str:
        line = self._seal("add_card", {**written(card), **typed})
        done = await self.ask("POST", "/wallet/cards", {"handle": self._handle, "sealed": line})
        return "" if done.is_success else "refused"

    async def cards(self) -> list[str]:
        return [str(each["id"]) for each in (await self.ask("GET", "/wallet/vault")).json()["cards"]]

    async def remove(self, card_id: str) -> None:
        removed = await self.ask("POST", f"/wallet/cards/{card_id}/removal", {"handle": self._handle})
        assert removed.is_success, removed.text

    async def pay_deal(self, case_id: int, card_id: str) -> str:
        return await self._pressed(f"/deals/{case_id}/card-payments", card_id)

    async def pay_deposit(self, deposit_id: int, card_id: str) -> str:
        return await self._pressed(f"/deposits/{deposit_id}/card-payments", card_id)

    async def top_up(self, card_id: str, into: str) -> str:
        return await self._pressed("/wallet/top-ups", card_id, amount_minor="1200", currency="CNY", into=into)

    async def pay_by_phone(self, case_id: int, card_id: str, code: str) -> str:
        wish = {"handle": self._handle, "card_id": int(card_id)}
        asked = await self.ask("POST", f"/deals/{case_id}/phone-requests", wish)
        assert asked.is_success, asked.text
        path = f"/phone-requests/{asked.json()['id']}"
        await self.ask("POST", f"{path}/confirmation", {"code": code})
        state: str = (await self.ask("GET", path)).json()["state"]
        return "paid" if state == "captured" else state

    async def leave(self, phrase: str, new_phrase: str) -> None:
        said = {"passphrase": phrase, "new_passphrase": new_phrase}
        await self.ask("PUT", "/wallet/vault/passphrase", {"sealed": self._seal("change_passphrase", said)})
        await self.ask("POST", "/wallet/vault/locking", {"handle": self._handle})

    async def _pressed(self, path: str, card_id: str, **more: str) -> str:
        done = await self.ask("POST", path, {"handle": self._handle, "card_id": int(card_id), **more})
        if not done.is_success:
            return str(done.json()["code"])
        payment = done.json()
        while payment["outcome"] == "pending":
            await asyncio.sleep(0.1)
            payment = (await self.ask("GET", f"/wallet/card-payments/{payment['id']}")).json()
        return "paid" if payment["outcome"] == "paid" else "declined"

    def _seal(self, purpose: str, content: dict[str, str]) -> str:
        point = from_base64url(self._vault["point"])
        return envelopes.seal_for_vault(self._vault["key_id"], point, purpose, self.party, _now_ms(), content)


def written(card: Canary) -> dict[str, str]:
    """What stands on it, the number four by four as people type it."""
    year, month = card.expiry.split("-")
    spaced = " ".join(card.number[at : at + 4] for at in range(0, len(card.number), 4))
    return {"number": spaced, "expiry_month": month, "expiry_year": year, "holder": card.holder, "label": "mine"}


def _flash(answer: Any) -> bytes:
    """The sentence that an answer leaves for the next page."""
    cookies = answer.headers.get_list("set-cookie")
    said = next((each.split("=", 1)[1].split(";")[0] for each in cookies if each.startswith(f"{FLASH_COOKIE}=")), "")
    return urlsafe_b64decode(said.strip('"'))


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
