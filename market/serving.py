"""Running the web server in this process: migrations first, then uvicorn on uvloop, and an orderly end.

Knows when the house starts and stops; what it does meanwhile is in `market.app`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from market import data_folder, open_files
from market.config import Config, ConfigError
from market.running import Running, bring_up_to_date

if TYPE_CHECKING:
    from structlog.typing import Processor

log = structlog.get_logger("gavelhouse")


class HouseServer(uvicorn.Server):
    """A uvicorn server that leaves by returning. Its own way is to raise the signal again, which would end the process
    before the database is stopped in order.
    """

    def __init__(self, config: uvicorn.Config, on_open: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_open = on_open

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_open()


def run_house(
    running: Running,
    on_open: Callable[[], object],
    before: Callable[[Running], Awaitable[object]] | None = None,
) -> None:
    """Migrate, run `before` (demo data), serve until SIGINT or SIGTERM. `on_open` is called once it answers."""
    import uvloop

    def opened(config: Config) -> None:
        _note_open_house(config)
        on_open()

    open_files.raise_limit()
    # The port is taken first: whoever can't have it should not have migrated anything.
    listening = _listen(running.config)
    try:
        uvloop.run(_house(running, listening, opened, before))
    except KeyboardInterrupt:
        pass
    finally:
        data_folder.forget_open_house(running.config.data_dir)
        listening.close()


def _note_open_house(config: Config) -> None:
    house = data_folder.OpenHouse(
        pid=os.getpid(),
        origin=config.origin,
        host=config.host,
        port=config.port,
        bank_port=config.bank_listens_on,
        vault=config.vault_url,
    )
    try:
        data_folder.note_open_house(config.data_dir, house)
    except OSError as error:
        log.warning("commands on this data folder won't know where the house listens", error=str(error))


async def _house(
    running: Running,
    listening: socket.socket,
    on_open: Callable[[Config], object],
    before: Callable[[Running], Awaitable[object]] | None,
) -> None:
    from market.app import build_app
    from market.server import server_config
    from market.vault_keeper import looked_after

    for migration in await bring_up_to_date(running):
        log.info("migration applied", migration=str(migration))
    async with looked_after(running) as guarded:
        if before is not None:
            await before(guarded)
        server = HouseServer(server_config(guarded.config, build_app(guarded.config)), lambda: on_open(guarded.config))
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(running.postgres.keep_running()) if running.postgres else None
            try:
                await server.serve(sockets=[listening])
            finally:
                if watch is not None:
                    watch.cancel()
    if not server.started:
        raise ConfigError("The house could not open; the log above says why.")


def _listen(config: Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Port {config.port} on {config.host} can't be taken ({error.strerror}): "
            "choose another with --port, or stop what listens there."
        ) from error
    return listening


def set_up_logging(config: Config) -> None:
    """One line an event to stderr, ours and the libraries' alike; JSON when `log_format` is json."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = config.log_format == "json"
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        # Plain, since the rich one prints local variables: passphrases and tokens would stand in the log.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    tail: list[Processor] = [structlog.processors.format_exc_info, renderer] if as_json else [renderer]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail]
        )
    )
    root: Any = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log_level.upper())
    if config.log_level == "info":
        # Each question to the vault would be a line.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
