"""Clocks, a watch, a camera: faces, rings, hands and glass."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFilter

from market.demo_photos.studio import (
    Colour,
    backdrop,
    blurred,
    box_side,
    cast,
    contact,
    deliver,
    disc,
    gradient,
    layer,
    letters,
    mix,
    mottled,
    paint,
    place,
    rod,
)

BRASS: Colour = (196, 160, 92)
STEEL: Colour = (176, 182, 188)


def wall_clock() -> Image.Image:
    """It hangs, so the wall is behind it and its shadow falls down to the right."""
    wall = mottled((2400, 1800), (206, 200, 188), (190, 182, 168), scale=14, seed=8, strength=0.45)
    picture = Image.blend(backdrop((206, 200, 188), (206, 200, 188), horizon=1.0), wall, 0.35)
    clock = layer()
    centre = (1200.0, 900.0)
    _ring(clock, centre, 640, 560, (112, 66, 38))
    _ring(clock, centre, 565, 535, BRASS)
    disc(clock, centre, 535, 535, (250, 246, 234), (228, 220, 200))
    _dial(clock, centre, 535, numerals=True)
    _hand(clock, centre, 10 + 9 / 60, 12, 290, 26, (30, 30, 34))
    _hand(clock, centre, 9.4, 60, 440, 17, (30, 30, 34))
    _hand(clock, centre, 37, 60, 470, 6, (158, 36, 30))
    ImageDraw.Draw(clock).ellipse((1178, 878, 1222, 922), fill=(40, 40, 44))
    _glass(clock, centre, 530)
    shadow = Image.new("L", picture.size, 0)
    shadow.paste(190, (46, 70), clock.getchannel("A").crop((0, 0, 2354, 1730)))
    paint(picture, (40, 32, 26), blurred(shadow, 60).point(lambda v: int(v * 0.75)))
    place(picture, clock)
    return deliver(picture, zoom=1.15, middle=(1200, 910))


def wristwatch() -> Image.Image:
    picture = backdrop((58, 62, 70), (74, 78, 88), horizon=0.5)
    watch = layer()
    centre = (1200.0, 900.0)
    leather = mottled((440, 1700), (96, 58, 36), (66, 38, 24), scale=7, seed=5, strength=0.8)
    for top, bottom in ((60, 560), (1240, 1740)):
        strap = Image.new("L", watch.size, 0)
        wide, thin = (205, 170) if top > 900 else (170, 205)
        ImageDraw.Draw(strap).polygon(
            [(1200 - wide, top), (1200 + wide, top), (1200 + thin, bottom), (1200 - thin, bottom)], fill=255
        )
        cloth = Image.new("RGB", watch.size)
        cloth.paste(leather, (980, 50))
        shade = gradient((2400, 1800), (255, 255, 255), (70, 70, 70), sideways=True).resize((440, 1800))
        lit = Image.new("RGB", watch.size, (255, 255, 255))
        lit.paste(shade, (980, 0))
        watch.paste(
            Image.blend(cloth, Image.composite(cloth, Image.new("RGB", cloth.size), lit.convert("L")), 0.8),
            (0, 0),
            strap,
        )
        stitch = ImageDraw.Draw(watch)
        for side in (-1, 1):
            for k in range(12):
                y = top + 26 + k * (bottom - top - 40) / 12
                x = 1200 + side * 150
                stitch.line((x, y, x, y + 20), fill=(206, 178, 140), width=7)
    for dx in (-205, 205):
        for y in (560, 1240):
            rod(watch, [(1200 + dx, y - 60), (1200 + dx * 1.04, y + 60)], 66, STEEL)
    rod(watch, [(1690 - 90, 900), (1690 - 30, 900)], 92, STEEL)
    _ring(watch, centre, 425, 352, STEEL)
    _ring(watch, centre, 356, 340, (120, 126, 132))
    disc(watch, centre, 342, 342, (34, 52, 84), (14, 22, 40))
    _dial(watch, centre, 342, numerals=False)
    _small_dial(watch, (1200, 1062))
    _hand(watch, centre, 10 + 8 / 60, 12, 190, 24, (234, 236, 238))
    _hand(watch, centre, 8.6, 60, 286, 17, (234, 236, 238))
    _hand(watch, centre, 33, 60, 300, 5, (214, 92, 60))
    ImageDraw.Draw(watch).ellipse((1184, 884, 1216, 916), fill=(220, 222, 226))
    _glass(watch, centre, 336)
    shadow = Image.new("L", picture.size, 0)
    shadow.paste(210, (34, 44), watch.getchannel("A").crop((0, 0, 2366, 1756)))
    paint(picture, (6, 6, 8), blurred(shadow, 50).point(lambda v: int(v * 0.8)))
    place(picture, watch)
    return deliver(picture.rotate(-24, Image.Resampling.BICUBIC, center=centre), zoom=1.5, middle=(1200, 900))


def film_camera() -> Image.Image:
    picture = backdrop((206, 198, 186), (196, 186, 172))
    camera = layer()
    grain = mottled((1240, 520), (44, 42, 42), (22, 21, 21), scale=5, seed=2, strength=0.9)
    body = Image.new("L", camera.size, 0)
    ImageDraw.Draw(body).rounded_rectangle((580, 640, 1820, 1400), 90, fill=255)
    camera.paste(gradient((1240, 760), (226, 228, 230), (150, 154, 160)), (580, 640), body.crop((580, 640, 1820, 1400)))
    leather = Image.new("L", (1240, 520), 0)
    ImageDraw.Draw(leather).rectangle((0, 0, 1240, 470), fill=255)
    camera.paste(grain, (580, 830), leather)
    box_side(camera, [(900, 640), (940, 500), (1460, 500), (1500, 640)], (232, 234, 236), (186, 190, 196))
    draw = ImageDraw.Draw(camera)
    draw.rectangle((600, 800, 1800, 806), fill=(110, 114, 120))
    draw.rounded_rectangle((1040, 540, 1360, 625), 14, fill=(34, 36, 42))
    disc(camera, (1200, 582), 60, 34, (90, 110, 150), (20, 24, 34))
    draw.text((1200, 770), "HUAYUN 35", fill=(60, 62, 66), font=letters(46), anchor="mm")
    for x, w, h in ((690, 90, 64), (1600, 110, 58), (1740, 54, 44)):
        box_side(
            camera,
            [(x - w, 640 - h), (x + w, 640 - h), (x + w, 645), (x - w, 645)],
            (240, 240, 242),
            (120, 124, 130),
            sideways=True,
        )
        disc(camera, (x, 640 - h), w, w * 0.16, (244, 246, 248), (168, 172, 178))
    _lens(camera, (1200, 1070))
    disc(camera, (1700, 900), 36, 36, (120, 30, 26), (70, 16, 14))
    cast(picture, camera, 1400, reach=0.3)
    contact(picture, (600, 1360, 1880, 1450), 0.75)
    place(picture, camera)
    return deliver(picture, zoom=1.32, middle=(1220, 980))


def _lens(thing: Image.Image, centre: tuple[float, float]) -> None:
    for r, light, dark in (
        (380, (236, 238, 240), (120, 124, 130)),
        (352, (60, 62, 66), (22, 22, 24)),
        (318, (190, 194, 198), (96, 100, 106)),
        (300, (40, 42, 46), (14, 14, 16)),
        (214, (70, 72, 76), (26, 26, 28)),
        (196, (24, 30, 46), (8, 8, 14)),
    ):
        disc(thing, centre, r, r, light, dark)
    draw = ImageDraw.Draw(thing)
    for k in range(72):
        a = k * math.tau / 72
        draw.line(
            (
                centre[0] + 356 * math.cos(a),
                centre[1] + 356 * math.sin(a),
                centre[0] + 376 * math.cos(a),
                centre[1] + 376 * math.sin(a),
            ),
            fill=(90, 92, 96),
            width=8,
        )
    for text, angle in (("1:2", -90), ("50", -60), ("8", -120), ("11", -150), ("5.6", -30)):
        a = math.radians(angle)
        draw.text(
            (centre[0] + 256 * math.cos(a), centre[1] + 256 * math.sin(a)),
            text,
            fill=(226, 226, 220),
            font=letters(44),
            anchor="mm",
        )
    for r, colour, share in ((150, (66, 52, 120), 150), (110, (40, 92, 110), 120), (64, (120, 60, 90), 110)):
        spot = Image.new("L", thing.size, 0)
        ImageDraw.Draw(spot).ellipse((centre[0] - r, centre[1] - r, centre[0] + r, centre[1] + r), fill=share)
        paint(thing, colour, blurred(spot, 36))
    shine = Image.new("L", thing.size, 0)
    ImageDraw.Draw(shine).ellipse((centre[0] - 118, centre[1] - 140, centre[0] - 20, centre[1] - 70), fill=200)
    paint(thing, (255, 255, 255), blurred(shine, 22))


def _ring(thing: Image.Image, centre: tuple[float, float], outer: float, inner: float, colour: Colour) -> None:
    """A turned ring: bright where it faces the light, dark beyond the crest."""
    steps = 14
    for k in range(steps):
        r = outer - (outer - inner) * k / steps
        lift = math.sin(math.pi * (k + 0.5) / steps)
        bright = mix(mix(colour, (255, 255, 255), 0.55 * lift), (0, 0, 0), 0.30 * (1 - lift))
        dull = mix(mix(colour, (0, 0, 0), 0.55), colour, 0.5 * lift)
        light, dark = (bright, dull) if k < steps / 2 else (mix(dull, colour, 0.3), mix(bright, colour, 0.3))
        disc(thing, centre, r, r, light, dark)


def _dial(thing: Image.Image, centre: tuple[float, float], radius: float, *, numerals: bool) -> None:
    draw = ImageDraw.Draw(thing)
    ink = (38, 36, 34) if numerals else (226, 230, 234)
    for k in range(60):
        a = k * math.tau / 60
        hour = k % 5 == 0
        inner = radius * (0.90 if hour else 0.94)
        if hour and not numerals:
            inner = radius * 0.80
        draw.line(
            (
                centre[0] + inner * math.sin(a),
                centre[1] - inner * math.cos(a),
                centre[0] + radius * 0.965 * math.sin(a),
                centre[1] - radius * 0.965 * math.cos(a),
            ),
            fill=ink,
            width=12 if hour else 4,
        )
    if numerals:
        for k in range(1, 13):
            a = k * math.tau / 12
            at = (centre[0] + radius * 0.76 * math.sin(a), centre[1] - radius * 0.76 * math.cos(a))
            draw.text(at, str(k), fill=ink, font=letters(96), anchor="mm")


def _small_dial(thing: Image.Image, centre: tuple[float, float]) -> None:
    disc(thing, centre, 84, 84, (22, 36, 62), (34, 52, 84))
    draw = ImageDraw.Draw(thing)
    for k in range(12):
        a = k * math.tau / 12
        draw.line(
            (
                centre[0] + 66 * math.sin(a),
                centre[1] - 66 * math.cos(a),
                centre[0] + 78 * math.sin(a),
                centre[1] - 78 * math.cos(a),
            ),
            fill=(200, 206, 214),
            width=4,
        )
    draw.line((centre[0], centre[1], centre[0] + 40, centre[1] - 44), fill=(230, 232, 236), width=6)


def _hand(
    thing: Image.Image,
    centre: tuple[float, float],
    at: float,
    whole: float,
    length: float,
    width: float,
    colour: Colour,
) -> None:
    a = at * math.tau / whole
    sin, cos = math.sin(a), math.cos(a)
    tip = (centre[0] + length * sin, centre[1] - length * cos)
    tail = (centre[0] - length * 0.2 * sin, centre[1] + length * 0.2 * cos)
    side = (cos * width / 2, sin * width / 2)
    shape = [
        (tail[0] - side[0], tail[1] - side[1]),
        (tail[0] + side[0], tail[1] + side[1]),
        (tip[0] + side[0] * 0.35, tip[1] + side[1] * 0.35),
        (tip[0] - side[0] * 0.35, tip[1] - side[1] * 0.35),
    ]
    under = Image.new("L", thing.size, 0)
    ImageDraw.Draw(under).polygon([(x + 9, y + 14) for x, y in shape], fill=110)
    box = under.getbbox()
    if box is not None:
        wide = (box[0] - 24, box[1] - 24, box[2] + 24, box[3] + 24)
        soft = under.crop(wide).filter(ImageFilter.GaussianBlur(8))
        thing.paste((0, 0, 0), wide[:2], soft)
    ImageDraw.Draw(thing).polygon(shape, fill=(*colour, 255))


def _glass(thing: Image.Image, centre: tuple[float, float], radius: float) -> None:
    """A faint window in the glass."""
    shine = Image.new("L", thing.size, 0)
    x, y = centre
    ImageDraw.Draw(shine).polygon(
        [
            (x - radius * 0.95, y - radius * 0.1),
            (x - radius * 0.1, y - radius * 0.95),
            (x + radius * 0.35, y - radius * 0.9),
            (x - radius * 0.9, y + radius * 0.35),
        ],
        fill=34,
    )
    round_mask = Image.new("L", thing.size, 0)
    ImageDraw.Draw(round_mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    paint(thing, (255, 255, 255), Image.composite(blurred(shine, 16), Image.new("L", thing.size, 0), round_mask))
