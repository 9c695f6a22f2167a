"""The viewer's own system: where documents go, with whom messages stand for signatures, what came in and was answered."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.documents import partners, store
from market.documents.partners import PartnerRefusal, Wish
from market.documents.records import Agency
from market.documents.sentences import flaw_text, place_text
from market.documents.store import Channel, Format
from market.documents.webhooks import secret_of
from market.house import house_of
from market.pages.deal_page import step_up_fault, texts
from market.pages.proofs import download
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, language_of, render

RECENT = 20
_FIELDS = {
    PartnerRefusal.FOLDERS_OFF: "channel",
    PartnerRefusal.URL_MALFORMED: "url",
    PartnerRefusal.URL_NOT_HTTPS: "url",
    PartnerRefusal.OWN_PARTY: "other",
    PartnerRefusal.NO_SUCH_PARTY: "other",
}


async def partner(request: Request) -> Response:
    """The settings and what was exchanged lately."""
    return await _page(request, Form())


async def partner_save(request: Request) -> Response:
    """Say where documents go. Whoever changes that reads them, so it takes the passphrase."""
    house, typed, form = house_of(request), await request.form(), Form()
    for name in ("code", "agency", "format", "channel", "url"):
        form.values[name] = str(typed.get(name, ""))[:600]
    wrong = await step_up_fault(request, str(typed.get("passphrase", "")))
    if wrong is not None:
        form.errors["passphrase"] = texts(request)(wrong)
    wish = _wish(form)
    if wish is None:
        raise ProblemError(Problem.MALFORMED)
    if form.errors:
        return await _page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        saved = await partners.save(conn, house.config, request.user.id, wish, house.node_time.now())
    if isinstance(saved, PartnerRefusal):
        form.errors[_FIELDS.get(saved, "code")] = sentence(request, saved, {})
        return await _page(request, form, 422)
    response = RedirectResponse(request.url_for("partner").path, 303)
    flash(response, "documents.flash.saved")
    return response


async def partner_consent(request: Request) -> Response:
    """Messages stand for the viewer's signature towards one party, or no longer."""
    house, typed, form = house_of(request), await request.form(), Form()
    number = str(typed.get("other", ""))
    given = typed.get("given") == "1"
    other_id = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    if given:
        wrong = await step_up_fault(request, str(typed.get("consent_passphrase", "")))
        if wrong is not None:
            form.errors["consent_passphrase"] = texts(request)(wrong)
            return await _page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        refusal = await partners.consent(conn, request.user.id, other_id, given, house.node_time.now())
    if refusal is not None:
        form.errors["other"] = sentence(request, refusal, {})
        form.values["other"] = number[:20]
        return await _page(request, form, 422)
    response = RedirectResponse(request.url_for("partner").path, 303)
    flash(response, "documents.flash.consent_given" if given else "documents.flash.consent_ended")
    return response


async def exchange_file(request: Request) -> Response:
    """What came in, or with `?answer` what was answered."""
    async with house_of(request).pool.acquire() as conn:
        row = await store.exchange(conn, int(request.path_params["exchange_id"]))
    if row is None or row["party_id"] != request.user.id:
        raise ProblemError(Problem.NOT_FOUND)
    is_answer = "answer" in request.query_params
    ending = "xml" if row["format"] == Format.UBL else "edi"
    name = f"{'answer' if is_answer else 'received'}-{row['id']}.{ending}"
    return download(row["answer"] if is_answer else row["content"], name, "application/octet-stream")


def _wish(form: Form) -> Wish | None:
    try:
        return Wish(
            code=form.values["code"],
            agency=Agency(form.values["agency"]),
            format=Format(form.values["format"]),
            channel=Channel(form.values["channel"]),
            url=form.values["url"],
        )
    except ValueError:
        return None


async def _page(request: Request, form: Form, status: int = 200) -> Response:
    house, lang = house_of(request), language_of(request)
    async with house.pool.acquire() as conn:
        found = await store.partner(conn, request.user.id)
        consents = await store.consents_of(conn, request.user.id)
        came, _ = await store.exchanges_of_party(conn, request.user.id, RECENT, 0)
        went, _ = await store.documents_of_party(conn, request.user.id, None, RECENT, 0)
    if "code" not in form.values:
        form.values |= _values(found, request.user.id)
    context: dict[str, Any] = {
        "form": form,
        "partner": found,
        "secret": None if found is None else secret_of(house.config.secret_key, found),
        "house_code": house.config.edi_code,
        "own_code": store.house_code(request.user.id),
        "edi_url": f"{house.config.origin}/edi",
        "channels": _channels(house, texts(request)),
        "folder": str(request.user.id),
        "consents": consents,
        "consent_options": [(str(one.other_id), one.name) for one in consents if not one.is_given],
        "came": [(row, [_fault(house, each, lang) for each in row.flaws]) for row in came],
        "went": [row for row in went if row.recipient_id == request.user.id and row.delivery_state is not None],
    }
    return render(request, "documents/partner.html", context, status=status)


def _channels(house: Any, text: Any) -> list[tuple[str, str, str]]:
    kept = [each for each in Channel if each is not Channel.FOLDER or house.config.partner_folder is not None]
    return [(each.value, text(f"documents.partner.{each}"), text(f"documents.partner.{each}_hint")) for each in kept]


def _fault(house: Any, flaw: Any, lang: Any) -> tuple[str, str]:
    return place_text(flaw, house.catalogue, lang), flaw_text(flaw, house.catalogue, lang)


def _values(found: store.Partner | None, party_id: int) -> dict[str, str]:
    if found is None:
        return {
            "code": store.house_code(party_id),
            "agency": "house",
            "format": "edifact",
            "channel": "queue",
            "url": "",
        }
    return {
        "code": found.code,
        "agency": found.agency.value,
        "format": found.format.value,
        "channel": found.channel.value,
        "url": found.url,
    }


routes = [
    Route("/partners", partner, name="partner"),
    Route("/partners/save", partner_save, name="partner_save", methods=["POST"]),
    Route("/partners/consent", partner_consent, name="partner_consent", methods=["POST"]),
    Route("/exchanges/{exchange_id:int}", exchange_file, name="exchange_file"),
]
