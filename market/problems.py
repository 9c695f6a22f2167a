"""What a refusal or an error looks like from outside: one table of statuses, problem details for programs (RFC 9457),
a page with a reference for people. Nowhere else knows a status.

ProblemError    raised by a handler or the door to answer with a problem instead
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from market.house import house_of
from market.passphrases import TooBusy
from market.refusals import MarketRefusal
from market.rendering import language_of, render

MEDIA_TYPE = "application/problem+json"
UNPROCESSABLE = 422


class Problem(StrEnum):
    """What is wrong with a request itself, before any rule is asked. Sentences: `problem.<value>` and `_title`."""

    MALFORMED = "malformed"
    SIGN_IN_REQUIRED = "sign_in_required"
    BAD_TOKEN = "bad_token"
    FORBIDDEN = "forbidden"
    CROSS_SITE = "cross_site"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_SLOW = "too_slow"
    CONFLICT = "conflict"
    WITHHELD = "withheld"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    UNKNOWN_HOST = "unknown_host"
    UNPROCESSABLE = "unprocessable"
    CARD_NUMBER = "card_number_in_clear"
    KEY_MISSING = "key_missing"
    KEY_REUSED = "key_reused"
    TOO_MANY_REQUESTS = "too_many_requests"
    INTERNAL = "internal"
    BUSY = "server_busy"


# A refusal that is not listed answers 422: understood, and refused by a rule.
STATUS: dict[str, int] = {
    # the request itself
    Problem.MALFORMED: 400,
    Problem.SIGN_IN_REQUIRED: 401,
    Problem.BAD_TOKEN: 401,
    Problem.FORBIDDEN: 403,
    Problem.CROSS_SITE: 403,
    Problem.NOT_FOUND: 404,
    Problem.METHOD_NOT_ALLOWED: 405,
    Problem.TOO_SLOW: 408,
    Problem.CONFLICT: 409,
    Problem.WITHHELD: 409,
    Problem.TOO_LARGE: 413,
    Problem.UNSUPPORTED_MEDIA: 415,
    Problem.UNKNOWN_HOST: 421,
    Problem.UNPROCESSABLE: 422,
    Problem.CARD_NUMBER: 422,
    Problem.KEY_MISSING: 400,
    Problem.KEY_REUSED: 422,
    Problem.TOO_MANY_REQUESTS: 429,
    Problem.INTERNAL: 500,
    Problem.BUSY: 503,
    # accounts
    MarketRefusal.SIGN_IN_FAILED: 422,
    MarketRefusal.PASSPHRASE_WRONG: 403,
    MarketRefusal.TOO_MANY_TRIES: 429,
    # bids, deals and listings, by value: the packages below know no status
    "malformed_amount": 400,
    "own_lot": 403,
    "not_admitted": 403,
    "seller_may_not_bid": 403,
    "barred": 403,
    "linked_to_seller": 403,
    "defaulted_before": 403,
    "owes_the_house": 409,
    "not_yours": 403,
    "unknown_lot": 404,
    "unknown_case": 404,
    "unknown_deposit": 404,
    "unknown_party": 404,
    "unknown_item": 404,
    "unknown_chargeback": 404,
    "chargeback_is_decided": 409,
    "already_answered": 409,
    "debt_first": 409,
    "no_such_lot": 404,
    "no_such_application": 404,
    "no_such_link": 404,
    "no_such_party": 404,
    "no_such_listing": 404,
    "no_such_offer": 404,
    "no_such_post": 404,
    "post_gone": 409,
    "post_on_a_board": 409,
    "post_barred": 403,
    "below_taken": 409,
    "no_such_search": 404,
    "unknown_cheque": 404,
    "no_such_request": 404,
    "unknown_subject": 404,
    "not_the_payee": 403,
    "not_the_writer": 403,
    "cheque_ended": 409,
    "request_ended": 409,
    "phone_busy": 409,
    "payment_running": 409,
    "proof_wrong": 403,
    "wallet_locked": 409,
    "unlock_wrong": 403,
    "unlock_wait": 429,
    "vault_busy": 503,
    "board_busy": 503,
    "vault_unreachable": 503,
    "cards_not_taken": 503,
    "offer_barred": 403,
    "not_started": 409,
    "not_a_timed_bidder": 409,
    "buy_now_gone": 409,
    "no_retraction": 409,
    "retraction_delayed": 409,
    "retraction_too_late": 409,
    "retraction_near_end": 409,
    "too_many_retractions": 409,
    "no_priority_right": 409,
    "not_admitted_yet": 409,
    "not_closed": 409,
    "is_sold": 409,
    "is_relisted": 409,
    "is_offered": 409,
    "not_to_be_offered": 409,
    "nobody_left": 409,
    "offer_ended": 409,
    "relist_not_closed": 409,
    "relist_is_sold": 409,
    "relist_is_offered": 409,
    "closed": 409,
    "paused": 409,
    "already_leading": 409,
    "lot_closed": 409,
    "lot_ended": 409,
    "lot_is_over": 409,
    "already_paused": 409,
    "not_paused": 409,
    "already_decided": 409,
    "link_already_so": 409,
    "no_such_sealed_lot": 404,
    "ceremony_not_now": 409,
    "no_share_held": 403,
    "opening_not_yet": 409,
    "share_given_already": 409,
    "opening_passphrase_wrong": 403,
    "sealing_key_missing": 409,
    "item_decided": 409,
    "not_in_this_state": 409,
    "not_your_move": 409,
    "too_early": 409,
    "already_extended": 409,
    "deposit_not_awaited": 409,
    # claims and their file
    "arbiter_is_party": 403,
    "arbiter_is_handler": 403,
    "not_the_arbiter": 403,
    "same_person": 403,
    "already_released": 409,
    "nothing_undisputed": 409,
    "no_offer": 409,
    "nothing_shipped": 409,
    "part_is_paid": 409,
    "offer_stands": 409,
    "own_money": 403,
    "already_sent_back": 409,
    "not_sent_back": 409,
    "already_taken": 409,
    "ruling_waits": 409,
    "no_ruling": 409,
    "already_appealed": 409,
    "goods_are_gone": 409,
    "not_reinstatable": 409,
    "case_file_closed": 409,
    "case_file_already_there": 409,
    "case_file_full": 409,
    "case_file_busy": 503,
    "evidence_too_large": 413,
    "not_editable": 409,
    "not_submitted": 409,
    "opens_with_its_sale": 409,
    "no_such_sale": 404,
    "sale_is_open": 409,
    "in_another_sale": 409,
    "sale_is_full": 409,
    "sale_is_empty": 409,
    "stale_version": 409,
    "batch_needs_second": 409,
    "batch_not_waiting": 409,
    "batch_same_person": 403,
    "no_such_batch": 404,
    "no_such_fees": 404,
    "fees_decided": 409,
    "fees_same_person": 403,
    "unknown_payout": 404,
    "payout_has_gone": 409,
    "payout_not_held": 409,
    "payout_not_returned": 409,
    "unknown_entry": 404,
    "entry_decided": 409,
    "already_matched": 409,
    "statement_changed": 409,
    "statement_opening_differs": 409,
    "statement_closing_differs": 409,
    "day_closed": 409,
    "day_before_last_close": 409,
    "day_not_begun": 409,
    # boards
    "no_such_board": 404,
    "no_such_order": 404,
    "board_halted": 409,
    "board_own_counter_order": 409,
    "board_full": 409,
    "board_too_many_conditional": 409,
    "board_order_ended": 409,
    "board_nothing_changed": 409,
    "board_is_open": 409,
    # delivery
    "no_such_consignment": 404,
    "not_to_be_shipped": 409,
    "consignee_missing": 409,
    "consignee_fixed": 409,
    "lines_booked": 409,
    "already_collected": 409,
    # negotiations
    "negotiation_over": 409,
    "no_offer_stands": 409,
    "offer_unknown": 404,
    "own_offer": 409,
    "not_own_offer": 403,
    "offer_superseded": 409,
    "offer_withdrawn": 409,
    "offer_rejected": 409,
    "offer_lapsed": 409,
    "offer_changed": 409,
    "offer_is_firm": 409,
    "own_post": 409,
    "post_closed": 409,
    "post_on_board": 409,
    "post_not_listed_yet": 409,
    "negotiator_barred": 403,
    "already_negotiating": 409,
    "quantity_gone": 409,
    "file_already_there": 409,
    "too_fast": 429,
    "busy": 503,
}

_OF_STATUS: dict[int, Problem] = {
    400: Problem.MALFORMED,
    401: Problem.SIGN_IN_REQUIRED,
    403: Problem.FORBIDDEN,
    404: Problem.NOT_FOUND,
    405: Problem.METHOD_NOT_ALLOWED,
    408: Problem.TOO_SLOW,
    409: Problem.CONFLICT,
    413: Problem.TOO_LARGE,
    415: Problem.UNSUPPORTED_MEDIA,
    421: Problem.UNKNOWN_HOST,
    422: Problem.UNPROCESSABLE,
    429: Problem.TOO_MANY_REQUESTS,
    503: Problem.BUSY,
}


class ProblemError(Exception):
    """Answer with this problem. `extras` become members of the problem, `headers` of the response."""

    def __init__(self, code: StrEnum, *, headers: dict[str, str] | None = None, **extras: Any) -> None:
        super().__init__(str(code))
        self.code = code
        self.headers = headers or {}
        self.extras = extras


def status_of(code: str) -> int:
    """The HTTP status of a refusal or problem."""
    return STATUS.get(code, UNPROCESSABLE)


def problem(connection: HTTPConnection, code: StrEnum, **extras: Any) -> Response:
    """The answer in the form that the asker reads: problem+json for programs, a page for people.

    Money in `extras` is named `_minor` and travels as a string of digits.
    """
    status = status_of(code)
    reference = getattr(connection.state, "request_id", "")
    if not wants_json(connection):
        assert isinstance(connection, Request)
        context = {
            "title": title_of(connection, code),
            "detail": sentence(connection, code, extras),
            "reference": reference,
            "signed_in": connection.user.is_signed_in,
        }
        return render(connection, "account/error.html", context, status=status)
    body = {
        "type": f"urn:gavelhouse:problem:{code}",
        "title": title_of(connection, code),
        "status": status,
        "detail": sentence(connection, code, extras),
        "code": str(code),
        "instance": f"urn:gavelhouse:request:{reference}",
        **{name: _wire(name, value) for name, value in extras.items()},
    }
    language = "zh-CN" if language_of(connection) == "zh" else "en"
    headers = {"Content-Language": language, "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def wants_json(connection: HTTPConnection) -> bool:
    """True for the API, and for whoever accepts JSON and no HTML."""
    if connection.scope["path"].startswith("/api/"):
        return True
    accept = connection.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def sentence(connection: HTTPConnection, code: StrEnum, extras: dict[str, Any] | None = None) -> str:
    """What happened, in the viewer's language: the catalogue's `<enum>.<value>`, such as `market_refusal.email_taken`."""
    catalogue = house_of(connection).catalogue
    key = sentence_key(code)
    return catalogue.text(key, language_of(connection), **{k: _worded(v) for k, v in (extras or {}).items()})


def sentence_key(code: StrEnum) -> str:
    """`refusal.x` for a bid's, `desk_refusal.x`, `escrow_refusal.x`, `problem.x`; else `market_refusal.x`."""
    kind = type(code)
    if kind.__module__.startswith("auction."):
        return f"{re.sub('(?<!^)(?=[A-Z])', '_', kind.__name__).lower()}.{code.value}"
    if kind.__module__.startswith("escrow."):
        return f"{_AREAS.get(kind.__name__, 'escrow_refusal')}.{code.value}"
    return f"problem.{code.value}" if kind is Problem else f"market_refusal.{code.value}"


_AREAS = {"VaultRefusal": "vault_refusal", "CardRefusal": "card_refusal"}
"""Where the sentences of the escrow's further refusals stand."""


def title_of(connection: HTTPConnection, code: StrEnum) -> str:
    """A few words for the kind of problem; refusals of rules share one."""
    known = code if isinstance(code, Problem) else _OF_STATUS.get(status_of(code), Problem.UNPROCESSABLE)
    return house_of(connection).catalogue.text(f"problem_title.{known.value}", language_of(connection))


async def on_problem(connection: Any, error: Exception) -> Response | None:
    """Starlette's handler for ProblemError."""
    assert isinstance(error, ProblemError)
    if connection.scope["type"] == "websocket":
        await connection.close(4401 if status_of(error.code) == 401 else 4403)
        return None
    response = problem(connection, error.code, **error.extras)
    response.headers.update(error.headers)
    return response


async def on_http_exception(connection: Any, error: Exception) -> Response | None:
    """Starlette's own errors (no such route, wrong method) in the house's form."""
    assert isinstance(error, HTTPException)
    if connection.scope["type"] == "websocket":
        await connection.close(4404)
        return None
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=dict(error.headers or {}))
    fallback = Problem.INTERNAL if error.status_code >= 500 else Problem.MALFORMED
    response = problem(connection, _OF_STATUS.get(error.status_code, fallback))
    response.headers.update(error.headers or {})
    return response


async def on_too_busy(connection: Any, error: Exception) -> Response:
    """The passphrase pool is full."""
    assert isinstance(error, TooBusy)
    response = problem(connection, Problem.BUSY)
    response.headers["Retry-After"] = "2"
    return response


HANDLERS: dict[Any, Any] = {
    ProblemError: on_problem,
    HTTPException: on_http_exception,
    TooBusy: on_too_busy,
}


def _wire(name: str, value: Any) -> Any:
    if name.endswith("_minor") and isinstance(value, int):
        return str(value)
    return value


def _worded(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
