"""What is turned on a wheel or a lathe: vase, bowl, teapot, bottles, lamp."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw, ImageFilter

from market.demo_photos.studio import (
    arc,
    backdrop,
    bezier,
    cast,
    contact,
    deliver,
    disc,
    drop_at,
    glow,
    layer,
    mix,
    mottled,
    mouth,
    paint,
    place,
    rod,
    smooth,
    turned,
)

CENTRE = 1200.0


def celadon_vase() -> Image.Image:
    picture = backdrop((196, 189, 176), (205, 197, 183))
    shape = smooth(
        [
            (0, 128),
            (0.05, 112),
            (0.14, 92),
            (0.24, 100),
            (0.36, 210),
            (0.5, 318),
            (0.62, 340),
            (0.78, 268),
            (0.92, 180),
            (1, 172),
        ]
    )
    skin = mottled((900, 1100), (255, 255, 255), (214, 226, 214), scale=60, seed=4, strength=0.9)
    _crackle(skin, seed=11)
    vase = turned(CENTRE, 300, 1450, shape, (150, 178, 158), skin=skin, gloss=0.72, sharpness=70, tilt=0.13)
    mouth(vase, CENTRE, 300 + drop_at(0, 128, 0.13) * 2.05, 130, 0.2, (186, 204, 186), (88, 108, 96))
    cast(picture, vase, 1470)
    contact(picture, (CENTRE - 200, 1455, CENTRE + 260, 1530))
    place(picture, vase)
    return deliver(picture)


def _crackle(skin: Image.Image, seed: int) -> None:
    """The fine net of cracks in a guan glaze: short jointed lines, each a little fainter than a pencil's."""
    chance = random.Random(seed)
    lines = Image.new("L", skin.size, 0)
    draw = ImageDraw.Draw(lines)
    for _ in range(190):
        x, y, angle = chance.uniform(0, skin.width), chance.uniform(0, skin.height), chance.uniform(0, math.tau)
        points = [(x, y)]
        for _ in range(chance.randrange(3, 8)):
            angle += chance.uniform(-0.7, 0.7)
            x, y = x + math.cos(angle) * 26, y + math.sin(angle) * 30
            points.append((x, y))
        draw.line(points, fill=chance.randrange(50, 120), width=2, joint="curve")
    paint(skin, (120, 126, 104), lines.filter(ImageFilter.GaussianBlur(0.8)))


def porcelain_bowl() -> Image.Image:
    picture = backdrop((126, 132, 140), (150, 154, 160))
    shape = smooth([(0, 560), (0.12, 545), (0.35, 490), (0.6, 385), (0.8, 262), (0.9, 215), (0.92, 205), (1, 200)])
    skin = Image.new("RGB", (1500, 640), (255, 255, 255))
    _blue_painting(skin)
    bowl = turned(CENTRE, 640, 1240, shape, (232, 235, 238), skin=skin, gloss=0.8, sharpness=55, tilt=0.2)
    mouth(bowl, CENTRE, 640, 560, 0.2, (226, 230, 236), (206, 213, 222))
    inner = ImageDraw.Draw(bowl)
    for grow in (0.93, 0.9):
        r = 560 * grow
        inner.arc((CENTRE - r, 640 - r * 0.19, CENTRE + r, 640 + r * 0.19), 0, 360, fill=(52, 78, 150, 255), width=7)
    cast(picture, bowl, 1290, reach=0.3)
    contact(picture, (CENTRE - 260, 1225, CENTRE + 340, 1310), 0.7)
    place(picture, bowl)
    return deliver(picture)


def _blue_painting(skin: Image.Image) -> None:
    """Cobalt under the glaze: double lines, a scroll of peonies, lappets at the foot."""
    blue, pale = (48, 74, 150), (112, 138, 196)
    w = skin.width
    draw = ImageDraw.Draw(skin)
    for y in (18, 34, 462, 476):
        draw.line((0, y, w, y), fill=blue, width=6)
    for k in range(-1, 12):
        x = 70 + k * 136
        wave = [(x + i * 8, 245 + 88 * math.sin((x + i * 8) / 136 * math.pi)) for i in range(18)]
        draw.line(wave, fill=blue, width=9, joint="curve")
        y = 245 + (70 if k % 2 else -70)
        _flower(draw, (x + 68, y), 58, blue, pale)
        for turn in (-1, 1):
            leaf = (x + 68 + turn * 62, 245 + (-52 if k % 2 else 52))
            draw.ellipse((leaf[0] - 30, leaf[1] - 15, leaf[0] + 30, leaf[1] + 15), fill=pale, outline=blue, width=5)
    for k in range(30):
        x = k * 52
        draw.polygon(
            [(x, 560), (x + 8, 505), (x + 26, 484), (x + 44, 505), (x + 52, 560)], outline=blue, fill=pale, width=5
        )
    skin.paste(skin.filter(ImageFilter.GaussianBlur(1.4)))


def _flower(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], r: float, blue: tuple[int, int, int], pale: tuple[int, int, int]
) -> None:
    for ring, petals in ((1.0, 9), (0.6, 6)):
        for k in range(petals):
            a = k * math.tau / petals + ring
            x, y = at[0] + math.cos(a) * r * ring * 0.62, at[1] + math.sin(a) * r * ring * 0.62
            s = r * 0.36
            draw.ellipse((x - s, y - s, x + s, y + s), fill=mix(pale, blue, 0.25 * (1 - ring)), outline=blue, width=4)
    s = r * 0.2
    draw.ellipse((at[0] - s, at[1] - s, at[0] + s, at[1] + s), fill=blue)


def zisha_teapot() -> Image.Image:
    picture = backdrop((226, 220, 208), (214, 206, 192))
    clay = (134, 74, 52)
    skin = mottled((900, 700), (255, 255, 255), (222, 206, 196), scale=9, seed=3, strength=0.7)
    handle = layer()
    rod(handle, arc((CENTRE + 380, 1040), 235, 205, -128, 112), 62, clay, gloss=0.3)
    spout = layer()
    curve = bezier((CENTRE - 300, 1150), (CENTRE - 560, 1110), (CENTRE - 520, 900), (CENTRE - 660, 826))
    rod(spout, curve, 150, clay, end_width=64, gloss=0.3)
    shape = smooth([(0, 200), (0.06, 268), (0.22, 372), (0.45, 430), (0.65, 420), (0.85, 330), (0.95, 262), (1, 258)])
    body = turned(CENTRE, 800, 1300, shape, clay, skin=skin, gloss=0.3, sharpness=16, tilt=0.15)
    lid = turned(
        CENTRE,
        752,
        850,
        smooth([(0, 60), (0.25, 150), (0.8, 214), (1, 222)]),
        mix(clay, (255, 255, 255), 0.05),
        skin=skin,
        gloss=0.32,
        sharpness=18,
        tilt=0.14,
    )
    knob = turned(
        CENTRE,
        668,
        775,
        smooth([(0, 18), (0.12, 46), (0.45, 60), (0.75, 44), (1, 30)]),
        clay,
        gloss=0.35,
        sharpness=20,
        tilt=0.1,
    )
    whole = layer()
    for part in (handle, spout, body, lid, knob):
        place(whole, part)
    cast(picture, whole, 1345, reach=0.32)
    contact(picture, (CENTRE - 290, 1310, CENTRE + 360, 1392), 0.66)
    place(picture, whole)
    return deliver(picture)


def wine_bottles() -> Image.Image:
    picture = backdrop((74, 62, 56), (98, 80, 68))
    for x, glass, label in (
        (860, (44, 56, 40), (240, 233, 214)),
        (1540, (52, 40, 34), (233, 224, 204)),
        (1200, (36, 48, 36), (246, 240, 224)),
    ):
        bottle = _bottle(float(x), glass, label, taller=x == 1200)
        cast(picture, bottle, 1520, darkness=0.4)
        contact(picture, (x - 150, 1500, x + 190, 1560), 0.75)
        place(picture, bottle)
    return deliver(picture)


def _bottle(x: float, glass: tuple[int, int, int], paper: tuple[int, int, int], *, taller: bool) -> Image.Image:
    top = 330.0 if taller else 420.0
    shape = smooth(
        [(0, 52), (0.04, 54), (0.05, 46), (0.24, 50), (0.32, 70), (0.42, 150), (0.46, 158), (0.9, 158), (1, 152)]
    )
    skin = Image.new("RGB", (900, 1160), (255, 255, 255))
    draw = ImageDraw.Draw(skin)
    draw.rectangle((0, 0, 900, 185), fill=(255, 90, 84))
    bottle = turned(
        x, top, 1505, shape, lambda t: (150, 36, 34) if t < 0.17 else glass, gloss=0.85, sharpness=46, tilt=0.12
    )
    label_skin = Image.new("RGB", (900, 420), (255, 255, 255))
    ink = ImageDraw.Draw(label_skin)
    ink.rectangle((250, 24, 650, 396), outline=(150, 120, 60), width=5)
    ink.ellipse((405, 62, 495, 152), outline=(140, 30, 30), width=7)
    for k, width in enumerate((230, 300, 180, 260)):
        ink.rectangle(
            (450 - width / 2, 190 + k * 44, 450 + width / 2, 198 + k * 44 + (10 if k == 1 else 0)), fill=(70, 56, 44)
        )
    label = turned(x, 1060, 1365, lambda _: 159.5, paper, skin=label_skin, gloss=0.06, sharpness=8, tilt=0.12)
    place(bottle, label)
    sheen = Image.new("L", bottle.size, 0)
    ImageDraw.Draw(sheen).line((x - 96, 960, x - 96, 1470), fill=120, width=22)
    paint(bottle, (255, 255, 255), sheen.filter(ImageFilter.GaussianBlur(9)))
    return bottle


def desk_lamp() -> Image.Image:
    picture = backdrop((52, 60, 62), (110, 96, 78), horizon=0.7)
    light = glow(picture.size, (500, 250, 2100, 1850), 0.62)
    paint(picture, (255, 214, 150), light)
    brass = (190, 158, 92)
    base = turned(CENTRE, 1440, 1478, lambda _: 300.0, brass, gloss=0.7, sharpness=30, tilt=0.2)
    disc(base, (CENTRE, 1440), 300, 60, (226, 196, 128), (140, 108, 54))
    disc(base, (CENTRE, 1432), 190, 36, (236, 208, 140), (150, 118, 62))
    stem = turned(
        CENTRE,
        900,
        1440,
        lambda t: 20 + 7 * math.exp(-(((t - 0.55) / 0.05) ** 2)) + 18 * max(0, t - 0.85),
        brass,
        gloss=0.9,
        sharpness=40,
        tilt=0.1,
    )
    shade = turned(
        CENTRE,
        480,
        930,
        smooth([(0, 80), (0.1, 235), (0.35, 385), (0.7, 460), (1, 476)]),
        (34, 112, 84),
        gloss=0.75,
        sharpness=34,
        tilt=0.16,
    )
    cap = turned(
        CENTRE, 500, 570, smooth([(0, 10), (0.35, 30), (0.6, 26), (1, 84)]), brass, gloss=0.9, sharpness=40, tilt=0.1
    )
    ImageDraw.Draw(shade).arc((CENTRE - 476, 854, CENTRE + 476, 1006), 2, 178, fill=(255, 236, 186, 255), width=10)
    whole = layer()
    for part in (base, stem, shade, cap):
        place(whole, part)
    rod(whole, [(CENTRE + 150, 990), (CENTRE + 150, 1150)], 7, (210, 180, 110))
    rod(whole, [(CENTRE + 150, 1150), (CENTRE + 150, 1176)], 20, (214, 184, 116))
    contact(picture, (CENTRE - 330, 1520, CENTRE + 360, 1590), 0.7)
    place(picture, whole)
    return deliver(picture)
