"""The file of a case: both sides read the same, nobody changes it, and only what can be opened safely gets in."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import asyncpg
import pytest
from PIL import Image

from escrow.facts import Role
from market import case_files
from market.case_files import MOST_EVIDENCE, CaseFileRefusal
from market.evidence_rendering import (
    LARGEST_EVIDENCE_BYTES,
    Evidence,
    EvidenceKind,
    EvidenceRefusal,
    plain_name,
    render_evidence,
)
from tests.sell.stall import picture

if TYPE_CHECKING:
    from tests.claims.dispute import Dispute

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\ntrailer << >>\n%%EOF\n"


def rendered(upload: bytes, name: str = "x") -> Evidence:
    done = render_evidence(upload, name)
    assert isinstance(done, Evidence), done
    return done


@pytest.mark.parametrize(
    ("upload", "why"),
    [
        pytest.param(b"", EvidenceRefusal.MISSING, id="nothing"),
        pytest.param(PDF + b"\0" * LARGEST_EVIDENCE_BYTES, EvidenceRefusal.TOO_LARGE, id="over-10-MiB"),
        pytest.param(PDF[:20], EvidenceRefusal.NOT_READABLE, id="a-PDF-cut-off"),
        pytest.param(b"MZ\x90\0 a program", EvidenceRefusal.NOT_READABLE, id="a-program"),
        pytest.param(b"<html><script>1</script>", EvidenceRefusal.NOT_READABLE, id="a-page"),
        pytest.param(picture(150, 150), EvidenceRefusal.TOO_SMALL, id="a-stamp"),
    ],
)
def test_what_is_no_evidence_is_refused_with_its_reason(upload: bytes, why: EvidenceRefusal) -> None:
    assert render_evidence(upload, "x") is why


def test_a_photo_keeps_its_pixels_alone_and_a_document_every_byte() -> None:
    upload = picture(600, 400, comment=b"taken at home")
    photo = rendered(upload, "DSC 1.JPG")
    assert photo.kind is EvidenceKind.PHOTO and photo.name == "DSC 1.webp"
    assert b"taken at home" not in photo.content and photo.upload_sha256 == hashlib.sha256(upload).digest()
    assert photo.thumbnail is not None and Image.open(io.BytesIO(photo.thumbnail)).size == (320, 213)
    document = rendered(PDF, "survey report.pdf")
    assert (document.kind, document.content, document.name) == (EvidenceKind.DOCUMENT, PDF, "survey report.pdf")
    assert document.sha256 == document.upload_sha256 == hashlib.sha256(PDF).digest()


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        pytest.param("../../etc/passwd.pdf", "passwd.pdf", id="a-path"),
        pytest.param("C:\\Users\\me\\验货报告.pdf", "验货报告.pdf", id="a-windows-path"),
        pytest.param('a"b\r\nX: y.pdf', "abX y.pdf", id="a-header"),
        pytest.param("invoice\u202efdp.exe", "invoicefdp.exe", id="turned-around"),
        pytest.param("x" * 200 + ".pdf", "x" * 116 + ".pdf", id="too-long"),
        pytest.param(" .. ", "", id="nothing"),
    ],
)
def test_a_name_is_shown_without_what_could_deceive(given: str, plain: str) -> None:
    assert plain_name(given) == plain


async def test_buyer_seller_and_operator_read_one_file_and_strangers_none(dispute: Dispute) -> None:
    client, path = dispute.server.client, dispute.path
    await dispute.does(dispute.buyer, "messages", words="The foot is chipped.")
    put = await client.post(
        f"{path}/evidence?name=foot.jpg",
        headers={**dispute.buyer, "idempotency-key": "e1", "content-type": "image/jpeg"},
        content=picture(600, 400),
    )
    assert put.status_code == 201, put.text
    await dispute.does(dispute.seller, "messages", words="It was whole when I packed it.")
    files = [
        (await client.get(f"{path}/file", headers=who)).json()
        for who in (dispute.buyer, dispute.seller, dispute.operators[0])
    ]
    assert files[0] == files[1] == files[2]
    assert [(one["author_role"], one["words"]) for one in files[0]["messages"]] == [
        ("buyer", "The foot is chipped."),
        ("seller", "It was whole when I packed it."),
    ]
    bytes_of = [
        await client.get(put.json()["url"], headers=who)
        for who in (dispute.buyer, dispute.seller, dispute.operators[0])
    ]
    assert {hashlib.sha256(one.content).hexdigest() for one in bytes_of} == {put.json()["sha256"]}
    assert bytes_of[0].headers["content-type"] == "application/octet-stream"
    shown = await client.get(
        put.json()["url"].removeprefix("/api/v1"), headers=await dispute.server.cookie(dispute.on.seller)
    )
    assert (shown.headers["content-type"], shown.content) == ("image/webp", bytes_of[0].content)
    for address in (f"{path}/file", put.json()["url"]):
        assert (await client.get(address, headers=dispute.stranger)).status_code == 404
    assert await dispute.told(dispute.on.seller) == "case_file_added"


async def test_a_document_is_only_handed_out_and_another_case_s_is_not_found(dispute: Dispute) -> None:
    client, path = dispute.server.client, dispute.path
    headers = {**dispute.seller, "idempotency-key": "p1", "content-type": "application/pdf"}
    put = (await client.post(f"{path}/evidence?name=报告.pdf", headers=headers, content=PDF)).json()
    got = await client.get(put["url"], headers=dispute.buyer)
    assert got.content == PDF and got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf"
    again = await client.post(f"{path}/evidence", headers={**headers, "idempotency-key": "p2"}, content=PDF)
    assert again.json()["code"] == "case_file_already_there"
    elsewhere = put["url"].replace(f"/{put['id']}", "/999999")
    assert (await client.get(elsewhere, headers=dispute.buyer)).status_code == 404
    large = await client.post(
        f"{path}/evidence", headers={**headers, "idempotency-key": "p3"}, content=PDF + b"\0" * LARGEST_EVIDENCE_BYTES
    )
    assert large.status_code == 413


async def test_the_file_takes_so_much_of_one_person_and_then_says_so(dispute: Dispute) -> None:
    house, now = dispute.server.house, dispute.server.house.node_time.now()
    case = await dispute.case()
    async with house.pool.acquire() as conn, conn.transaction():
        done = [
            await case_files.add_evidence(
                conn,
                case,
                author_id=dispute.on.winner,
                role=Role.BUYER,
                evidence=rendered(PDF + b"%d\n%%%%EOF" % n),
                now=now,
            )
            for n in range(MOST_EVIDENCE + 1)
        ]
    assert all(isinstance(one, int) for one in done[:-1]) and done[-1] is CaseFileRefusal.FULL


async def test_nothing_in_a_file_is_changed_taken_away_or_without_its_bytes(dispute: Dispute) -> None:
    await dispute.does(dispute.buyer, "messages", words="As it was.")
    async with dispute.server.house.pool.acquire() as conn:
        for act in (
            "update market.case_message set words = 'another' where case_id = $1",
            "delete from market.case_message where case_id = $1",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await conn.execute(act, dispute.case_id)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await conn.execute(
                "insert into market.case_evidence (case_id, author_id, author_role, n, kind, name, size_bytes,"
                " upload_sha256, sha256, created_at)"
                " values ($1, $2, 'buyer', 1, 'document', 'x.pdf', 1, sha256('x'), sha256('x'), now())",
                dispute.case_id,
                dispute.on.winner,
            )


async def test_the_browser_puts_words_and_photos_in_together_or_neither(dispute: Dispute) -> None:
    client, cookie = dispute.server.client, await dispute.server.cookie(dispute.on.winner)
    at = f"/deals/{dispute.case_id}"
    good, bad = ("a.jpg", picture(400, 300), "image/jpeg"), ("b.pdf", b"no pdf", "application/pdf")
    refused = await client.post(
        f"{at}/file", headers=cookie, data={"words": "Look"}, files=[("files", good), ("files", bad)]
    )
    assert refused.status_code == 422 and "neither a photo" in refused.text and ">Look<" in refused.text
    assert "/small.webp" not in refused.text
    small = ("s.jpg", picture(220, 220), "image/jpeg")  # whole and thumbnail are the same picture
    done = await client.post(
        f"{at}/file", headers=cookie, data={"words": "Look"}, files=[("files", good), ("files", small)]
    )
    assert (done.status_code, done.headers["location"]) == (303, f"{at}#file")
    page = (await client.get(at, headers=await dispute.server.cookie(dispute.on.seller))).text
    assert "Look" in page and "a.webp" in page
