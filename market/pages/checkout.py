"""The cash desk: pay a deal or a deposit by whatever means, top up by card, and the electronic receipt.

A declined card, like every refusal, leads back to the desk with its reason; the deal's clock runs on as it did.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from escrow.card_facts import CardOutcome, CardPayment
from escrow.facts import Case
from escrow.vault_facts import VaultRefusal
from market import checkout, passkeys, phone_confirmations, wallet_sessions
from market.bank_details import bank_details
from market.card_orders import pay_by_card
from market.checkout import Desk, Receipt, change_of, cheques_of, desk_of, receipt_of, wanted_of
from market.house import House, house_of
from market.one_time_codes import is_enrolled
from market.pages.desk_forms import is_number
from market.pages.phone import qr_code
from market.pages.vault_forms import vault_context, words
from market.phone_store import PhoneRequest
from market.problems import sentence
from market.rendering import Form, render
from market.wallet_sessions import OpenVault


async def deal_checkout(request: Request) -> Response:
    """The desk of one deal; a posted form pays."""
    house, case_id = house_of(request), request.path_params["case_id"]
    desk = await _desk(request)
    if desk is None:
        return RedirectResponse(f"/deals/{case_id}", 303)
    if request.method == "POST":
        return await _pay(request, desk)
    if not desk.is_open:
        return RedirectResponse(f"/deals/{case_id}", 303) if desk.case.is_over else _to_receipt(case_id)
    return await _show(request, house, desk, Form())


async def deal_checkout_state(request: Request) -> Response:
    """The version of the desk alone, which the page asks for now and then."""
    desk = await _desk(request)
    if desk is None:
        return RedirectResponse(f"/deals/{request.path_params['case_id']}/state", 303)
    return JSONResponse({"version": desk.version}, headers={"Cache-Control": "no-store"})


async def deal_receipt(request: Request) -> Response:
    """The electronic receipt for the buyer; for the seller the order as it was signed, and never the card."""
    house, case_id = house_of(request), request.path_params["case_id"]
    async with house.pool.acquire() as conn:
        receipt = await receipt_of(conn, house, case_id)
    if receipt is None:
        raise HTTPException(404)
    viewer = request.user
    role = (
        "buyer"
        if viewer.id == receipt.case.buyer_id
        else "seller"
        if viewer.id == receipt.case.seller_id
        else "operator"
    )
    context = {"receipt": receipt, "role": role, "rows": _rows(request, receipt, role)}
    return render(request, "checkout/receipt.html", context)


async def _desk(request: Request) -> Desk | None:
    """The desk, for the deal's buyer; the seller has nothing to pay and is shown the deal instead."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        return await desk_of(conn, house, request.path_params["case_id"], request.user.id)


async def _pay(request: Request, desk: Desk) -> Response:
    typed = await request.form()
    means, how = str(typed.get("means", ""))[:40], str(typed.get("how", ""))
    done = await (_ask_phone if how == "phone" else _pay_now)(request, desk, means)
    if isinstance(done, Case):
        return _to_receipt(desk.case.id)
    if isinstance(done, CardPayment):
        # Whatever the bank said stands at the desk: declined with its reason, not charged, or still being processed.
        return _to_receipt(desk.case.id) if done.outcome is CardOutcome.PAID else _to_desk(desk.case.id)
    if isinstance(done, PhoneRequest):
        return _to_desk(desk.case.id)
    form = Form(
        values={"means": means}, errors={"": sentence(request, done) if done else words(request, "checkout.choose")}
    )
    return await _show(request, house_of(request), await _desk(request) or desk, form, status=422)


async def _pay_now(request: Request, desk: Desk, means: str) -> Case | CardPayment | StrEnum | None:
    """Pay by the chosen means; None when nothing was chosen that there is."""
    house, payer, case_id = house_of(request), request.user.id, desk.case.id
    kind, _, number = means.partition(":")
    now, handle = house.node_time.now(), wallet_sessions.handle_of(request)
    match kind, is_number(number), handle:
        case "card" | "new_cheque", _, None:
            return VaultRefusal.WALLET_LOCKED
        case "card", True, unlocked if unlocked is not None:
            return await pay_by_card(house, unlocked, int(number), wanted_of(desk.deal, desk.case), now)
        case "new_cheque", False, unlocked if unlocked is not None:
            return await checkout.pay_by_new_cheque(house, unlocked, desk, now)
    async with house.pool.acquire() as conn, conn.transaction():
        match kind, is_number(number):
            case "wallet", False:
                return await house.escrow.settlement.pay_from_wallet(conn, case_id, payer, now)
            case "change", False:
                return await change_of(house).pay_case(conn, case_id, payer, now)
            case "cheque", True:
                return await cheques_of(house).pay_case(conn, case_id, int(number), payer, now)
    return None


async def _ask_phone(request: Request, desk: Desk, means: str) -> PhoneRequest | StrEnum | None:
    house, kind, number = house_of(request), *means.split(":")[:1], means.partition(":")[2]
    if kind not in ("card", "wallet"):
        return None
    async with house.pool.acquire() as conn:
        if not await has_second_device(conn, request.user.id):
            return phone_confirmations.PhoneRefusal.NO_SECOND_DEVICE
    handle = wallet_sessions.handle_of(request)
    if kind == "card" and handle is None:
        return VaultRefusal.WALLET_LOCKED
    card_id = int(number) if kind == "card" and is_number(number) else None
    if kind == "card" and card_id is None:
        return None
    now = house.node_time.now()
    return await phone_confirmations.ask(
        house, desk, request.user.id, now, handle=handle if kind == "card" else None, card_id=card_id
    )


async def has_second_device(conn: Any, party_id: int) -> bool:
    """Whether a passkey or codes of a phone are there to confirm with."""
    return await is_enrolled(conn, party_id) or bool(await passkeys.passkeys_of(conn, party_id))


async def _show(request: Request, house: House, desk: Desk, form: Form, status: int = 200) -> Response:
    vault = await vault_context(request)
    async with house.pool.acquire() as conn:
        second_device = await has_second_device(conn, request.user.id)
    form.values.setdefault("means", _first_choice(desk, vault["vault"]))
    context = {
        **vault,
        "desk": desk,
        "case": desk.case,
        "deal": desk.deal,
        "form": form,
        "next": f"/deals/{desk.case.id}/checkout",
        "second_device": second_device,
        "phone_qr": qr_code(str(request.url_for("phone_request", request_id=desk.phone.id))) if desk.phone else "",
        "payment": bank_details(house, desk.case.currency, desk.case.due_minor, desk.case.reference),
    }
    return render(request, "checkout/desk.html", context, status=status)


def _first_choice(desk: Desk, vault: OpenVault | None) -> str:
    """What one press pays with: a card other than the one that has just failed, else what holds enough."""
    tried = desk.setback.id if desk.setback else None
    cards = vault.state.cards if vault is not None and vault.is_unlocked else ()
    if tried is None and desk.wallet_minor >= desk.case.due_minor:
        return "wallet"
    # After a decline nothing is chosen for him: the same card again would only be declined again.
    return f"card:{cards[0].id}" if cards and tried is None else ""


def _rows(request: Request, receipt: Receipt, role: str) -> list[tuple[str, str]]:
    """How it was paid, for the buyer; what he signed, for both."""
    rows = [(words(request, "ereceipt.means"), words(request, f"means_kind.{receipt.means}"))]
    order, is_buyer = receipt.order, role == "buyer"
    if order is not None and is_buyer:
        card = f"{words(request, f'card_brand.{order.brand}')} ·· {order.last4}"
        rows.append((words(request, "ereceipt.card"), f"{card} {order.label}".strip()))
    if receipt.payment is not None and receipt.payment.authorisation_code and role != "seller":
        rows.append((words(request, "ereceipt.authorisation"), receipt.payment.authorisation_code))
        rows.append((words(request, "ereceipt.retrieval"), receipt.payment.retrieval_reference))
    if receipt.cheque is not None and role != "seller":
        rows.append((words(request, "ereceipt.cheque"), receipt.cheque.number))
    if receipt.phone is not None and receipt.phone.method is not None:
        rows.append((words(request, "ereceipt.phone"), words(request, f"phone.method.{receipt.phone.method}")))
    return rows


def _to_receipt(case_id: int) -> RedirectResponse:
    return RedirectResponse(f"/deals/{case_id}/e-receipt", 303)


def _to_desk(case_id: int) -> RedirectResponse:
    return RedirectResponse(f"/deals/{case_id}/checkout", 303)


routes = [
    Route("/deals/{case_id:int}/checkout", deal_checkout, name="deal_checkout", methods=["GET", "POST"]),
    Route("/deals/{case_id:int}/checkout/state", deal_checkout_state, name="deal_checkout_state"),
    Route("/deals/{case_id:int}/e-receipt", deal_receipt, name="deal_receipt"),
]
