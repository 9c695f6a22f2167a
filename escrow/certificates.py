"""Whom this machine trusts to say who a server is: read once in a process.

An HTTP client that is given nothing reads some hundred certificates anew, which takes longer than a page does. Knows nothing
of who is called.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx2


@cache
def trusted() -> ssl.SSLContext:
    """What every client of the house verifies with; nobody changes it."""
    return httpx2.create_ssl_context(trust_env=False)
