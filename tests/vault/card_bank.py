"""A bank of a few lines that shows a key for payments and opens what is sealed to it; a test may give it another key."""

from __future__ import annotations

import asyncio
import json
from typing import Self

from escrow import dual_signature, envelopes
from escrow.dual_signature import Flaw, PaymentInfo, PreparedPayment
from escrow.vault_wire import base64url


class KeyBank:
    def __init__(self) -> None:
        self.key = envelopes.new_key()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def open(self, prepared: PreparedPayment) -> PaymentInfo | Flaw | None:
        """What the bank makes of a payment: its own half, judged; None if it can't open the envelope."""
        payment = envelopes.open_payment({self.key.key_id: self.key}, prepared.envelope, prepared.order_digest)
        if payment is None:
            return None
        return dual_signature.judge_payment(
            payment,
            order_digest=prepared.order_digest,
            signature=prepared.signature,
            public_key=prepared.public_key,
        )

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"key_id": self.key.key_id, "point": base64url(self.key.point)}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
        writer.write(head + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
