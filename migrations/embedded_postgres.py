"""Postgres inside the product: one cluster in the data folder, started and stopped with the program.

Durable (fsync and synchronous_commit on), reachable only by a unix socket and only by the user who started it, gone
when the program dies however it dies. This module starts and stops a server; it knows nothing of what is stored in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from migrations.database import DATABASE_NAME, Address, Role
from migrations.parent_death import die_with_parent
from migrations.postgres_binaries import Account, EmbeddedPostgresError, find_binaries, unprivileged_account

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

LONGEST_SOCKET_PATH = 107
_SOCKET_NAME = ".s.PGSQL.5432"
_SUPERUSER = "postgres"
_LARGEST_LOG_BYTES = 10_000_000
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    # A statement may carry what must not be in a log, so a failing one is not written there.
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] ",
    "unix_socket_permissions": "0700",
}


class EmbeddedPostgres:
    """One cluster below `folder`. `start()` makes it at the first time; the caller holds the folder's lock.

    Start it from the main thread: the kernel ties its life to the thread that spawned it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.cluster = folder / "postgres"
        self.log = folder / "postgres.log"
        self._settings = {**_SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._account: Account | None = None
        self._programs: Path | None = None
        self._socket_folder: Path | None = None
        self._handles: tuple[int, ...] = ()

    @property
    def address(self) -> Address:
        if self._socket_folder is None:
            raise EmbeddedPostgresError("The embedded database has not been started.")
        return Address(socket_folder=self._socket_folder)

    def attach(self) -> Address:
        """The address at which another process has started this cluster; whether it answers, connecting tells."""
        return Address(socket_folder=self._choose_socket_folder())

    @property
    def programs(self) -> Path:
        """The folder of `postgres`, `pg_dump`, `pgbench` and the rest; known after `start()`."""
        if self._programs is None:
            raise EmbeddedPostgresError("The embedded database has not been started.")
        return self._programs

    @property
    def process_id(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Address:
        """Make the cluster if there is none, start it, return when it answers. Raises EmbeddedPostgresError."""
        self._prepare_folders()
        end_leftover(self.cluster)
        if not (self.cluster / "PG_VERSION").exists():
            self._make_cluster()
        self._write_access_rules()
        self._spawn()
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self.address

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed is on disk. No error if not running."""
        process, self._process = self._process, None
        self._close_handles()
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()

    async def keep_running(self) -> None:
        """Watch, and start it again when it died (killed, out of memory); runs until cancelled, on the main thread."""
        while True:
            await asyncio.sleep(0.1)
            if not self.is_running:
                await self._start_again()

    async def _start_again(self) -> None:
        end_leftover(self.cluster)
        self._spawn()
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready() and time.monotonic() < until:
            await asyncio.sleep(0.02)
            if not self.is_running:
                self._spawn()

    def _prepare_folders(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._account = unprivileged_account(self.cluster)
        self._private(self.cluster)
        self._programs = find_binaries(self._account, self.folder / "postgres-programs")
        self._socket_folder = self._choose_socket_folder()
        self._private(self._socket_folder)
        self._close_handles()
        self._handles = tuple(os.open(folder, os.O_DIRECTORY) for folder in (self.cluster, self._socket_folder))

    def _paths(self) -> tuple[str, str]:
        """The cluster and the socket folder as Postgres is told of them.

        The unprivileged user for whom root starts it may not be let through the folders above (a private home, a
        temporary folder). An open handle needs no way to it, so on Linux it gets the two folders as handles.
        """
        if self._account is None or not sys.platform.startswith("linux"):
            return str(self.cluster), str(self._socket_folder)
        cluster, socket = self._handles
        return f"/proc/self/fd/{cluster}", f"/proc/self/fd/{socket}"

    def _close_handles(self) -> None:
        for handle in self._handles:
            os.close(handle)
        self._handles = ()

    def _choose_socket_folder(self) -> Path:
        beside = self.folder.resolve() / "socket"
        if len(os.fsencode(beside / _SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return beside
        # A unix socket's path has a limit that a deep data folder passes; then a short private folder serves.
        mark = hashlib.sha256(os.fsencode(self.folder.resolve())).hexdigest()[:16]
        short = Path(tempfile.gettempdir()) / f"gavelhouse-{mark}"
        return short if len(os.fsencode(short / _SOCKET_NAME)) <= LONGEST_SOCKET_PATH else Path("/tmp") / short.name

    def _private(self, folder: Path) -> None:
        """A folder that only Postgres's user may enter, and that nobody else put there."""
        owner = os.geteuid() if self._account is None else self._account.uid
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid == os.geteuid() != owner and self._account is not None:
            os.chown(folder, self._account.uid, self._account.gid)
        elif status.st_uid != owner or folder.is_symlink():
            raise EmbeddedPostgresError(f"{folder} belongs to somebody else: remove it, or choose another --data-dir.")
        os.chmod(folder, 0o700)

    @property
    def _uid(self) -> int | None:
        return None if self._account is None else self._account.uid

    @property
    def _gid(self) -> int | None:
        return None if self._account is None else self._account.gid

    @property
    def _groups(self) -> list[int] | None:
        return None if self._account is None else []

    def _make_cluster(self) -> None:
        command = [
            str(self.programs / "initdb"),
            f"--pgdata={self._paths()[0]}",
            f"--username={_SUPERUSER}",
            "--auth=peer",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ]
        made = subprocess.run(
            command,
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
            pass_fds=self._handles,
        )
        if made.returncode != 0:
            raise EmbeddedPostgresError(f"The database could not be made in {self.cluster}: {made.stderr.strip()}")

    def _write_access_rules(self) -> None:
        """Only the user who runs this program may connect, as any of our roles (`peer` asks the kernel who it is)."""
        me = pwd.getpwuid(os.geteuid()).pw_name
        roles = (_SUPERUSER, *(role.value for role in Role))
        self._write("pg_hba.conf", "local all all peer map=house\n")
        self._write("pg_ident.conf", "".join(f'house "{me}" {role}\n' for role in roles))

    def _write(self, name: str, text: str) -> None:
        path = self.cluster / name
        path.write_text(text, encoding="utf-8")
        os.chmod(path, 0o600)
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _spawn(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        cluster, socket = self._paths()
        command = [str(self.programs / "postgres"), "-D", cluster, "-k", socket]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "ab", opener=_for_owner_only) as log:
            self._process = subprocess.Popen(
                command,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - it calls the kernel and nothing else
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
                pass_fds=self._handles,
            )

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if not self.is_running:
                self._respawn_or_refuse(until)
            if time.monotonic() > until:
                raise EmbeddedPostgresError(f"The database did not start in time; its log is {self.log}.")
            time.sleep(0.005)

    def _respawn_or_refuse(self, until: float) -> None:
        """After a kill -9 of the server process its children need a moment to let go of the shared memory."""
        last_words = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        if "still in use" not in last_words.rsplit("FATAL", 1)[-1] or time.monotonic() > until - _START_SECONDS + 10:
            raise EmbeddedPostgresError(f"The database did not start; the end of {self.log} says: {_last(last_words)}")
        time.sleep(0.1)
        self._spawn()

    def _is_ready(self) -> bool:
        lines = _pid_file_lines(self.cluster)
        return len(lines) >= 8 and lines[0] == str(self.process_id) and lines[7].strip() == "ready"


async def create_database(address: Address) -> None:
    """Make the owner role and the house's database on an embedded server, once."""
    conn = await asyncpg.connect(host=str(address.socket_folder), user=_SUPERUSER, database="postgres")
    try:
        if not await conn.fetchval("select exists (select from pg_roles where rolname = $1)", Role.OWNER.value):
            await conn.execute(f"create role {Role.OWNER.value} login createrole createdb")
        if not await conn.fetchval("select exists (select from pg_database where datname = $1)", DATABASE_NAME):
            await conn.execute(f"create database {DATABASE_NAME} owner {Role.OWNER.value}")
    finally:
        await conn.close()


def end_leftover(cluster: Path) -> None:
    """A server that outlived its program is stopped; a pid file that speaks of nobody, or of a stranger, is removed."""
    lines = _pid_file_lines(cluster)
    if not lines or not re.fullmatch(r"-?\d+", lines[0]):
        return
    pid = abs(int(lines[0]))
    for signal_number, seconds in ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if not _is_server_of(pid, cluster):
            break
        os.kill(pid, signal_number)
        until = time.monotonic() + seconds
        while _is_server_of(pid, cluster) and time.monotonic() < until:
            time.sleep(0.01)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Is `pid` a Postgres at work in this cluster? Its working folder is the cluster; a zombie has none."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == cluster.resolve()
    except OSError:
        return False


def _pid_file_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _environment() -> dict[str, str]:
    """None of the caller's PG… variables, which would redirect the programs; no locale of his either."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C", "HOME": "/"}


def _last(text: str) -> str:
    return " ".join(text.strip().splitlines()[-3:])
