"""A small photographer's studio in Pillow: backdrops, light, shadows, turned solids, grain.

Pictures are built at 2400 × 1800 and delivered at 1600 × 1200, so that every edge is smooth. Knows light and shape,
and nothing of what is for sale. Everything is drawn; no picture of anybody else's is used.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]
Profile = Callable[[float], float]

WIDTH, HEIGHT = 2400, 1800
DELIVERED = (1600, 1200)
LIGHT = (-0.55, -0.55, 0.63)
"""Where the key light comes from: left, above, in front."""


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of b in a."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def gradient(size: tuple[int, int], top: Colour, bottom: Colour, *, sideways: bool = False) -> Image.Image:
    """A smooth run from one colour to another."""
    ramp = Image.linear_gradient("L")
    ramp = (ramp.rotate(90) if sideways else ramp).resize(size, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def glow(size: tuple[int, int], box: tuple[int, int, int, int], strength: float) -> Image.Image:
    """A soft round mask that is `strength` (0–1) at the middle of `box` and nothing outside."""
    ramp = ImageChops.invert(Image.radial_gradient("L")).point(lambda v: int(255 * (max(0, v - 74) / 181) ** 1.6))
    mask = Image.new("L", size, 0)
    mask.paste(ramp.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC), box[:2])
    return mask.point(lambda v: int(v * strength))


def backdrop(wall: Colour, table: Colour, *, horizon: float = 0.62) -> Image.Image:
    """A seamless paper roll: wall runs into table without an edge, lit from the upper left."""
    size = (WIDTH, HEIGHT)
    picture = gradient((WIDTH, HEIGHT), mix(wall, (255, 255, 255), 0.10), mix(wall, (0, 0, 0), 0.10))
    floor = gradient((WIDTH, HEIGHT), mix(table, (0, 0, 0), 0.06), mix(table, (255, 255, 255), 0.16))
    bend = Image.new("L", size, 0)
    ImageDraw.Draw(bend).rectangle((0, int(HEIGHT * horizon), WIDTH, HEIGHT), fill=255)
    paint(picture, floor, bend.resize((60, 45)).filter(ImageFilter.GaussianBlur(3.2)).resize(size))
    lit = glow(size, (-600, -900, 2000, 1700), 0.34)
    paint(picture, Image.new("RGB", size, mix(wall, (255, 252, 244), 0.72)), lit)
    edge = ImageChops.invert(glow(size, (-900, -700, WIDTH + 900, HEIGHT + 700), 1.0)).point(lambda v: int(v * 0.34))
    paint(picture, Image.new("RGB", size, mix(wall, (0, 0, 0), 0.78)), edge)
    return picture


def layer() -> Image.Image:
    """An empty sheet to draw an object on."""
    return Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))


def blurred(mask: Image.Image, radius: float) -> Image.Image:
    """A wide blur, computed on an eighth of the size."""
    small = mask.resize((mask.width // 8, mask.height // 8), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(radius / 8)).resize(mask.size, Image.Resampling.BICUBIC)


def contact(picture: Image.Image, box: tuple[float, float, float, float], darkness: float = 0.62) -> None:
    """The dark line where an object stands, and the wide soft shade around it."""
    for grow, blur, share in ((1.0, 22, 0.75), (1.35, 90, 0.55)):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        w, h = (box[2] - box[0]) / 2 * grow, (box[3] - box[1]) / 2 * grow
        mask = Image.new("L", picture.size, 0)
        ImageDraw.Draw(mask).ellipse((x - w, y - h, x + w, y + h), fill=int(255 * darkness * share))
        paint(picture, (18, 14, 12), blurred(mask, blur))


def cast(picture: Image.Image, thing: Image.Image, base: float, *, reach: float = 0.42, darkness: float = 0.30) -> None:
    """The shadow that the key light throws of `thing` over the table, lying back to the right from the line `base`."""
    lean = 0.95 / reach
    laid = (1, lean, -lean * base, 0, 1 / reach, base - base / reach)
    alpha = thing.getchannel("A")
    shadow = alpha.transform(alpha.size, Image.Transform.AFFINE, laid, Image.Resampling.BILINEAR)
    fade = Image.linear_gradient("L").resize(alpha.size)
    soft = ImageChops.multiply(blurred(shadow, 46), fade).point(lambda v: int(v * darkness * 1.6))
    paint(picture, (20, 16, 14), soft)


def place(picture: Image.Image, thing: Image.Image) -> None:
    """Put an object's sheet over the picture."""
    paint(picture, thing, thing)


def paint(picture: Image.Image, paint_of: Image.Image | Colour, mask: Image.Image) -> None:
    """Paint through a mask of the picture's size, only where the mask is (which is most often a small part)."""
    box = mask.getbbox()
    if box is None:
        return
    part = paint_of.crop(box) if isinstance(paint_of, Image.Image) else paint_of
    picture.paste(part, box[:2], mask.crop(box))


@lru_cache(maxsize=1)
def _noise() -> Image.Image:
    return Image.effect_noise(DELIVERED, 13)


def deliver(picture: Image.Image, *, zoom: float = 1.22, middle: Point = (1200, 930)) -> Image.Image:
    """The finished photograph: cut `zoom` times closer round `middle`, scaled, with a little grain and contrast."""
    w, h = WIDTH / zoom, HEIGHT / zoom
    left, top = min(max(0.0, middle[0] - w / 2), WIDTH - w), min(max(0.0, middle[1] - h / 2), HEIGHT - h)
    box = (round(left), round(top), round(left + w), round(top + h))
    done = picture.convert("RGB").resize(DELIVERED, Image.Resampling.LANCZOS, box=box)
    grain = Image.merge("RGB", [_noise()] * 3)
    return Image.blend(done, ImageChops.overlay(done, grain), 0.42)


def shade_row(base: Colour, slope: float, *, gloss: float, sharpness: float, shade: float = 0.30) -> Image.Image:
    """One line of a turned solid, lit: 512 pixels from its left edge to its right. `slope` is dr/dy at the line."""
    flat = 1 / math.sqrt(1 + slope * slope)
    pixels = []
    for i in range(512):
        u = (i + 0.5) / 256 - 1
        normal = (u * flat, -slope * flat, math.sqrt(max(0.0, 1 - u * u)) * flat)
        facing = normal[0] * LIGHT[0] + normal[1] * LIGHT[1] + normal[2] * LIGHT[2]
        diffuse = shade + (1 - shade) * max(0.0, facing) ** 0.85
        # A reflector on the right keeps the far edge from going dead.
        bounce = 0.16 * max(0.0, normal[0]) ** 3
        half = (LIGHT[0] * 0.55, LIGHT[1] * 0.55, (LIGHT[2] + 1) * 0.55)
        spark = gloss * max(0.0, sum(n * h for n, h in zip(normal, half, strict=True))) ** sharpness
        pixels.append(tuple(min(255, int(c * (diffuse + bounce) * 1.12 + 255 * spark)) for c in base))
    row = Image.new("RGB", (512, 1))
    row.putdata(pixels)
    return row


def turned(
    centre: float,
    top: float,
    bottom: float,
    radius: Profile,
    colour: Colour | Callable[[float], Colour],
    *,
    skin: Image.Image | None = None,
    gloss: float = 0.55,
    sharpness: float = 60,
    tilt: float = 0.16,
) -> Image.Image:
    """A solid turned on a lathe, seen a little from above. `radius(t)` in pixels for t from 0 (top) to 1 (bottom).

    `skin` (RGB, any size) is multiplied onto it, wrapped round; `tilt` is how far the camera looks down.
    """
    flat = layer()
    rows = int(bottom - top)
    wrapped = _wrapped(skin, rows) if skin is not None else None
    cache: dict[tuple[int, Colour], Image.Image] = {}
    widest = 1.0
    for y in range(rows):
        t = y / rows
        r = max(1.0, radius(t))
        widest = max(widest, r)
        slope = (radius(min(1.0, t + 0.004)) - radius(max(0.0, t - 0.004))) / (0.008 * rows)
        base = colour(t) if callable(colour) else colour
        key = (round(max(-2.5, min(2.5, slope)) * 28), base)
        if key not in cache:
            cache[key] = shade_row(base, key[0] / 28, gloss=gloss, sharpness=sharpness)
        line = cache[key].resize((int(2 * r), 1), Image.Resampling.BILINEAR)
        if wrapped is not None:
            line = ImageChops.multiply(line, wrapped.crop((0, y, 512, y + 1)).resize(line.size))
        flat.paste(line, (round(centre - r), round(top) + y))
    return _seen_from_above(flat, centre, widest, tilt)


def _wrapped(skin: Image.Image, rows: int) -> Image.Image:
    """The front half of a skin as it appears round a cylinder."""
    source = skin.resize((512, rows), Image.Resampling.LANCZOS)
    columns = [
        (
            (i, 0, i + 4, rows),
            _column(math.asin(i / 256 - 1) / math.pi + 0.5, math.asin((i + 4) / 256 - 1) / math.pi + 0.5, rows),
        )
        for i in range(0, 512, 4)
    ]
    return source.transform((512, rows), Image.Transform.MESH, columns, Image.Resampling.BILINEAR)


def _column(left: float, right: float, rows: int) -> tuple[float, ...]:
    return (left * 511, 0, left * 511, rows, right * 511, rows, right * 511, 0)


def _seen_from_above(flat: Image.Image, centre: float, widest: float, tilt: float) -> Image.Image:
    """Bend every level line into the front half of an ellipse."""
    box = flat.getbbox()
    if box is None:
        return flat
    top, bottom = box[1], min(HEIGHT, box[3] + math.ceil(tilt * widest))
    meshes = []
    step = 6
    for x in range(max(0, int(centre - widest) - step), min(WIDTH - step, int(centre + widest) + step), step):
        drops = [tilt * math.sqrt(max(0.0, widest**2 - (edge - centre) ** 2)) for edge in (x, x + step)]
        left, right = drops
        source = (x, top - left, x, bottom - left, x + step, bottom - right, x + step, top - right)
        meshes.append(((x, top, x + step, bottom), source))
    return flat.transform(flat.size, Image.Transform.MESH, meshes, Image.Resampling.BILINEAR)


def drop_at(x: float, widest: float, tilt: float) -> float:
    """How far a level line hangs at `x` from the axis."""
    return tilt * math.sqrt(max(0.0, widest**2 - x * x))


def smooth(points: Sequence[Point]) -> Profile:
    """A profile through (t, radius) points, rounded (monotone in t; cosine-free cubic)."""
    ts = [t for t, _ in points]
    rs = [r for _, r in points]
    count = len(points)
    slopes = [
        (rs[min(i + 1, count - 1)] - rs[max(i - 1, 0)]) / ((ts[min(i + 1, count - 1)] - ts[max(i - 1, 0)]) or 1)
        for i in range(count)
    ]

    def radius(t: float) -> float:
        i = next((k for k in range(count - 1) if t <= ts[k + 1]), count - 2)
        h = ts[i + 1] - ts[i]
        s = min(1.0, max(0.0, (t - ts[i]) / h))
        return (
            (2 * s**3 - 3 * s**2 + 1) * rs[i]
            + (s**3 - 2 * s**2 + s) * h * slopes[i]
            + (-2 * s**3 + 3 * s**2) * rs[i + 1]
            + (s**3 - s**2) * h * slopes[i + 1]
        )

    return radius


def mouth(thing: Image.Image, centre: float, y: float, r: float, tilt: float, rim: Colour, inside: Colour) -> None:
    """The opening of a vessel, its far wall lit and its near wall dark, with a bright lip."""
    h = r * tilt
    draw = ImageDraw.Draw(thing)
    draw.ellipse((centre - r, y - h, centre + r, y + h), fill=(*rim, 255))
    lip = max(6.0, r * 0.045)
    box = (round(centre - r + lip), round(y - h + lip * 0.5), round(centre + r - lip), round(y + h - lip * 0.35))
    well = gradient((box[2] - box[0], max(1, box[3] - box[1])), mix(inside, (0, 0, 0), 0.62), inside)
    mask = Image.new("L", well.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, well.width - 1, well.height - 1), fill=255)
    thing.paste(well, box[:2], mask)


def box_side(
    thing: Image.Image, corners: Sequence[Point], near: Colour, far: Colour, *, sideways: bool = False
) -> None:
    """One flat side of something, with light running over it."""
    mask = Image.new("L", thing.size, 0)
    ImageDraw.Draw(mask).polygon(list(corners), fill=255)
    box = mask.getbbox()
    if box is None:
        return
    part = gradient((box[2] - box[0], box[3] - box[1]), near, far, sideways=sideways)
    thing.paste(part, box[:2], mask.crop(box))


def rod(
    thing: Image.Image,
    points: Sequence[Point],
    width: float,
    colour: Colour,
    *,
    end_width: float | None = None,
    gloss: float = 0.7,
) -> None:
    """A bent rod or tube, `width` thick and thinning to `end_width`, lit from the upper left."""
    last = width if end_width is None else end_width
    sheets = []
    for share, shift in ((1.0, 0.0), (0.66, -0.10), (0.2, -0.24)):
        mask = Image.new("L", thing.size, 0)
        draw = ImageDraw.Draw(mask)
        for (x, y), thick in _beads(points, width, last):
            r = thick * share / 2
            draw.ellipse(
                (x + shift * thick - r, y + shift * thick - r, x + shift * thick + r, y + shift * thick + r), fill=255
            )
        sheets.append(mask)
    soft = max(2.0, width * 0.09)
    paint(thing, mix(colour, (0, 0, 0), 0.46), sheets[0])
    thing.paste(
        mix(colour, (255, 255, 255), 0.06), (0, 0), ImageChops.multiply(sheets[0], _near(sheets[1], soft * 1.6))
    )
    light = _near(sheets[2], soft).point(lambda v: int(v * gloss))
    paint(thing, mix(colour, (255, 255, 255), 0.8), ImageChops.multiply(sheets[0], light))


def _near(mask: Image.Image, radius: float) -> Image.Image:
    """A blur of the part that is drawn on, which is small beside the sheet."""
    box = mask.getbbox()
    if box is None:
        return mask
    margin = int(radius * 3)
    wide = (
        max(0, box[0] - margin),
        max(0, box[1] - margin),
        min(mask.width, box[2] + margin),
        min(mask.height, box[3] + margin),
    )
    done = Image.new("L", mask.size, 0)
    done.paste(mask.crop(wide).filter(ImageFilter.GaussianBlur(radius)), wide[:2])
    return done


def _beads(points: Sequence[Point], width: float, last: float) -> list[tuple[Point, float]]:
    """Points so close that circles on them make a smooth tube."""
    lengths = [math.dist(a, b) for a, b in itertools.pairwise(points)]
    total = sum(lengths) or 1.0
    beads: list[tuple[Point, float]] = []
    gone = 0.0
    for (a, b), length in zip(itertools.pairwise(points), lengths, strict=True):
        count = max(1, int(length / max(1.0, min(width, last) * 0.12)))
        for k in range(count + 1):
            s = k / count
            beads.append(
                (
                    (a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s),
                    width + (last - width) * (gone + length * s) / total,
                )
            )
        gone += length
    return beads


def arc(centre: Point, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Points on an ellipse from `start` to `end` degrees."""
    steps = [math.radians(start + (end - start) * k / 72) for k in range(73)]
    return [(centre[0] + rx * math.cos(a), centre[1] + ry * math.sin(a)) for a in steps]


def bezier(*p: Point) -> list[Point]:
    """Points on a cubic curve."""
    points = []
    for k in range(41):
        s = k / 40
        weights = ((1 - s) ** 3, 3 * s * (1 - s) ** 2, 3 * s * s * (1 - s), s**3)
        pairs = list(zip(weights, p, strict=True))
        points.append((sum(w * q[0] for w, q in pairs), sum(w * q[1] for w, q in pairs)))
    return points


def disc(thing: Image.Image, centre: Point, rx: float, ry: float, light: Colour, dark: Colour) -> None:
    """A round flat face, light running over it from the upper left."""
    box = (round(centre[0] - rx), round(centre[1] - ry), round(centre[0] + rx), round(centre[1] + ry))
    size = (box[2] - box[0], max(1, box[3] - box[1]))
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=255)
    ramp = (
        Image.linear_gradient("L").rotate(45, resample=Image.Resampling.BICUBIC).crop((40, 40, 216, 216)).resize(size)
    )
    thing.paste(Image.composite(Image.new("RGB", size, dark), Image.new("RGB", size, light), ramp), box[:2], mask)


def letters(size: float) -> ImageFont.FreeTypeFont:
    """The typeface that Pillow carries, for figures on dials and labels."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def mottled(
    size: tuple[int, int], base: Colour, other: Colour, *, scale: int, seed: int, strength: float = 0.5
) -> Image.Image:
    """A cloudy mixture of two colours, for stone, glaze, leather and paper."""
    chance = random.Random(seed)
    cloud = Image.new("L", (max(2, size[0] // scale), max(2, size[1] // scale)))
    cloud.putdata([chance.randrange(256) for _ in range(cloud.width * cloud.height)])
    cloud = cloud.resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(scale / 3))
    return Image.composite(
        Image.new("RGB", size, other), Image.new("RGB", size, base), cloud.point(lambda v: int(v * strength))
    )
