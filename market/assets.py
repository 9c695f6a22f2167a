"""Where the browser files of the build lie, and the names with which pages ask for them.

A wheel carries them as `market/_assets`; a working tree has them in `static/dist`. Names hold a hash, so they never change.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Entry(msgspec.Struct, frozen=True):
    """One built file and the modules it is sure to need."""

    file: str
    preload: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True):
    """What the build wrote: source name → built file."""

    entries: dict[str, Entry]


class AssetsMissing(Exception):
    """The browser files have not been built. `pip install .` (or `python hatch_build.py`) builds them."""


class Assets:
    """The built files of one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            self._manifest = msgspec.json.decode((directory / "manifest.json").read_bytes(), type=Manifest)
        except FileNotFoundError as error:
            raise AssetsMissing(f"{directory} has no manifest.json: run `python hatch_build.py`") from error

    @classmethod
    def find(cls) -> Assets:
        """The files of the installed wheel, else of the working tree."""
        here = Path(__file__).parent
        packed = here / "_assets"
        return cls(packed if packed.is_dir() else here.parent / "static" / "dist")

    def url(self, name: str) -> str:
        """The address of the built file that came from `name`, such as `app.css`."""
        return f"/assets/{self._manifest.entries[name].file}"

    def preload(self, name: str) -> list[str]:
        """The addresses of the modules that `name` imports first."""
        return [f"/assets/{file}" for file in self._manifest.entries[name].preload]

    def mount(self) -> Mount:
        """The route that serves them."""
        return Mount("/assets", app=_ForEver(directory=self.directory), name="assets")

    def favicon(self) -> Route:
        """Where a browser looks by itself when it shows something that names no icon: it is sent to the house's seal."""

        async def seal(_request: Request) -> Response:
            return RedirectResponse(self.url("seal.svg"), 307)

        return Route("/favicon.ico", seal, name="favicon")


class _ForEver(StaticFiles):
    """Files whose names hold their hash may be kept for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
