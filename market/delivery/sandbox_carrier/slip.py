"""The slip that a receiver signs, as a small picture: what the carrier shows as its proof of delivery."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from market.delivery.sandbox_carrier.book import Parcel

_SIZE = (640, 360)


@cache
def _font() -> ImageFont.FreeTypeFont | None:
    """One that has Chinese; None on a machine without: then a name that the plain one can't write is left to the report."""
    for name in ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "wqy-microhei.ttc"):
        with suppress(OSError):
            return ImageFont.truetype(name, 22)
    return None


def signed_slip(parcel: Parcel, received_by: str, at: datetime) -> bytes:
    """A WebP of the slip; the signature is a stroke drawn from the parcel's number, no two alike."""
    image = Image.new("L", _SIZE, 250)
    draw, font = ImageDraw.Draw(image), _font()
    lines = (
        "SANDBOX EXPRESS  PROOF OF DELIVERY",
        f"No. {parcel.tracking_number}",
        f"Packages {parcel.order.packages}   {parcel.order.kilograms} kg",
        at.strftime("%Y-%m-%d %H:%M UTC"),
        received_by if font is not None or received_by.isascii() else "",
    )
    for place, line in enumerate(lines):
        draw.text((32, 28 + 36 * place), line, fill=30, font=font, font_size=22)
    draw.line([(32, 320), (608, 320)], fill=120)
    digits = parcel.booking_id.replace("-", "")
    points = [(60 + 16 * n, 310 - 3 * int(digit, 16)) for n, digit in enumerate(digits[:32])]
    draw.line(points, fill=20, width=3, joint="curve")
    kept = BytesIO()
    image.save(kept, "WEBP", quality=80)
    return kept.getvalue()
