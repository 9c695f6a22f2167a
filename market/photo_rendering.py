"""One uploaded file in, three clean webp pictures out, or a refusal. Pixels only: what is not a pixel is left behind.

Nothing of the upload survives but its decoded picture: EXIF (place, camera, thumbnail), XMP, comments and whatever
hangs behind the image data are gone, because each size is encoded anew from a bare bitmap.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from enum import StrEnum

from msgspec import Struct
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

LARGEST_UPLOAD_BYTES = 12 * 1024 * 1024
LARGEST_PIXELS = 50_000_000
"""Some 150 MB decoded; a phone's largest photo. A file that claims more is refused before a pixel is decoded."""
SMALLEST_SIDE = 200
SIZES: tuple[int, ...] = (320, 960, 1920)
READABLE_FORMATS = ("JPEG", "PNG", "WEBP")
WEBP_QUALITY = 82

_WHAT_A_HOSTILE_FILE_RAISES = (
    UnidentifiedImageError,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""Decoders parse the unknown and trip in many ways; each of them means: not an image that we can read."""


class PhotoRefusal(StrEnum):
    """Why a photo was not taken, in the order tested. The sentence is `market_refusal.<value>`."""

    MISSING = "photo_missing"
    TOO_LARGE = "photo_too_large"
    NOT_AN_IMAGE = "photo_not_an_image"
    TOO_MANY_PIXELS = "photo_too_many_pixels"
    TOO_SMALL = "photo_too_small"
    BUSY = "photo_busy"
    LIMIT_REACHED = "photo_limit_reached"
    ALREADY_THERE = "photo_already_there"
    NOT_FOUND = "photo_not_found"
    LOT_IS_FIXED = "photo_lot_is_fixed"


class RenderedPhoto(Struct, frozen=True, kw_only=True):
    """The picture in each of SIZES (size → webp bytes). `width` and `height` are those of the largest."""

    sha256: bytes
    width: int
    height: int
    webp: dict[int, bytes]


def render_photo(upload: bytes) -> RenderedPhoto | PhotoRefusal:
    """Decode, turn upright, bring to sRGB, and encode in each size. Blocking: some 0.3 s for a phone's photo."""
    if not upload:
        return PhotoRefusal.MISSING
    if len(upload) > LARGEST_UPLOAD_BYTES:
        return PhotoRefusal.TOO_LARGE
    picture = _decoded(upload)
    if isinstance(picture, PhotoRefusal):
        return picture
    pictures = {size: _fitted(picture, size) for size in SIZES}
    largest = pictures[SIZES[-1]]
    return RenderedPhoto(
        sha256=hashlib.sha256(upload).digest(),
        width=largest.width,
        height=largest.height,
        webp={size: _encoded(fitted) for size, fitted in pictures.items()},
    )


def _decoded(upload: bytes) -> Image.Image | PhotoRefusal:
    """The upload's first frame as a bare RGB bitmap. Whatever a decoder trips over is "not an image we can read"."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata warns; the size is judged below by our own figure
            with Image.open(io.BytesIO(upload), formats=READABLE_FORMATS) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    return PhotoRefusal.TOO_MANY_PIXELS
                if min(image.width, image.height) < SMALLEST_SIDE:
                    return PhotoRefusal.TOO_SMALL
                image.draft("RGB", (SIZES[-1], SIZES[-1]))  # JPEG decodes straight to a half or a quarter
                image.load()
                return _bare(image)
    except Image.DecompressionBombError:
        return PhotoRefusal.TOO_MANY_PIXELS
    except _WHAT_A_HOSTILE_FILE_RAISES:
        return PhotoRefusal.NOT_AN_IMAGE


def _bare(image: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(image)
    flat = _on_white(_in_srgb(upright))
    bare = Image.new("RGB", flat.size)
    bare.paste(flat)  # a new bitmap has no `info`, and so nothing that an encoder could copy along
    return bare


def _in_srgb(image: Image.Image) -> Image.Image:
    """Colours as sRGB shows them. A profile that can't be read is left aside: the pixels are shown as they are."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, target, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        seen_through = image.convert("RGBA")
        white = Image.new("RGBA", seen_through.size, "white")
        return Image.alpha_composite(white, seen_through).convert("RGB")
    return image.convert("RGB")


def _fitted(picture: Image.Image, size: int) -> Image.Image:
    """At most `size` wide and high, never enlarged."""
    fitted = picture.copy()
    fitted.thumbnail((size, size), Image.Resampling.LANCZOS)
    return fitted


def _encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=WEBP_QUALITY, method=4)
    return out.getvalue()
