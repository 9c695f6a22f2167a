"""The photographs of the demo's lots, drawn by the project: a name → a function that gives the finished picture."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from market.demo_photos import instruments, machines, vessels, works_on_paper

PHOTOS: dict[str, Callable[[], Image.Image]] = {
    "celadon_vase": vessels.celadon_vase,
    "porcelain_bowl": vessels.porcelain_bowl,
    "zisha_teapot": vessels.zisha_teapot,
    "wine_bottles": vessels.wine_bottles,
    "desk_lamp": vessels.desk_lamp,
    "wall_clock": instruments.wall_clock,
    "wristwatch": instruments.wristwatch,
    "film_camera": instruments.film_camera,
    "landscape_scroll": works_on_paper.landscape_scroll,
    "tea_cakes": works_on_paper.tea_cakes,
    "jade_disc": works_on_paper.jade_disc,
    "milling_machine": machines.milling_machine,
    "bicycle": machines.bicycle,
    "copper_cathodes": machines.copper_cathodes,
    "solar_modules": machines.solar_modules,
    "server_rack": machines.server_rack,
}
