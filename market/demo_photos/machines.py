"""Industrial lots: a milling machine, a bicycle, copper cathodes, solar modules, a rack of servers."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw, ImageFilter

from market.demo_photos.studio import (
    Colour,
    Point,
    arc,
    backdrop,
    blurred,
    box_side,
    cast,
    contact,
    deliver,
    disc,
    glow,
    gradient,
    layer,
    letters,
    mix,
    mottled,
    paint,
    place,
    rod,
)


def milling_machine() -> Image.Image:
    picture = backdrop((188, 194, 198), (150, 152, 154), horizon=0.72)
    machine = layer()
    white, grey, blue = (236, 238, 238), (92, 98, 106), (34, 84, 140)
    box_side(
        machine,
        [(1840, 470), (2040, 400), (2040, 1400), (1840, 1500)],
        mix(white, (0, 0, 0), 0.22),
        mix(white, (0, 0, 0), 0.46),
    )
    box_side(machine, [(460, 470), (700, 400), (2040, 400), (1840, 470)], (250, 250, 250), (226, 228, 230))
    box_side(machine, [(460, 470), (1840, 470), (1840, 1500), (460, 1500)], white, mix(white, (0, 0, 0), 0.14))
    box_side(machine, [(460, 1360), (1840, 1360), (1840, 1500), (460, 1500)], grey, mix(grey, (0, 0, 0), 0.35))
    box_side(machine, [(460, 560), (1840, 560), (1840, 640), (460, 640)], blue, mix(blue, (0, 0, 0), 0.2))
    draw = ImageDraw.Draw(machine)
    draw.text((520, 600), "VMC 850", fill=(255, 255, 255), font=letters(58), anchor="lm")
    for x in (560, 1010):
        _door(machine, (x, 690, x + 430, 1310))
    _spindle(machine)
    box_side(machine, [(1490, 700), (1790, 700), (1790, 1230), (1490, 1230)], (70, 74, 80), (44, 46, 52))
    box_side(machine, [(1520, 730), (1760, 730), (1760, 930), (1520, 930)], (24, 60, 84), (10, 24, 40))
    for k in range(6):
        draw.line(
            (1540, 760 + k * 26, 1540 + (120, 180, 90, 150, 200, 60)[k], 760 + k * 26), fill=(120, 220, 190), width=7
        )
    for row in range(4):
        for column in range(5):
            x, y = 1530 + column * 48, 960 + row * 44
            draw.rounded_rectangle(
                (x, y, x + 36, y + 32), 5, fill=(206, 208, 206) if (row + column) % 5 else (226, 170, 60)
            )
    disc(machine, (1570, 1180), 34, 34, (230, 60, 50), (150, 24, 20))
    disc(machine, (1700, 1180), 40, 40, (60, 62, 66), (24, 24, 28))
    for k, colour in enumerate(((206, 50, 42), (230, 176, 50), (58, 160, 84))):
        box_side(
            machine,
            [(1700, 250 + k * 50), (1760, 250 + k * 50), (1760, 298 + k * 50), (1700, 298 + k * 50)],
            mix(colour, (255, 255, 255), 0.3),
            mix(colour, (0, 0, 0), 0.3),
            sideways=True,
        )
    for x in (560, 1740):
        box_side(machine, [(x - 50, 1500), (x + 50, 1500), (x + 40, 1545), (x - 40, 1545)], (70, 72, 76), (36, 36, 40))
    contact(picture, (440, 1490, 2160, 1600), 0.62)
    place(picture, machine)
    return deliver(picture, zoom=1.06, middle=(1230, 900))


def _door(machine: Image.Image, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    draw = ImageDraw.Draw(machine)
    draw.rounded_rectangle(box, 18, fill=(208, 212, 214), outline=(150, 154, 158), width=6)
    inside = gradient((right - left - 80, bottom - top - 190), (38, 46, 52), (88, 98, 104))
    machine.paste(inside, (left + 40, top + 50))
    for k in range(4):
        y = bottom - 210 + k * 14
        draw.line((left + 40, y, right - 40, y), fill=(120, 128, 132), width=5)
    rod(machine, [(right - 24, top + 220), (right - 24, top + 400)], 24, (150, 154, 160))


def _spindle(machine: Image.Image) -> None:
    """What is seen through the windows: the spindle over a clamped part, lit by the work lamp."""
    lamp = glow(machine.size, (620, 650, 1380, 1230), 0.30)
    window = Image.new("L", machine.size, 0)
    draw = ImageDraw.Draw(window)
    for x in (600, 1050):
        draw.rectangle((x, 740, x + 350, 1118), fill=255)
    seen = layer()
    box_side(seen, [(900, 740), (1100, 740), (1100, 860), (900, 860)], (214, 218, 220), (110, 116, 122), sideways=True)
    box_side(
        seen, [(1070, 740), (1250, 740), (1250, 890), (1070, 890)], (214, 218, 220), (120, 126, 132), sideways=True
    )
    rod(seen, [(1160, 880), (1160, 970)], 74, (186, 190, 196))
    rod(seen, [(1160, 960), (1160, 1024)], 24, (210, 190, 120))
    box_side(seen, [(620, 1060), (1400, 1060), (1400, 1118), (620, 1118)], (150, 156, 160), (96, 102, 108))
    box_side(seen, [(1090, 1020), (1250, 1020), (1250, 1062), (1090, 1062)], (222, 226, 230), (150, 156, 162))
    box_side(seen, [(700, 1000), (860, 1000), (860, 1062), (700, 1062)], (90, 120, 160), (52, 76, 110))
    both = Image.new("L", machine.size, 0)
    paint(both, window, seen.getchannel("A"))
    paint(machine, seen.convert("RGB"), both)
    lit = Image.new("L", machine.size, 0)
    paint(lit, lamp, window)
    paint(machine, (255, 250, 226), lit)


def bicycle() -> Image.Image:
    picture = backdrop((214, 212, 204), (196, 192, 182), horizon=0.74)
    bike = layer()
    back, front, crank = (690.0, 1180.0), (1730.0, 1180.0), (1090.0, 1200.0)
    seat, head, bars = (960.0, 740.0), (1545.0, 700.0), (1520.0, 610.0)
    for hub in (back, front):
        _wheel(bike, hub, 330)
    frame = (24, 78, 70)
    rod(bike, [(crank[0], crank[1]), back], 22, frame)
    rod(bike, [(984, 800), back], 20, frame)
    rod(bike, [head, (1590, 830), (1660, 1020), front], 26, frame, end_width=18)
    rod(bike, [crank, (1575, 800)], 42, frame)
    rod(bike, [(975, 790), (1548, 715)], 36, frame)
    rod(bike, [crank, seat], 36, frame)
    rod(bike, [head, (1584, 810)], 46, frame)
    rod(bike, [seat, (936, 660)], 24, (190, 194, 198))
    rod(bike, [head, bars], 26, (190, 194, 198))
    rod(bike, [bars, (1600, 590), (1690, 600), (1726, 660), (1690, 730), (1620, 740)], 28, (92, 56, 34), gloss=0.4)
    saddle = [(820.0, 650.0), (900.0, 632.0), (1010.0, 640.0), (1085.0, 650.0)]
    rod(bike, saddle, 52, (96, 58, 34), end_width=24, gloss=0.4)
    _chain(bike, crank, back)
    cast(picture, bike, 1500, reach=0.16, darkness=0.34)
    contact(picture, (560, 1490, 860, 1535), 0.55)
    contact(picture, (1600, 1490, 1900, 1535), 0.55)
    place(picture, bike)
    return deliver(picture, zoom=1.28, middle=(1215, 1060))


def _wheel(bike: Image.Image, hub: Point, r: float) -> None:
    draw = ImageDraw.Draw(bike)
    for k in range(28):
        a = k * math.tau / 28
        cross = 0.55 if k % 2 else -0.55
        draw.line(
            (
                hub[0] + 16 * math.cos(a + cross * 2),
                hub[1] + 16 * math.sin(a + cross * 2),
                hub[0] + (r - 22) * math.cos(a),
                hub[1] + (r - 22) * math.sin(a),
            ),
            fill=(168, 172, 176, 255),
            width=4,
        )
    rod(bike, arc(hub, r, r, 0, 360), 30, (44, 40, 38), gloss=0.3)
    rod(bike, arc(hub, r - 22, r - 22, 0, 360), 14, (196, 200, 204))
    rod(bike, [(hub[0] - 4, hub[1]), (hub[0] + 4, hub[1])], 44, (176, 180, 184))


def _chain(bike: Image.Image, crank: Point, back: Point) -> None:
    draw = ImageDraw.Draw(bike)
    for dy in (-86, 86):
        draw.line((crank[0], crank[1] + dy, back[0], back[1] + dy * 0.42), fill=(64, 62, 60, 255), width=9)
    for r, tone in ((94, (150, 154, 158)), (72, (70, 70, 72))):
        draw.ellipse((crank[0] - r, crank[1] - r, crank[0] + r, crank[1] + r), outline=(*tone, 255), width=15)
    for k in range(5):
        a = k * math.tau / 5
        draw.line(
            (crank[0], crank[1], crank[0] + 86 * math.cos(a), crank[1] + 86 * math.sin(a)),
            fill=(150, 154, 158, 255),
            width=14,
        )
    rod(bike, [(crank[0], crank[1]), (crank[0] + 110, crank[1] + 140)], 26, (200, 204, 208))
    rod(bike, [(crank[0] + 70, crank[1] + 142), (crank[0] + 160, crank[1] + 142)], 26, (52, 50, 48), gloss=0.3)


def copper_cathodes() -> Image.Image:
    picture = backdrop((150, 152, 152), (128, 126, 122), horizon=0.66)
    stack = layer()
    chance = random.Random(5)
    copper = (206, 112, 74)
    side = layer()
    for k in range(22):
        y = 1440 - k * 33
        shift = chance.uniform(-12, 12)
        tone = mix(copper, (60, 24, 16), chance.uniform(0.05, 0.42))
        box_side(
            side,
            [(560 + shift, y - 31), (1480 + shift, y - 31), (1480 + shift, y), (560 + shift, y)],
            mix(tone, (255, 226, 200), 0.3),
            mix(tone, (0, 0, 0), 0.34),
        )
        box_side(
            side,
            [(1480 + shift, y - 31), (1960 + shift, y - 201), (1960 + shift, y - 171), (1480 + shift, y)],
            mix(tone, (0, 0, 0), 0.25),
            mix(tone, (0, 0, 0), 0.62),
        )
        if k % 3 == 0:
            box_side(
                side,
                [(470 + shift, y - 28), (564 + shift, y - 28), (564 + shift, y - 4), (470 + shift, y - 4)],
                tone,
                mix(tone, (0, 0, 0), 0.3),
            )
    place(stack, side)
    top = [(560.0, 714.0), (1040.0, 544.0), (1960.0, 544.0), (1480.0, 714.0)]
    sheet = mottled((2400, 1800), (226, 138, 98), (164, 82, 56), scale=26, seed=15, strength=0.85)
    mask = Image.new("L", stack.size, 0)
    ImageDraw.Draw(mask).polygon(top, fill=255)
    paint(stack, sheet, mask)
    nubs = ImageDraw.Draw(stack)
    for _ in range(420):
        s, t = chance.random(), chance.random()
        at = (560 + 920 * s + 480 * t, 714 - 170 * t)
        nubs.ellipse(
            (at[0] - 5, at[1] - 3, at[0] + 5, at[1] + 3), fill=mix((246, 178, 140), (120, 56, 36), chance.random())
        )
    shine = Image.new("L", stack.size, 0)
    ImageDraw.Draw(shine).polygon([(760, 700), (1150, 556), (1330, 556), (960, 700)], fill=90)
    lit = Image.new("L", stack.size, 0)
    paint(lit, blurred(shine, 40), mask)
    paint(stack, (255, 236, 220), lit)
    for x in (780, 1260):
        box_side(stack, [(x, 712), (x + 480, 542), (x + 520, 542), (x + 40, 712)], (70, 74, 78), (40, 42, 46))
        box_side(
            stack, [(x, 712), (x + 40, 712), (x + 40, 1440), (x, 1440)], (98, 102, 106), (44, 46, 50), sideways=True
        )
    for left in (620, 1380):
        box_side(
            stack, [(left, 1440), (left + 150, 1440), (left + 150, 1500), (left, 1500)], (170, 132, 88), (112, 82, 52)
        )
    contact(picture, (500, 1470, 2040, 1560), 0.7)
    place(picture, stack)
    return deliver(picture, zoom=1.2, middle=(1230, 1030))


def solar_modules() -> Image.Image:
    picture = backdrop((206, 214, 220), (168, 172, 172), horizon=0.7)
    group = layer()
    for k in (3, 2, 1, 0):
        panel = _module(900, 1240)
        dx, dy = 620 + k * 210, 300 - k * 26
        lean = panel.transform(
            (1100, 1300),
            Image.Transform.PERSPECTIVE,
            _coefficients([(90, 60), (920, 0), (1000, 1290), (0, 1240)], (900, 1240)),
            Image.Resampling.BICUBIC,
        )
        dark = Image.new("RGBA", lean.size, (12, 18, 24, 0))
        dark.putalpha(lean.getchannel("A").point(lambda v, n=k: int(v * 0.13 * n)))
        lean.alpha_composite(dark)
        group.alpha_composite(lean, (dx, dy))
    cast(picture, group, 1560, reach=0.25)
    contact(picture, (600, 1500, 1700, 1610), 0.6)
    place(picture, group)
    return deliver(picture, zoom=1.16, middle=(1270, 930))


def _module(width: int, height: int) -> Image.Image:
    panel = Image.new("RGBA", (width, height), (206, 210, 214, 255))
    panel.paste(gradient((width - 36, height - 36), (30, 44, 78), (10, 16, 34)), (18, 18))
    draw = ImageDraw.Draw(panel)
    columns, rows = 6, 11
    w, h = (width - 60) / columns, (height - 60) / rows
    for i in range(columns):
        for j in range(rows):
            x, y = 30 + i * w, 30 + j * h
            draw.rounded_rectangle(
                (x + 3, y + 3, x + w - 3, y + h - 3),
                12,
                fill=mix((22, 34, 66), (44, 62, 104), ((i * 3 + j * 5) % 7) / 9),
            )
            for bar in range(1, 6):
                draw.line((x + w * bar / 6, y + 4, x + w * bar / 6, y + h - 4), fill=(120, 134, 160, 255), width=2)
    sky = Image.new("L", panel.size, 0)
    ImageDraw.Draw(sky).polygon(
        [(0, height * 0.55), (width * 0.75, 0), (width, 0), (width, height * 0.12), (0, height * 0.86)], fill=58
    )
    paint(panel, (200, 222, 255), sky.filter(ImageFilter.GaussianBlur(16)))
    ImageDraw.Draw(panel).rectangle((0, 0, width - 1, height - 1), outline=(222, 226, 230, 255), width=16)
    return panel


def _coefficients(target: list[Point], size: tuple[int, int]) -> tuple[float, ...]:
    """The eight numbers of the perspective that puts a rectangle's corners on `target` (clockwise from top left)."""
    source = [(0, 0), (size[0], 0), (size[0], size[1]), (0, size[1])]
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for i in range(8):
        pivot = max(range(i, 8), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(8):
            if k != i:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    return tuple(row[8] for row in rows)


def server_rack() -> Image.Image:
    picture = backdrop((40, 46, 54), (58, 62, 68), horizon=0.78)
    rack = layer()
    chance = random.Random(42)
    body: Colour = (34, 36, 40)
    box_side(rack, [(1620, 250), (1850, 330), (1850, 1500), (1620, 1620)], (26, 28, 32), (10, 11, 13))
    box_side(rack, [(800, 250), (1620, 250), (1620, 1620), (800, 1620)], mix(body, (255, 255, 255), 0.16), body)
    draw = ImageDraw.Draw(rack)
    for k in range(14):
        y = 310 + k * 90
        box_side(rack, [(850, y), (1570, y), (1570, y + 80), (850, y + 80)], (92, 96, 102), (46, 48, 54))
        if k % 7 == 0:
            for port in range(24):
                x = 880 + port * 24
                draw.rectangle((x, y + 24, x + 17, y + 54), fill=(14, 15, 18))
                draw.rectangle(
                    (x + 4, y + 12, x + 12, y + 18),
                    fill=chance.choice(((90, 230, 130), (90, 230, 130), (240, 190, 70))),
                )
            continue
        for bay in range(8):
            x = 872 + bay * 62
            draw.rounded_rectangle((x, y + 12, x + 54, y + 68), 5, fill=(24, 26, 30), outline=(120, 124, 130), width=2)
            draw.rectangle(
                (x + 40, y + 18, x + 47, y + 25), fill=chance.choice(((80, 220, 255), (80, 220, 255), (90, 230, 130)))
            )
        for hole in range(48):
            x, hy = 1386 + (hole % 12) * 14, y + 20 + (hole // 12) * 12
            draw.ellipse((x, hy, x + 7, hy + 7), fill=(18, 19, 22))
    lights = rack.filter(ImageFilter.GaussianBlur(9))
    place(picture, rack)
    glowing = glow(picture.size, (600, 100, 1800, 1800), 0.10)
    paint(picture, (120, 210, 255), glowing)
    contact(picture, (780, 1600, 1900, 1680), 0.85)
    picture = Image.blend(picture, Image.composite(lights.convert("RGB"), picture, lights.getchannel("A")), 0.18)
    return deliver(picture, zoom=1.1, middle=(1250, 940))
