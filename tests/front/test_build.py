"""The build of the browser files: types hold, nothing is built twice, nothing foreign is named, licences are shipped."""

import json
import re
import subprocess
from pathlib import Path

import pytest

import hatch_build
from market.assets import Assets

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "static" / "src"
TEMPLATES = ROOT / "market" / "templates"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    hatch_build.build(ROOT)


def test_typescript_finds_no_fault() -> None:
    npm, environment = hatch_build.npm_command()
    hatch_build.install_packages(ROOT, npm, environment)
    run = subprocess.run(
        [*npm, "run", "--silent", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_what_is_built_is_not_built_again_until_a_source_changes(tmp_path: Path) -> None:
    assert hatch_build.is_fresh(ROOT)
    before = hatch_build.stamp_of(ROOT)
    copy = tmp_path / "tree"
    for path in [
        *SOURCES.rglob("*"),
        *(ROOT / name for name in ("package-lock.json", "package.json", "hatch_build.py")),
    ]:
        if path.is_file():
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    assert hatch_build.stamp_of(copy) == before
    (copy / "static" / "src" / "app.ts").write_text("// changed")
    assert hatch_build.stamp_of(copy) != before


def test_the_lock_names_no_registry() -> None:
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert "registry" not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in about for name, about in packages.items() if name)


def test_every_shipped_package_has_its_licence_beside_it() -> None:
    dist = Assets.find().directory
    packages = json.loads((dist / "manifest.json").read_text(encoding="utf-8"))["packages"]
    licences = (dist / "THIRD_PARTY_LICENSES.txt").read_text(encoding="utf-8")
    assert {"lit-html", "@preact/signals-core", "uplot", "lucide-static"} <= set(packages)
    for package in packages:
        assert re.search(rf"^{re.escape(package)} \d", licences, re.MULTILINE)


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    there = set((SOURCES / "icons.txt").read_text(encoding="utf-8").split())
    calls = re.compile(r"""\bicon\(["']([a-z0-9-]+)["']\)""")
    templates = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.ts"))
    assert set(calls.findall(templates + scripts)) <= there


@pytest.mark.parametrize(("folder", "entry"), [("styles", "app.css"), ("elements", "app.ts")])
def test_no_style_or_element_is_forgotten(folder: str, entry: str) -> None:
    imported = set(re.findall(rf"\./{folder}/([a-z_]+)", (SOURCES / entry).read_text(encoding="utf-8")))
    assert {path.stem for path in (SOURCES / folder).iterdir()} == imported
