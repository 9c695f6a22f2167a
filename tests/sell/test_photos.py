"""Photos: only pixels get in, whatever the file claims; hostile files get a sentence, not the server."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from market import listings, photos
from market.photo_rendering import LARGEST_UPLOAD_BYTES, PhotoRefusal, RenderedPhoto, render_photo
from tests.sell.stall import NOW, WHOLE, on_show, party, picture, submitted

if TYPE_CHECKING:
    from migrations.database import Connection


def rendered(upload: bytes) -> RenderedPhoto:
    done = render_photo(upload)
    assert isinstance(done, RenderedPhoto), done
    return done


def with_gps() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif[0x0112] = 6  # turned: to be shown a quarter to the right
    exif.get_ifd(0x8825).update({1: "N", 2: (39.0, 54.0, 26.0), 3: "E", 4: (116.0, 23.0, 29.0)})
    return picture(600, 400, exif=exif.tobytes(), comment=b"taken at home")


def test_place_camera_and_comment_are_gone_and_the_picture_stands_upright() -> None:
    upload = with_gps()
    assert b"Secret Camera" in upload and b"taken at home" in upload
    done = rendered(upload)
    assert (done.width, done.height) == (400, 600)
    for webp in done.webp.values():
        assert b"Secret" not in webp and b"taken at home" not in webp
        with Image.open(io.BytesIO(webp)) as image:
            image.load()
            assert image.format == "WEBP" and not image.getexif()
            assert {"exif", "xmp", "icc_profile", "comment"}.isdisjoint(image.info)


def test_three_sizes_are_made_and_nothing_is_enlarged() -> None:
    done = rendered(picture(3000, 1500))
    sizes = {size: Image.open(io.BytesIO(webp)).size for size, webp in done.webp.items()}
    assert sizes == {320: (320, 160), 960: (960, 480), 1920: (1920, 960)}
    small = rendered(picture(500, 400))
    assert {Image.open(io.BytesIO(webp)).width for webp in small.webp.values()} == {320, 500}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_three_usual_formats_are_read(kind: str) -> None:
    assert rendered(picture(kind=kind)).width == 640


def test_the_transparent_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(rendered(out.getvalue()).webp[320])) as image:
        pixel = image.convert("RGB").getpixel((10, 10))
    assert isinstance(pixel, tuple) and min(pixel) > 250


def png_that_claims(width: int, height: int) -> bytes:
    """A small file that unpacks to a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 1_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="400" height="400"/></svg>'


@pytest.mark.parametrize(
    ("upload", "refusal"),
    [
        (b"", PhotoRefusal.MISSING),
        (HTML, PhotoRefusal.NOT_AN_IMAGE),
        (SVG, PhotoRefusal.NOT_AN_IMAGE),
        (b"GIF89a" + b"\x00" * 100, PhotoRefusal.NOT_AN_IMAGE),
        (b"%PDF-1.7\n" + b"\x00" * 100, PhotoRefusal.NOT_AN_IMAGE),
        (b"PK\x03\x04" + b"\x00" * 1000, PhotoRefusal.NOT_AN_IMAGE),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 500, PhotoRefusal.NOT_AN_IMAGE),
        (picture(800, 600)[:2000], PhotoRefusal.NOT_AN_IMAGE),
        (png_that_claims(60_000, 60_000), PhotoRefusal.TOO_MANY_PIXELS),
        (png_that_claims(8_000, 7_000), PhotoRefusal.TOO_MANY_PIXELS),
        (png_that_claims(4_000, 4_000), PhotoRefusal.NOT_AN_IMAGE),
        (picture(199, 300), PhotoRefusal.TOO_SMALL),
        (b"\xff" * (LARGEST_UPLOAD_BYTES + 1), PhotoRefusal.TOO_LARGE),
    ],
)
def test_what_is_not_a_photo_is_refused_by_name(upload: bytes, refusal: PhotoRefusal) -> None:
    assert render_photo(upload) is refusal


def test_of_a_polyglot_only_the_picture_is_kept() -> None:
    done = rendered(picture(comment=HTML) + b"PK\x03\x04" + HTML)
    assert all(b"script" not in webp and b"PK\x03\x04" not in webp for webp in done.webp.values())


def test_damage_anywhere_is_a_refusal_or_a_picture_never_a_crash() -> None:
    upload = with_gps()
    for place in range(0, len(upload), 67):
        hurt = upload[:place] + bytes([upload[place] ^ 0xFF]) + upload[place + 1 :]
        assert isinstance(render_photo(hurt), (RenderedPhoto, PhotoRefusal))


async def test_the_darkroom_has_a_bound() -> None:
    upload = picture(2400, 1800)
    done = await asyncio.gather(*(photos.render_photo_off_loop(upload) for _ in range(photos.MOST_WAITING + 3)))
    assert done.count(PhotoRefusal.BUSY) == 3


async def test_photos_are_ordered_described_removed_and_close_their_gap(conn: Connection) -> None:
    seller = await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=WHOLE, now=NOW)
    mine = {"listing_id": draft.id, "seller_id": seller}
    ids = []
    for shade in range(3):
        image = rendered(picture(colour=f"#{shade * 40:02x}0000"))
        async with conn.transaction():
            done = await photos.upload_photo(conn, image=image, now=NOW, **mine)
        assert isinstance(done, int)
        ids.append(done)
    order = [ids[2], ids[0], ids[1]]
    assert await photos.place_photos(conn, photo_ids=order, **mine) is None
    assert await photos.describe_photo(conn, photo_id=ids[0], alt_zh="正面", alt_en="", **mine) is None
    assert await photos.delete_photo(conn, photo_id=ids[2], **mine) is None
    left = await photos.photos_of(conn, draft.id)
    assert [(photo.id, photo.position) for photo in left] == [(ids[0], 1), (ids[1], 2)]
    assert left[0].alt("en") == "正面"
    assert await photos.photo_bytes(conn, ids[2], 320) is None


async def test_the_thirteenth_and_the_same_photo_are_refused(conn: Connection) -> None:
    seller = await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=WHOLE, now=NOW)
    image = rendered(picture())
    assert isinstance(await photos.add_photo(conn, listing_id=draft.id, image=image, now=NOW), int)
    assert await photos.add_photo(conn, listing_id=draft.id, image=image, now=NOW) is PhotoRefusal.ALREADY_THERE
    for number in range(11):
        other = RenderedPhoto(sha256=bytes([number]) * 32, width=1, height=1, webp=image.webp)
        assert isinstance(await photos.add_photo(conn, listing_id=draft.id, image=other, now=NOW), int)
    other = RenderedPhoto(sha256=bytes([99]) * 32, width=1, height=1, webp=image.webp)
    assert await photos.add_photo(conn, listing_id=draft.id, image=other, now=NOW) is PhotoRefusal.LIMIT_REACHED


async def test_nobody_else_and_nobody_later_changes_the_photos(conn: Connection) -> None:
    seller, other, operator = await party(conn), await party(conn), await party(conn, operator=True)
    image = rendered(picture())
    waiting = await submitted(conn, seller)
    shown = await on_show(conn, seller, operator)
    draft = await listings.create_draft(conn, seller_id=seller, content=WHOLE, now=NOW)
    for listing, who, refusal in [
        (waiting, seller, PhotoRefusal.LOT_IS_FIXED),
        (shown, seller, PhotoRefusal.LOT_IS_FIXED),
        (draft, other, PhotoRefusal.NOT_FOUND),
    ]:
        done = await photos.upload_photo(conn, listing_id=listing.id, seller_id=who, image=image, now=NOW)
        assert done is refusal
