"""What the certification authority publishes: its own certificate, the list of revocations, the program that checks bundles."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.contracting import identity
from market.contracting.authority import pem
from market.house import house_of
from market.pages.proofs import download


async def authority(request: Request) -> Response:
    """The authority's certificate, PEM."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        der = await identity.own_certificate(
            conn, house.contracting.authority, house.contracting.origin, house.node_time.now()
        )
    return download(pem(der, "CERTIFICATE").encode(), "gavelhouse-ca.pem", "application/x-pem-file")


async def list_der(request: Request) -> Response:
    """The list of revocations as X.509 has it."""
    return download(await _list(request), "gavelhouse.crl", "application/pkix-crl")


async def list_pem(request: Request) -> Response:
    """The same as text."""
    return download(pem(await _list(request), "X509 CRL").encode(), "gavelhouse-crl.pem", "application/x-pem-file")


async def contract_verifier(request: Request) -> Response:
    """The program that checks a contract's bundle: one file, to be read before it is run."""
    return download(verifier_source(), "verify_contract.py", "text/x-python; charset=utf-8")


@cache
def verifier_source() -> bytes:
    """The verifier's own text."""
    return files("market").joinpath("contracting", "verifier.py").read_bytes()


async def _list(request: Request) -> bytes:
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        found = await identity.revocation_list(
            conn, house.contracting.authority, house.contracting.origin, house.node_time.now()
        )
    return found.der


routes = [
    Route("/pki/ca.pem", authority, name="pki_authority"),
    Route("/pki/crl.der", list_der, name="pki_list_der"),
    Route("/pki/crl.pem", list_pem, name="pki_list_pem"),
    Route("/verify_contract.py", contract_verifier, name="contract_verifier"),
]
