"""A landscape in ink, cakes of tea in their paper, a disc of jade: washes, fibres, veins."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from market.demo_photos.studio import (
    Colour,
    backdrop,
    blurred,
    cast,
    contact,
    deliver,
    gradient,
    layer,
    mix,
    mottled,
    paint,
    place,
    rod,
    turned,
)

SEAL: Colour = (172, 40, 32)


def landscape_scroll() -> Image.Image:
    wall = mottled((2400, 1800), (150, 140, 126), (136, 126, 112), scale=18, seed=31, strength=0.5)
    picture = Image.blend(backdrop((152, 142, 128), (152, 142, 128), horizon=1.0), wall, 0.3)
    scroll = layer()
    silk = mottled((760, 1560), (196, 186, 152), (178, 168, 134), scale=4, seed=6, strength=0.7)
    scroll.paste(silk, (820, 110))
    painting = _ink_mountains(620, 1160)
    scroll.paste(painting, (890, 320))
    draw = ImageDraw.Draw(scroll)
    draw.rectangle((884, 314, 1516, 1486), outline=(120, 104, 72), width=4)
    for x in (1010, 1380):
        draw.rectangle((x, 112, x + 14, 318), fill=(160, 148, 112))
    rod(scroll, [(810, 112), (1590, 112)], 26, (96, 64, 40), gloss=0.4)
    rod(scroll, [(780, 1675), (1620, 1675)], 58, (88, 52, 32), gloss=0.5)
    for x in (780, 1620):
        rod(scroll, [(x - 14, 1675), (x + 14, 1675)], 72, (226, 214, 190), gloss=0.6)
    shadow = Image.new("L", picture.size, 0)
    shadow.paste(200, (30, 44), scroll.getchannel("A").crop((0, 0, 2370, 1756)))
    paint(picture, (36, 30, 24), blurred(shadow, 40).point(lambda v: int(v * 0.7)))
    place(picture, scroll)
    return deliver(picture, zoom=1.0, middle=(1200, 900))


def _ink_mountains(width: int, height: int) -> Image.Image:
    """Five ranges from pale to dark, mist between them, a boat, and the painter's seal."""
    paper = mottled((width, height), (236, 228, 208), (222, 212, 188), scale=20, seed=12, strength=0.6)
    chance = random.Random(1048)
    for depth in range(6):
        base = height * (0.26 + depth * 0.125)
        tone = int(186 - depth * 27)
        ridge = _ridge(chance, width, base, height * (0.30 - depth * 0.032), depth)
        mask = Image.new("L", (width, height), 0)
        ImageDraw.Draw(mask).polygon([(0, height), *ridge, (width, height)], fill=255)
        fade = Image.new("L", (width, height), 0)
        ramp = ImageChops.invert(Image.linear_gradient("L")).resize((width, int(height * 0.30)))
        top = int(min(y for _, y in ridge))
        fade.paste(ramp, (0, top))
        wash = ImageChops.multiply(mask, fade)
        texture = mottled(
            (width, height), (255, 255, 255), (120, 120, 120), scale=6, seed=depth + 40, strength=0.9
        ).convert("L")
        wash = ImageChops.multiply(wash, texture)
        paper.paste(
            (tone // 2, tone // 2 + 4, tone // 2 + 6),
            (0, 0),
            wash.filter(ImageFilter.GaussianBlur(1.2)).point(lambda v, d=depth: int(v * (0.42 + d * 0.09))),
        )
    draw = ImageDraw.Draw(paper)
    for k in range(34):
        _pine(
            draw,
            chance,
            60 + k * 9 + chance.uniform(-8, 8),
            height * 0.83 + chance.uniform(-18, 30),
            chance.uniform(22, 52),
        )
    x, y = width * 0.70, height * 0.885
    draw.arc((x - 44, y - 26, x + 44, y + 12), 20, 160, fill=(40, 42, 42), width=5)
    draw.line((x - 4, y + 4, x - 2, y - 30), fill=(40, 42, 42), width=3)
    draw.ellipse((x - 10, y - 14, x + 6, y + 4), fill=(50, 52, 52))
    for k in range(5):
        draw.line((x - 90 + k * 14, y + 26 + k * 8, x + 60 + k * 10, y + 26 + k * 8), fill=(176, 172, 158), width=2)
    for row in range(4):
        sx, sy = width * 0.875, height * 0.06 + row * 44
        for _ in range(4):
            draw.line(
                (
                    sx + chance.uniform(-12, 12),
                    sy + chance.uniform(-14, 14),
                    sx + chance.uniform(-12, 12),
                    sy + chance.uniform(-14, 14),
                ),
                fill=(36, 36, 36),
                width=4,
            )
    draw.rectangle((width * 0.85, height * 0.235, width * 0.9, height * 0.262), outline=SEAL, width=4)
    draw.rectangle((width * 0.86, height * 0.242, width * 0.89, height * 0.255), fill=SEAL)
    return paper


def _ridge(chance: random.Random, width: int, base: float, lift: float, depth: int) -> list[tuple[float, float]]:
    peaks = [(chance.uniform(0, width), chance.uniform(0.5, 1.0), chance.uniform(0.10, 0.22)) for _ in range(3 + depth)]
    points = []
    wander = 0.0
    for x in range(0, width + 4, 4):
        wander = wander * 0.9 + chance.uniform(-3, 3)
        rise = max(h * math.exp(-(((x - at) / (width * w)) ** 2)) for at, h, w in peaks)
        points.append((float(x), base - lift * rise + wander))
    return points


def _pine(draw: ImageDraw.ImageDraw, chance: random.Random, x: float, y: float, tall: float) -> None:
    draw.line((x, y, x + chance.uniform(-3, 3), y - tall), fill=(46, 48, 46), width=3)
    for k in range(5):
        at = y - tall * (0.35 + k * 0.15)
        reach = tall * (0.34 - k * 0.05)
        draw.line((x - reach, at + 5, x, at - 2, x + reach, at + 5), fill=(52, 56, 52), width=4)


def tea_cakes() -> Image.Image:
    picture = backdrop((188, 176, 156), (172, 158, 136))
    stack = layer()
    paper = mottled((900, 120), (240, 234, 218), (214, 204, 180), scale=7, seed=21, strength=0.9)
    for k in range(4):
        y = 1390.0 - k * 118
        cake = turned(
            1160,
            y - 118,
            y,
            lambda t: 470 * (0.93 + 0.07 * math.sin(math.pi * min(1, t * 1.15 + 0.05))),
            (222, 212, 190),
            skin=paper,
            gloss=0.03,
            sharpness=6,
            tilt=0.24,
        )
        place(stack, cake)
    _wrapper(stack, (1160, 918), 440, 108)
    bare = layer()
    leaf = _pressed_leaves(700, 700)
    face = leaf.rotate(14, resample=Image.Resampling.BICUBIC).resize((560, 600))
    mask = Image.new("L", (560, 600), 0)
    ImageDraw.Draw(mask).ellipse((4, 4, 556, 596), fill=255)
    rim = layer()
    ImageDraw.Draw(rim).ellipse((1512, 868, 2086, 1484), fill=(48, 36, 24, 255))
    place(bare, rim)
    bare.paste(face, (1500, 866), mask)
    cast(picture, stack, 1460, reach=0.3)
    contact(picture, (720, 1400, 1660, 1540), 0.6)
    contact(picture, (1560, 1430, 2080, 1520), 0.6)
    place(picture, stack)
    place(picture, bare)
    return deliver(picture, zoom=1.2, middle=(1330, 1060))


def _wrapper(thing: Image.Image, centre: tuple[float, float], rx: float, ry: float) -> None:
    """The printed paper on top of the stack, drawn flat and then seen from the side."""
    face = mottled((900, 900), (244, 239, 224), (226, 217, 196), scale=30, seed=17, strength=0.8)
    draw = ImageDraw.Draw(face)
    for r, w in ((405, 8), (385, 3), (190, 4)):
        draw.ellipse((450 - r, 450 - r, 450 + r, 450 + r), outline=SEAL, width=w)
    for k in range(8):
        a = k * math.tau / 8
        x, y = 450 + 290 * math.sin(a), 450 - 290 * math.cos(a)
        draw.rounded_rectangle((x - 44, y - 44, x + 44, y + 44), 10, fill=SEAL)
        for j in range(3):
            draw.line((x - 26, y - 22 + j * 22, x + 26, y - 22 + j * 22), fill=(244, 239, 224), width=8)
        draw.line((x, y - 32, x, y + 32), fill=(244, 239, 224), width=8)
    for k in range(10):
        a = k * math.tau / 10
        draw.ellipse(
            (
                450 + 96 * math.cos(a) - 52,
                450 + 96 * math.sin(a) - 26,
                450 + 96 * math.cos(a) + 52,
                450 + 96 * math.sin(a) + 26,
            ),
            outline=(54, 110, 62),
            width=9,
        )
    mask = Image.new("L", (900, 900), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, 899, 899), fill=255)
    size = (round(2 * rx), round(2 * ry))
    lit = ImageChops.multiply(face, gradient((900, 900), (255, 255, 255), (206, 200, 190), sideways=True))
    thing.paste(
        lit.resize(size, Image.Resampling.LANCZOS), (round(centre[0] - rx), round(centre[1] - ry)), mask.resize(size)
    )


def _pressed_leaves(width: int, height: int) -> Image.Image:
    chance = random.Random(77)
    face = Image.new("RGB", (width, height), (54, 40, 26))
    draw = ImageDraw.Draw(face)
    for _ in range(2600):
        x, y, a, n = (
            chance.uniform(0, width),
            chance.uniform(0, height),
            chance.uniform(0, math.pi),
            chance.uniform(10, 30),
        )
        tone = mix((36, 27, 18), chance.choice(((120, 92, 56), (84, 64, 40), (150, 122, 76))), chance.random())
        draw.line((x, y, x + n * math.cos(a), y + n * math.sin(a) * 0.8), fill=tone, width=chance.choice((4, 6, 8)))
    dip = Image.new("L", (width, height), 0)
    ImageDraw.Draw(dip).ellipse((width * 0.4, height * 0.4, width * 0.6, height * 0.6), fill=130)
    paint(face, (20, 14, 8), dip.filter(ImageFilter.GaussianBlur(26)))
    light = gradient((width, height), (255, 255, 255), (128, 122, 116), sideways=True)
    return ImageChops.multiply(face.filter(ImageFilter.GaussianBlur(0.8)), light)


def jade_disc() -> Image.Image:
    picture = backdrop((34, 32, 34), (52, 46, 44))
    jade = layer()
    centre, outer, inner = (1200.0, 830.0), 520.0, 128.0
    stone = mottled((1040, 1040), (126, 164, 124), (206, 214, 178), scale=90, seed=9, strength=0.9)
    veins = mottled((1040, 1040), (255, 255, 255), (150, 132, 92), scale=44, seed=19, strength=0.7)
    stone = ImageChops.multiply(stone, veins)
    mask = Image.new("L", (1040, 1040), 0)
    draw = ImageDraw.Draw(mask)
    draw.ellipse((2, 2, 1038, 1038), fill=255)
    draw.ellipse((520 - inner, 520 - inner, 520 + inner, 520 + inner), fill=0)
    relief = Image.new("L", (1040, 1040), 128)
    bumps = ImageDraw.Draw(relief)
    for ring in range(6):
        r = inner + 62 + ring * 58
        count = int(math.tau * r / 62)
        for k in range(count):
            a = k * math.tau / count + ring * 0.2
            x, y = 520 + r * math.cos(a), 520 + r * math.sin(a)
            bumps.ellipse((x - 17, y - 17, x + 17, y + 17), fill=205)
    for r in (outer - 10, inner + 12):
        bumps.ellipse((520 - r, 520 - r, 520 + r, 520 + r), outline=215, width=16)
    raised = relief.filter(ImageFilter.GaussianBlur(5)).filter(
        ImageFilter.Kernel((3, 3), (3, 2, 0, 2, 0, -2, 0, -2, -3), 1, 128)
    )
    lit = ImageChops.overlay(stone, Image.merge("RGB", [raised.filter(ImageFilter.GaussianBlur(1.6))] * 3))
    lit = ImageChops.multiply(lit, gradient((1040, 1040), (255, 255, 255), (150, 156, 150), sideways=True))
    jade.paste(lit, (680, 310), mask)
    stand = layer()
    wood = (84, 46, 30)
    rod(stand, [(800, 1380), (1200, 1300), (1600, 1380)], 70, wood, gloss=0.5)
    rod(stand, [(700, 1420), (1700, 1420)], 84, wood, gloss=0.5)
    rod(stand, [(900, 1330), (860, 1220)], 52, wood, gloss=0.5)
    rod(stand, [(1500, 1330), (1540, 1220)], 52, wood, gloss=0.5)
    contact(picture, (660, 1430, 1790, 1520), 0.8)
    place(picture, jade)
    place(picture, stand)
    halo = Image.new("L", picture.size, 0)
    ImageDraw.Draw(halo).arc(
        (centre[0] - outer, centre[1] - outer, centre[0] + outer, centre[1] + outer), 190, 300, fill=170, width=9
    )
    paint(picture, (246, 255, 240), halo.filter(ImageFilter.GaussianBlur(5)))
    return deliver(picture, zoom=1.24, middle=(1200, 910))
