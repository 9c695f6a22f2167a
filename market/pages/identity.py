"""The signing identity in the browser: the viewer's certificates, how to get, renew and revoke one; the operators' list."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.vault_client import VaultError
from market import wallet_sessions
from market.contracting import identity as identities
from market.contracting import pki_store, wallet_signing
from market.contracting.authority import LARGEST_REQUEST_BYTES, REASONS, fingerprint, pem
from market.contracting.identity import IdentityRefusal
from market.contracting.pki_store import Certificate
from market.house import house_of
from market.pages.deal_page import texts
from market.pages.proofs import download
from market.pages.vault_forms import refused, sealed_of, vault_context, wallet_of
from market.rendering import Form, flash, render
from market.wallet_sessions import UnreachableRefusal

HOME, DESK = "/identity", "/operator/certificates"
PAGE_SIZE = 25


async def identity(request: Request) -> Response:
    """The viewer's certificates and the authority's."""
    return await _show(request, Form())


async def certificate(request: Request) -> Response:
    """A certificate for the key in the vault; `afresh` asks for another key. The wallet is opened on the way."""
    house = house_of(request)
    sealed, typed = await sealed_of(request)
    try:
        wallet = await wallet_of(request, sealed, typed)
        if not isinstance(wallet, tuple):
            return refused(request, HOME, wallet)
        handle, unlocked = wallet
        outcome = await wallet_signing.certified(
            house.pool,
            house.vault,
            house.contracting,
            handle,
            house.node_time.now,
            renew=True,
            afresh=typed.get("afresh") == "1",
        )
    except VaultError:
        return refused(request, HOME, UnreachableRefusal.VAULT_UNREACHABLE)
    if isinstance(outcome, Certificate):
        response = RedirectResponse(HOME, 303)
        flash(response, "identity.flash.issued")
    else:
        response = refused(request, HOME, outcome)
    if unlocked is not None:
        wallet_sessions.remember(response, unlocked)
    return response


async def own_key(request: Request) -> Response:
    """A certificate for a key that the viewer's program keeps."""
    house = house_of(request)
    sent = await request.form()
    form = Form(values={"request": str(sent.get("request", ""))[: LARGEST_REQUEST_BYTES + 1]})
    async with house.pool.acquire() as conn, conn.transaction():
        outcome = await identities.certify(
            conn,
            house.contracting.authority,
            house.contracting.origin,
            request.user.id,
            form.values["request"].strip(),
            "program",
            house.node_time.now(),
        )
    if isinstance(outcome, IdentityRefusal):
        form.errors["request"] = texts(request)(f"market_refusal.{outcome.value}")
        return await _show(request, form, 422)
    response = RedirectResponse(HOME, 303)
    flash(response, "identity.flash.issued")
    return response


async def revoke(request: Request) -> Response:
    """The viewer's own certificate signs nothing more."""
    return await _revoke(request, HOME, as_operator=False)


async def operator_revoke(request: Request) -> Response:
    """Anybody's certificate, with the reason."""
    return await _revoke(request, DESK, as_operator=True)


async def certificate_file(request: Request) -> Response:
    """A certificate to hand on. Whoever has signed with it is known by it anyway."""
    async with house_of(request).pool.acquire() as conn:
        found = await pki_store.certificate(conn, request.path_params["serial"])
    if found is None or (found.party_id != request.user.id and not request.user.is_operator):
        raise HTTPException(404)
    return download(pem(found.der, "CERTIFICATE").encode(), f"{found.serial}.pem", "application/x-pem-file")


async def operator_certificates(request: Request) -> Response:
    """Everybody's certificates, newest first; `q` is a part of a name or a serial number."""
    return await _desk(request, Form())


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    house = house_of(request)
    now = house.node_time.now()
    async with house.pool.acquire() as conn, conn.transaction():
        found = await pki_store.certificates_of(conn, request.user.id)
        own = await identities.own_certificate(conn, house.contracting.authority, house.contracting.origin, now)
    good = [one for one in found if one.is_good(now)]
    context = {
        **await vault_context(request),
        "certificates": [_shown(request, one) for one in found],
        "has_vault_one": any(one.holder == "vault" for one in good),
        "authority": fingerprint(own),
        "form": form,
        "next": HOME,
    }
    return render(request, "contracts/identity.html", context, status=status)


async def _desk(request: Request, form: Form, status: int = 200) -> Response:
    sought = request.query_params.get("q", "").strip()[:80]
    asked = request.query_params.get("page", "1")
    page = min(max(int(asked), 1), 100_000) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    async with house_of(request).pool.acquire() as conn:
        found, total = await pki_store.certificates(conn, sought, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    context = {
        "certificates": [_shown(request, one) for one in found],
        "sought": sought,
        "form": form,
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
    }
    return render(request, "contracts/certificates.html", context, status=status)


def _shown(request: Request, one: Certificate) -> dict[str, Any]:
    now, text = house_of(request).node_time.now(), texts(request)
    return {
        "one": one,
        "state": one.state(now),
        "reasons": [(reason, text(f"revocation.{reason}")) for reason in REASONS],
        "fingerprint": fingerprint(one.der),
    }


async def _revoke(request: Request, back: str, *, as_operator: bool) -> Response:
    house, serial = house_of(request), request.path_params["serial"]
    sent = await request.form()
    names = ("reason", "note", "understood")
    form = Form(values={f"{name}_{serial}": str(sent.get(name, "")) for name in names})
    if form.values[f"understood_{serial}"] != "1":
        form.errors[f"understood_{serial}"] = texts(request)("identity.revoke_not_understood")
    else:
        async with house.pool.acquire() as conn, conn.transaction():
            outcome = await identities.revoke(
                conn,
                house.contracting.authority,
                house.contracting.origin,
                serial,
                request.user.id,
                form.values[f"reason_{serial}"],
                form.values[f"note_{serial}"],
                house.node_time.now(),
                as_operator=as_operator,
            )
        if outcome is IdentityRefusal.NO_SUCH_CERTIFICATE:
            raise HTTPException(404)
        if isinstance(outcome, Certificate):
            response = RedirectResponse(back, 303)
            flash(response, "identity.flash.revoked")
            return response
        form.errors[f"reason_{serial}"] = texts(request)(f"market_refusal.{outcome.value}")
    return await (_desk if as_operator else _show)(request, form, 422)


routes = [
    Route("/identity", identity, name="identity"),
    Route("/identity/certificate", certificate, name="identity_certificate", methods=["POST"]),
    Route("/identity/key", own_key, name="identity_key", methods=["POST"]),
    Route("/identity/{serial:str}/revoke", revoke, name="identity_revoke", methods=["POST"]),
    Route("/identity/{serial:str}.pem", certificate_file, name="identity_file"),
    Route("/operator/certificates", operator_certificates, name="operator_certificates"),
    Route(
        "/operator/certificates/{serial:str}/revoke",
        operator_revoke,
        name="operator_certificate_revoke",
        methods=["POST"],
    ),
]
