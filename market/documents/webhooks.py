"""The way to a partner's webhook: one signed POST (Standard Webhooks) to an address that was looked up and judged first.

A partner chooses where the house connects to, so the name is resolved once, every address it stands for must be a public
one, and the connection goes to that very address: a name that changes its mind between question and connection gains
nothing. No redirect is followed, and of the answer no more is read than an acknowledgement needs.

UnreachableError       the partner was not reached; the message says why, in words for the partner
└── NotTakenError      it was reached and did not take the document; and may have said for how long it wants none
"""

from __future__ import annotations

import asyncio
import socket
from base64 import b64decode, b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from hmac import digest
from ipaddress import IPv4Address, IPv6Address, ip_address
from ssl import SSLError
from urllib.parse import urlsplit

import httpx2

from escrow.certificates import trusted
from market.documents.store import Format, Partner

TIMEOUT_SECONDS = 15.0
LARGEST_ANSWER = 256 * 1024
LONGEST_URL = 500
LOOKUPS = 16
"""So many names are looked up at once, in threads of their own: one that nobody answers for holds up nothing else."""
MEDIA_TYPES = {Format.EDIFACT: "application/edifact; charset=iso-8859-1", Format.UBL: "application/xml; charset=utf-8"}


LONGEST_RETRY_AFTER = timedelta(hours=24)


class UnreachableError(Exception):
    """Not taken this time."""


class NotTakenError(UnreachableError):
    """The partner answered that it does not take it now; `wait` is what its Retry-After asks for."""

    def __init__(self, said: str, wait: timedelta | None = None) -> None:
        super().__init__(said)
        self.wait = wait


def secret_of(secret_key: str, partner: Partner) -> str:
    """What this partner's webhooks are signed with; another after each change of its address."""
    purpose = f"partner webhook {partner.party_id} {partner.generation}"
    return "whsec_" + b64encode(digest(secret_key.encode(), purpose.encode(), "sha256")).decode()


def signature(secret: str, message_id: str, sent_at: datetime, body: bytes) -> str:
    """As Standard Webhooks signs, over the bytes themselves: an interchange of ISO 8859-1 is no text of UTF-8."""
    signed = f"{message_id}.{int(sent_at.timestamp())}.".encode() + body
    return "v1," + b64encode(digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")).decode()


def url_fault(url: str, *, may_be_private: bool) -> str | None:
    """Why an address can't be a webhook's; the sentence is `documents.url.<value>`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "malformed"
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return "malformed"
    if parts.scheme not in (("https", "http") if may_be_private else ("https",)):
        return "https_only"
    if not parts.hostname or parts.username or parts.password or parts.fragment or port == 0:
        return "malformed"
    return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address may be connected to: a global one, and, inside IPv6, no private one of IPv4."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:  # fec0::/10, which Python calls global
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Courier:
    """Carries documents to webhooks. Close it when the program ends."""

    def __init__(self, *, may_be_private: bool, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._may_be_private = may_be_private
        self._timeout_seconds = timeout_seconds
        self._lookups = ThreadPoolExecutor(LOOKUPS, "partner-name")
        self._client = httpx2.AsyncClient(
            timeout=timeout_seconds, verify=trusted(), trust_env=False, follow_redirects=False
        )

    async def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def post(self, partner: Partner, secret: str, message_id: str, body: bytes, now: datetime) -> bytes:
        """Hand it over; what the partner answered with. The partner knows a message id it has seen. Raises UnreachableError."""
        if (fault := url_fault(partner.url, may_be_private=self._may_be_private)) is not None:
            raise UnreachableError(fault)
        parts = urlsplit(partner.url)
        assert parts.hostname is not None
        headers = {
            "host": parts.netloc,
            "content-type": MEDIA_TYPES[partner.format],
            "accept-encoding": "identity",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature(secret, message_id, now, body),
        }
        taken = False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                address = await self._address(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
                request = self._client.build_request(
                    "POST",
                    httpx2.URL(partner.url).copy_with(host=address),
                    content=body,
                    headers=headers,
                    extensions={"sni_hostname": parts.hostname},
                )
                answer = await self._client.send(request, stream=True)
                try:
                    if not answer.is_success:
                        raise NotTakenError(f"HTTP {answer.status_code}", wait_of(answer.headers, now))
                    taken = True
                    return await _read(answer)
                finally:
                    await answer.aclose()
        except (httpx2.HTTPError, TimeoutError, SSLError) as error:
            if taken:  # It said that it has it; what it would say beside that is not worth a second copy.
                return b""
            raise UnreachableError(type(error).__name__) from error

    async def _address(self, host: str, port: int) -> str:
        """The one address to connect to. Raises UnreachableError."""
        loop = asyncio.get_running_loop()
        try:
            ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            found = await loop.run_in_executor(self._lookups, ask)
        except (OSError, UnicodeError) as error:
            raise UnreachableError("name not found") from error
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        if not addresses:
            raise UnreachableError("name not found")
        if not self._may_be_private and not all(is_public(each) for each in addresses):
            raise UnreachableError("private address")
        return str(addresses[0])


async def _read(answer: httpx2.Response) -> bytes:
    """What came with the answer, as it came; of one that is too long to be an acknowledgement nothing."""
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > LARGEST_ANSWER:
            return b""
    return body


def wait_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """For how long a partner asks not to be called: `Retry-After` in seconds or as a date, a day at most."""
    said = headers.get("retry-after", "").strip()
    try:
        if said.isascii() and said.isdigit():
            wait = timedelta(seconds=min(int(said[:9]), 10**9))
        else:
            at = parsedate_to_datetime(said)
            wait = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)
