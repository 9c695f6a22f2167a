"""The API's contracts: reading, signing with a key of one's own or with the wallet's, amending, and the papers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs
from starlette.requests import Request
from starlette.responses import Response

from escrow.vault_client import VaultError
from market import case_files
from market.api.case_files import MEDIA, EvidenceQuery
from market.api.operations import Call, granted, operation
from market.api.raw_calls import answered, body_of, handle_in
from market.api.shapes import Currency, Id, Listed, MinorOut, Paging
from market.api.trade_terms import TermsIn, TermsOut, terms_in, terms_out
from market.api.vault import Handle
from market.case_files import Content
from market.contracting import desk, formalities, pki_store, records, signing, store, wallet_signing
from market.contracting.bundle import bundle_of
from market.contracting.facts import Contract, ContractRefusal, ContractState, OriginKind, Unsound
from market.contracting.terms import FormalityKind, TradeTerms, differences
from market.contracting.wording import flaw_text
from market.evidence_rendering import Evidence, EvidenceKind
from market.house import house_of
from market.pages.case_files import evidence_response
from market.problems import Problem, ProblemError
from market.trading.particulars import particulars
from market.trading.store import categories
from market.wallet_sessions import UnreachableRefusal

Role = Literal["seller", "buyer"]
Serial = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class ContractQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: ContractState | None = None


class ContractLine(Struct, kw_only=True):
    id: int
    origin: OriginKind
    state: ContractState
    title_en: str
    title_zh: str
    role: Role
    other_name: str
    currency: Currency
    price_minor: MinorOut
    drawn_at: datetime
    sign_by: datetime | None
    signed_by: list[str]
    case_id: int | None


class SignatureOut(Struct, kw_only=True):
    """`certificate` is the serial number; a signature by `agreement` has none."""

    role: Role
    by: Literal["key", "agreement"]
    certificate: str | None
    signed_at: datetime


class ChangeOut(Struct, kw_only=True):
    path: str
    old: str | int | bool | None
    new: str | int | bool | None


class VersionOut(Struct, kw_only=True):
    """`terms` is null for a contract that a hammer made: its confirmation says what was agreed on. `changes` are against
    the version that stood when this one was proposed."""

    n: int
    terms_sha256: Hash
    terms: TermsOut | None
    proposed_by: int | None
    proposed_at: datetime
    reason: str
    signatures: list[SignatureOut]
    changes: list[ChangeOut]


class PaperOut(Struct, kw_only=True):
    id: int
    name: str
    kind: str
    size_bytes: int
    sha256: Hash
    author_id: int
    created_at: datetime


class FormalityOut(Struct, kw_only=True):
    """A line of the checklist; while one is not accepted that `holds_up_shipping`, the goods can't be shipped. `is_late`: its
    day has passed and it is not accepted.
    """

    n: int
    kind: FormalityKind
    duty_of: Literal["buyer", "seller", "house"]
    due: str
    required: bool
    note: str
    state: str
    holds_up_shipping: bool
    is_late: bool
    officer_id: int | None
    handed_in_by: int | None
    handed_in_at: datetime | None
    judged_by: int | None
    judged_at: datetime | None
    reason: str
    papers: list[PaperOut]


class ContractOut(Struct, kw_only=True):
    """`stands` is the version that binds, `offered` the one that can be signed."""

    id: int
    origin: OriginKind
    state: ContractState
    seller_id: int
    buyer_id: int
    role: Role | None
    drawn_at: datetime
    sign_by: datetime | None
    in_force_at: datetime | None
    stands: int | None
    offered: int | None
    case_id: int | None
    revision: int
    versions: list[VersionOut]
    formalities: list[FormalityOut]


class RecordIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """`version`: the one that was read; if another lies open meanwhile, nothing is given to sign."""

    certificate: Serial
    version: Annotated[int, Meta(ge=1)] | None = None


class RecordOut(Struct, kw_only=True):
    """Sign the bytes of `to_sign` (UTF-8) with the certificate's Ed25519 key and hand `record` in with the signature, within
    ten minutes."""

    record: str
    to_sign: str


class SignatureIn(Struct, kw_only=True, forbid_unknown_fields=True):
    record: Annotated[str, Meta(min_length=2, max_length=1000)]
    signature: Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]


class WalletSignatureIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """`handle` is from opening or unlocking the wallet; `version` the one that was read."""

    handle: Handle
    version: Annotated[int, Meta(ge=1)]


class AmendmentIn(Struct, kw_only=True, forbid_unknown_fields=True):
    terms: TermsIn
    reason: Annotated[str, Meta(max_length=500)] = ""


class DeclineIn(Struct, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class VerdictIn(Struct, kw_only=True, forbid_unknown_fields=True):
    accept: bool
    reason: Annotated[str, Meta(max_length=500)] = ""


class OfficerIn(Struct, kw_only=True, forbid_unknown_fields=True):
    party_id: Id | None


@operation("GET", "/contracts", tag="contracts")
async def contracts(call: Call, query: ContractQuery) -> Listed[ContractLine]:
    """The viewer's contracts, newest first."""
    rows, total = await store.contracts_of(
        call.conn,
        call.viewer.id,
        state=query.state.value if query.state else None,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    lines = [
        ContractLine(
            id=row.id,
            origin=OriginKind(row.origin_kind),
            state=ContractState(row.state),
            title_en=row.terms.title_en,
            title_zh=row.terms.title_zh,
            role="seller" if row.seller_id == call.viewer.id else "buyer",
            other_name=row.buyer_name if row.seller_id == call.viewer.id else row.seller_name,
            currency=row.terms.currency,
            price_minor=str(row.terms.price_minor),
            drawn_at=row.drawn_at,
            sign_by=row.sign_by,
            signed_by=list(row.signed_roles),
            case_id=row.case_id,
        )
        for row in rows
    ]
    return Listed(items=lines, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


@operation("GET", "/contracts/{contract_id:int}", tag="contracts")
async def contract(call: Call, contract_id: int) -> ContractOut:
    """One contract with all its versions, who has signed which, and the papers before performance."""
    return await _shown(call, contract_id)


@operation("POST", "/contracts/{contract_id:int}/signature_records", tag="contracts", keyed=False)
async def contract_record(call: Call, contract_id: int, body: RecordIn) -> RecordOut:
    """What a program signs with its own key, for the version that lies open now. Nothing is changed by asking."""
    found = await _certain(call, contract_id)
    if body.version is not None and found.offered is not None and found.offered.n != body.version:
        raise ProblemError(ContractRefusal.OTHER_VERSION)
    certificate = await pki_store.certificate(call.conn, body.certificate)
    authority = call.house.contracting.authority.public_key
    fault = signing.certificate_fault(certificate, call.viewer.id, authority, call.now)
    if fault is not None:
        raise ProblemError(fault)
    record = granted(signing.record_for(found, call.viewer.id, body.certificate, call.now))
    raw = records.canonical(record)
    return RecordOut(record=raw.decode(), to_sign=records.signed_bytes(raw).decode())


@operation("POST", "/contracts/{contract_id:int}/signatures", tag="contracts", status=201)
async def contract_sign(call: Call, contract_id: int, body: SignatureIn) -> ContractOut:
    """Sign with a key of one's own. With the second signature the contract is in force and its deal open."""
    granted(
        await signing.add_signature(
            call.conn,
            call.house.contracting,
            contract_id,
            call.viewer.id,
            body.record.encode(),
            bytes.fromhex(body.signature),
            call.now,
        )
    )
    return await _shown(call, contract_id)


class SignedShape(Struct, kw_only=True):
    id: int
    state: ContractState
    case_id: int | None


@operation(
    "POST",
    "/contracts/{contract_id:int}/wallet_signatures",
    tag="contracts",
    keyed=False,
    raw=(WalletSignatureIn, SignedShape),
)
async def contract_sign_by_wallet(request: Request) -> Response:
    """Sign with the key in the vault; a certificate is made when there is none. Signed twice, it is refused."""
    body, house = await body_of(request, WalletSignatureIn), house_of(request)
    handle, number = handle_in(request, body.handle), int(request.path_params["contract_id"])
    try:
        done = await wallet_signing.sign(
            house.pool, house.vault, house.contracting, number, body.version, handle, house.node_time.now
        )
    except VaultError:
        raise ProblemError(UnreachableRefusal.VAULT_UNREACHABLE) from None
    if isinstance(done, Contract):
        return answered(SignedShape(id=done.id, state=done.state, case_id=done.case_id))
    return answered(done)


@operation("POST", "/contracts/{contract_id:int}/amendments", tag="contracts", status=201)
async def contract_amend(call: Call, contract_id: int, body: AmendmentIn) -> ContractOut:
    """Propose other terms; they bind once both have signed them."""
    found = await _certain(call, contract_id)
    if not isinstance(found.standing.terms, TradeTerms):
        raise ProblemError(ContractRefusal.FROM_A_HAMMER)
    base = found.terms
    given = terms_in(body.terms, seller_id=base.seller_id, buyer_id=base.buyer_id)
    wanted = await _with_frozen(call, given, base)
    outcome = await desk.propose(call.conn, contract_id, call.viewer.id, wanted, body.reason, call.now)
    if isinstance(outcome, Unsound):
        flaws = [
            {"path": one.path, "code": one.reason.value, "detail": flaw_text(one, call.house.catalogue, call.lang)}
            for one in outcome.flaws
        ]
        raise ProblemError(ContractRefusal.TERMS_UNSOUND, flaws=flaws)
    granted(outcome)
    return await _shown(call, contract_id)


@operation("POST", "/contracts/{contract_id:int}/withdrawal", tag="contracts")
async def contract_withdraw(call: Call, contract_id: int) -> ContractOut:
    """Take the own proposal back."""
    granted(await desk.withdraw(call.conn, contract_id, call.viewer.id, call.now))
    return await _shown(call, contract_id)


@operation("POST", "/contracts/{contract_id:int}/refusal", tag="contracts")
async def contract_decline(call: Call, contract_id: int, body: DeclineIn) -> ContractOut:
    """Decline the other's proposal; without one, the contract while it does not bind."""
    granted(await desk.decline(call.conn, contract_id, call.viewer.id, body.reason, call.now))
    return await _shown(call, contract_id)


@operation("GET", "/contracts/{contract_id:int}/bundle", tag="contracts", returns_media="application/octet-stream")
async def contract_bundle(call: Call, contract_id: int) -> Response:
    """Everything that was signed as one file, byte for byte as it is to be checked."""
    found = await _certain(call, contract_id)
    content = await bundle_of(call.conn, call.house.contracting, found, call.now)
    headers = {"Content-Disposition": f'attachment; filename="contract-{found.id}.json"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


@operation("POST", "/contracts/{contract_id:int}/papers/{n:int}", tag="contracts", status=201, body_media_types=MEDIA)
async def formality_hand_in(call: Call, contract_id: int, n: int, query: EvidenceQuery, body: bytes) -> ContractOut:
    """Hand in a photo or a PDF of at most 10 MiB for one line of the checklist."""
    paper = granted(await case_files.render_off_loop(body, query.name))
    assert isinstance(paper, Evidence)
    granted(
        await formalities.hand_in(
            call.conn, contract_id, n, call.viewer.id, paper, call.now, is_operator=call.viewer.is_operator
        )
    )
    return await _shown(call, contract_id)


@operation("POST", "/contracts/{contract_id:int}/papers/{n:int}/verdict", tag="contracts")
async def formality_judge(call: Call, contract_id: int, n: int, body: VerdictIn) -> ContractOut:
    """Accept what was handed in, or refuse it with the reason."""
    granted(
        await formalities.judge(
            call.conn,
            call.house.escrow,
            contract_id,
            n,
            call.viewer.id,
            call.now,
            accept=body.accept,
            reason=body.reason,
            is_operator=call.viewer.is_operator,
        )
    )
    return await _shown(call, contract_id)


@operation("PUT", "/contracts/{contract_id:int}/papers/{n:int}/officer", tag="contracts")
async def formality_appoint(call: Call, contract_id: int, n: int, body: OfficerIn) -> ContractOut:
    """Who is to see to it; null for nobody."""
    granted(
        await formalities.appoint(
            call.conn, contract_id, n, call.viewer.id, body.party_id, call.now, is_operator=call.viewer.is_operator
        )
    )
    return await _shown(call, contract_id)


@operation(
    "GET",
    "/contracts/{contract_id:int}/files/{paper_id:int}",
    tag="contracts",
    returns_media="application/octet-stream",
)
async def formality_paper(call: Call, contract_id: int, paper_id: int) -> Response:
    """The bytes of a paper; its `kind` says what they are: a photo is WebP, a document PDF."""
    found = await formalities.paper_content(call.conn, contract_id, paper_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    kind, name, content = found
    response = evidence_response(Content(kind=EvidenceKind(kind), name=name, content=content))
    response.headers["Content-Type"] = "application/octet-stream"
    return response


async def _with_frozen(call: Call, given: TradeTerms, base: TradeTerms) -> TradeTerms:
    """Names, fees and what the goods' attributes say in words are not a party's to say."""
    before = {line.n: line for line in base.goods}
    known = {each.code: each for each in await categories(call.conn)}
    goods = []
    for line in given.goods:
        former, category = before.get(line.n), known.get(line.category)
        if former is not None and (former.category, former.attributes) == (line.category, line.attributes):
            english, chinese = former.particulars_en, former.particulars_zh
        else:
            english, chinese = ("", "") if category is None else particulars(line.attributes, category)
        goods.append(structs.replace(line, particulars_en=english, particulars_zh=chinese))
    return structs.replace(
        given, goods=tuple(goods), seller_name=base.seller_name, buyer_name=base.buyer_name, fees=base.fees
    )


async def _certain(call: Call, contract_id: int) -> Contract:
    found = await store.contract(call.conn, contract_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return found


async def _shown(call: Call, contract_id: int) -> ContractOut:
    found = await _certain(call, contract_id)
    lines = await formalities.checklist(call.conn, contract_id)
    return ContractOut(
        id=found.id,
        origin=found.origin.kind,
        state=found.state,
        seller_id=found.seller_id,
        buyer_id=found.buyer_id,
        role=found.role_of(call.viewer.id),
        drawn_at=found.drawn_at,
        sign_by=found.sign_by,
        in_force_at=found.in_force_at,
        stands=found.standing.n if found.in_force_at else None,
        offered=found.offered_version,
        case_id=found.case_id,
        revision=found.revision,
        versions=[_version(found, n) for n in range(1, len(found.versions) + 1)],
        formalities=[_formality(line, call.now.date()) for line in lines],
    )


def _version(found: Contract, n: int) -> VersionOut:
    one, before = found.versions[n - 1], found.replaced_by(n)
    changes = []
    if before is not None and isinstance(before.terms, TradeTerms) and isinstance(one.terms, TradeTerms):
        changes = [
            ChangeOut(path=each.path, old=each.old, new=each.new) for each in differences(before.terms, one.terms)
        ]
    return VersionOut(
        n=n,
        terms_sha256=one.sha256.hex(),
        terms=terms_out(one.terms) if isinstance(one.terms, TradeTerms) else None,
        proposed_by=one.proposed_by,
        proposed_at=one.proposed_at,
        reason=one.reason,
        signatures=[
            SignatureOut(role=each.role, by=each.kind, certificate=each.serial, signed_at=each.signed_at)
            for each in one.signatures
        ],
        changes=changes,
    )


def _formality(line: formalities.Line, today: date) -> FormalityOut:
    return FormalityOut(
        n=line.n,
        kind=FormalityKind(line.kind),
        duty_of=line.duty_of,  # type: ignore[arg-type]  # the table's constraint lists the same names
        due=line.due,
        required=line.required,
        note=line.note,
        state=line.state,
        holds_up_shipping=line.is_missing,
        is_late=line.is_late(today),
        officer_id=line.officer_id,
        handed_in_by=line.handed_in_by,
        handed_in_at=line.handed_in_at,
        judged_by=line.judged_by,
        judged_at=line.judged_at,
        reason=line.reason,
        papers=[
            PaperOut(
                id=one.id,
                name=one.name,
                kind=one.kind,
                size_bytes=one.size_bytes,
                sha256=one.sha256.hex(),
                author_id=one.author_id,
                created_at=one.created_at,
            )
            for one in line.papers
        ],
    )
