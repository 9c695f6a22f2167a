"""The demo's photographs, drawn once and kept: two processes draw what the folder does not have yet."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import msgspec

from market.photo_rendering import RenderedPhoto, render_photo

WORKERS = 2


def photographs(
    names: Iterable[str], folder: Path, progress: Callable[[int, int], object] = lambda _done, _of: None
) -> Mapping[str, RenderedPhoto]:
    """Every named photograph in the sizes that the house serves. Blocking: the first time some 15 s for sixteen.

    `progress` is told how many of those that are missing are drawn, from 0; it is not called when none is missing.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {name: _kept(folder / f"{name}.photo") for name in names}
    missing = [name for name, photo in found.items() if photo is None]
    if missing:
        progress(0, len(missing))
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
            for done, name in enumerate(pool.map(partial(_draw, folder), missing), 1):
                found[name] = _kept(folder / f"{name}.photo")
                progress(done, len(missing))
    return {name: photo for name, photo in found.items() if photo is not None}


def _kept(path: Path) -> RenderedPhoto | None:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=RenderedPhoto)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _draw(folder: Path, name: str) -> str:
    from market.demo_photos import PHOTOS

    upload = io.BytesIO()
    PHOTOS[name]().save(upload, "JPEG", quality=92)
    rendered = render_photo(upload.getvalue())
    assert isinstance(rendered, RenderedPhoto), "what we draw is a photo that the house accepts"
    unfinished = folder / f"{name}.drawing"
    unfinished.write_bytes(msgspec.msgpack.encode(rendered))
    unfinished.replace(folder / f"{name}.photo")
    return name
