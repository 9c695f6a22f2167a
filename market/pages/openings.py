"""The officers' pages: their own key, the key ceremony of a sealed lot, and the opening of its bids."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auction import store
from auction.facts import Phase
from auction.setup import rule_in_words
from auction.setup.sealed import Options, chosen_of
from auction.words import Phrase
from market import listings, openings, parties, passphrases, step_up
from market.house import house_of
from market.listing_facts import Listing, ListingState
from market.openings import OfficerKey, OpeningRefusal, Released
from market.pages.account import form_of
from market.problems import Problem, ProblemError, sentence
from market.rendering import FlashKind, Form, flash, render

if TYPE_CHECKING:
    from market.refusals import MarketRefusal
    from migrations.database import Connection

LARGEST_ID = 2**63 - 1


async def openings_page(request: Request) -> Response:
    """Sealed lots: which need a key, which run, which wait for their officers, and what was opened."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        lots = await openings.sealed_lots(conn, request.user.id)
        key = await openings.officer_key(conn, request.user.id)
    return render(request, "operator/openings.html", {"lots": lots, "has_key": key is not None})


async def officer(request: Request) -> Response:
    """The viewer's own key: made under an opening passphrase, and tried in good time."""
    if request.method == "GET":
        return await _officer_page(request, Form())
    form = await form_of(request)
    house, wanted = house_of(request), form.values.get("act", "")
    async with house.pool.acquire() as conn, conn.transaction():
        if wanted == "try":
            said = await _try_key(request, conn, form)
        else:
            said = await _make_key(request, conn, form)
    if form.errors:
        return await _officer_page(request, form, status=422)
    return _see(request, "operator_officer", said)


async def opening(request: Request) -> Response:
    """One sealed lot: its ceremony while it waits for approval, then who has given his share, then what was opened."""
    return await _opening_page(request, Form())


async def make_key(request: Request) -> Response:
    """The key ceremony."""
    house, lot_id = house_of(request), _lot_id(request)
    async with request.form(max_files=0, max_fields=40) as typed:
        chosen = [int(value) for value in typed.getlist("officer") if isinstance(value, str) and _is_id(value)]
    async with house.pool.acquire() as conn, conn.transaction():
        done = await openings.hold_ceremony(
            conn, lot_id=lot_id, officer_ids=chosen, operator_id=request.user.id, now=house.node_time.now()
        )
    if isinstance(done, OpeningRefusal):
        form = Form(values={f"officer_{one}": "1" for one in chosen}, errors={"officer": sentence(request, done)})
        return await _opening_page(request, form, status=422)
    return _see(request, "operator_opening", "sealed.key_made", lot_id=lot_id)


async def release(request: Request) -> Response:
    """The viewer's share, out of his passphrase; the one that completes the threshold opens the bids."""
    house, lot_id = house_of(request), _lot_id(request)
    form = await form_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await openings.release(
            house,
            conn,
            lot_id=lot_id,
            officer_id=request.user.id,
            passphrase=form.values.get("passphrase", ""),
            now=house.node_time.now(),
        )
    if not isinstance(done, Released):
        return await _opening_page(request, Form(errors={"passphrase": sentence(request, done)}), status=422)
    if done.opened:
        await house.bidding.refresh(lot_id)
    said = "opened" if done.opened else "shares_disagree" if done.disagree else "share_given"
    return _see(
        request, "operator_opening", f"sealed.{said}", kind="problem" if done.disagree else "done", lot_id=lot_id
    )


async def _officer_page(request: Request, form: Form, *, status: int = 200) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        context = {
            "has_key": await openings.officer_key(conn, request.user.id) is not None,
            "has_passphrase": await parties.has_passphrase(conn, request.user.id),
            "email": await _email(conn, request),
            "shortest": passphrases.SHORTEST,
            "form": form,
        }
    return render(request, "operator/opening_key.html", context, status=status)


async def _make_key(request: Request, conn: Connection, form: Form) -> str:
    house, party = house_of(request), await parties.party_by_id(conn, request.user.id)
    assert party is not None, "a session's party is there"
    if await parties.has_passphrase(conn, party.id):
        refused = await step_up.step_up(house, conn, party.id, form.values.get("current_passphrase", ""))
        _note(request, form, "current_passphrase", refused)
    if not form.errors:
        chosen = form.values.get("opening_passphrase", "")
        made = await openings.make_officer_key(conn, house.passphrases, party, chosen, house.node_time.now())
        _note(request, form, "opening_passphrase", None if isinstance(made, OfficerKey) else made)
    return "sealed.officer_key_made"


async def _try_key(request: Request, conn: Connection, form: Form) -> str:
    key = await openings.officer_key(conn, request.user.id)
    if key is not None:
        private = await openings.private_of(house_of(request), key, form.values.get("try_passphrase", ""))
        _note(request, form, "try_passphrase", None if isinstance(private, bytes) else private)
    return "sealed.officer_key_opens"


def _note(request: Request, form: Form, name: str, refused: OpeningRefusal | MarketRefusal | None) -> None:
    if refused is not None:
        form.errors[name] = sentence(request, refused)


async def _opening_page(request: Request, form: Form, *, status: int = 200) -> Response:
    house, lot_id = house_of(request), _lot_id(request)
    async with house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
        if listing is None or listing.format != "sealed" or listing.state is ListingState.DRAFT:
            raise ProblemError(Problem.NOT_FOUND)
        made = await openings.sealing_of(conn, lot_id)
        state = await store.lot_view(conn, lot_id, house.bidding.books)
        context = {
            "listing": listing,
            "chosen": (chosen := chosen_of(listing.options)),
            "rule": _rule_words(listing),
            "made": made,
            "fits": made is not None and (made.threshold, made.officers) == (chosen.threshold, chosen.officers),
            "fingerprint": None if made is None else sha256(made.public_key).hexdigest(),
            "email": await _email(conn, request),
            "holders": await openings.holders(conn, lot_id),
            "able": await openings.officers(conn, listing.seller_id),
            "state": state,
            "stage": "ceremony",
            "late": False,
            "form": form,
        }
    if state is not None:
        context |= {"stage": _stage(state.phase), "late": house.node_time.now() > _opening_by(state.ends_at, chosen)}
    return render(request, "operator/opening.html", context, status=status)


async def _email(conn: Connection, request: Request) -> str:
    """For the browser's own list of passphrases: whose this one is."""
    party = await parties.party_by_id(conn, request.user.id)
    return "" if party is None else party.email


def _stage(phase: Phase) -> str:
    """What the page is about: the bidding runs, the officers are waited for, or it is over."""
    return {Phase.TIMED: "running", Phase.OPENING: "opening"}.get(phase, "over")


def _opening_by(ends_at: datetime, chosen: Options) -> datetime:
    return ends_at + timedelta(seconds=chosen.opening_seconds)


def _rule_words(listing: Listing) -> list[Phrase]:
    return rule_in_words(listings.lot_from_listing(listing))


def _lot_id(request: Request) -> int:
    lot_id = int(request.path_params["lot_id"])
    if lot_id > LARGEST_ID:
        raise ProblemError(Problem.NOT_FOUND)
    return lot_id


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _see(request: Request, name: str, said: str, *, kind: FlashKind = "done", **params: int) -> Response:
    response = RedirectResponse(str(request.app.url_path_for(name, **params)), status_code=303)
    flash(response, said, kind=kind)
    return response


routes = [
    Route("/operator/openings", openings_page, name="operator_openings"),
    Route("/operator/officer", officer, methods=["GET", "POST"], name="operator_officer"),
    Route("/operator/openings/{lot_id:int}", opening, name="operator_opening"),
    Route("/operator/openings/{lot_id:int}/key", make_key, methods=["POST"], name="operator_opening_key"),
    Route("/operator/openings/{lot_id:int}/release", release, methods=["POST"], name="operator_opening_release"),
]
