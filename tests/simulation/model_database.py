"""A modelled Postgres server with asyncpg's pool and connections before it, on virtual time and under faults.

What arrives is done atomically unless it waits for a lock; what is done is durable when it is committed; and a client may
lose its connection before, while and after. The server is no process of the node: a statement that has arrived goes on
when the node that sent it is killed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from asyncpg.exceptions import (
    CannotConnectNowError,
    ConnectionDoesNotExistError,
    InFailedSQLTransactionError,
    InterfaceError,
    PostgresError,
)
from msgspec import Struct

from auction.store import NEWS_CHANNEL, queries
from tests.simulation.model_statements import COMMANDS, STATEMENTS, rows_of
from tests.simulation.model_tables import Tables, Transaction
from tests.simulation.virtual_loop import PROCESS, Process, VirtualLoop

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""What the database's clock shows at virtual time 0, as long as nobody sets it."""
TimelineRow, ClockRow = rows_of("epoch", "now"), rows_of("clock_timestamp")


class Faults(Struct, kw_only=True):
    """How rough the way to the database is: chances out of a thousand statements, and delays in microseconds."""

    lost_before: int = 0
    lost_during: int = 0
    lost_after: int = 0
    slow: int = 0
    delay: int = 300
    slow_delay: int = 400_000

    def draw(self, chance: random.Random) -> str | None:
        """What happens to one statement."""
        if not self.lost_before:
            return None
        number = chance.randrange(1000)
        for fault, share in (("before", self.lost_before), ("during", self.lost_during), ("after", self.lost_after)):
            if number < share:
                return fault
            number -= share
        return None


class Server:
    """The database server: its tables, its clock, who is connected, and whether it runs."""

    def __init__(self, loop: VirtualLoop, chance: random.Random) -> None:
        self.loop = loop
        self.chance = chance
        self.tables = Tables(lambda: loop.microseconds)
        self.faults = Faults()
        self.context = copy_context()
        self.process = Process("postgres")
        self.context.run(PROCESS.set, self.process)
        self.sessions: dict[Session, None] = {}
        self.clock_offset = 0
        self.is_up = True
        self.on_statement: Callable[[Session, str], None] = lambda session, text: None
        self.more: dict[str, Callable[..., Generator[Any, None, Any]]] = {}
        """Statements of the host's beside the auction's own: text → what it does."""
        self.lost = 0

    def now(self) -> datetime:
        """The database's clock, which an operator may set."""
        return EPOCH + timedelta(microseconds=self.loop.microseconds + self.clock_offset)

    def later(self, microseconds: int, callback: Callable[..., object], *args: Any) -> None:
        self.loop.call_in(microseconds, callback, *args, context=self.context)

    def delay(self) -> int:
        """How long a message is under way."""
        faults, chance = self.faults, self.chance
        delay = 20 + int(chance.random() * faults.delay)
        return (
            delay + chance.randrange(faults.slow_delay)
            if faults.slow and chance.randrange(1000) < faults.slow
            else delay
        )

    def crash(self) -> None:
        """kill -9 of the server: what was not committed is gone, and so is every connection."""
        self.is_up = False
        for session in list(self.sessions):
            session.drop()

    def start(self) -> None:
        self.is_up = True

    def tell(self, payloads: list[str]) -> None:
        """Notifications, after a commit, to whoever listens."""
        for session in list(self.sessions):
            for listener in session.listeners:
                for payload in payloads:
                    self.later(self.delay(), session.hear, listener, payload)


class Session:
    """One connection, both ends of it: what asyncpg shows to the client, and the backend that serves it."""

    def __init__(self, server: Server, process: Process | None) -> None:
        self.server = server
        self.process = process
        self.is_lost = False
        self.answer: asyncio.Future[Any] | None = None
        self.transaction_: Transaction | None = None
        self.running: Transaction | None = None
        self.listeners: list[Callable[..., object]] = []
        self.terminations: list[Callable[..., object]] = []
        server.sessions[self] = None

    # The client's end

    async def fetch(self, text: str, *args: Any) -> list[Any]:
        return await self.ask(text, args)

    async def fetchrow(self, text: str, *args: Any) -> Any:
        rows = await self.ask(text, args)
        return rows[0] if rows else None

    async def fetchval(self, text: str, *args: Any) -> Any:
        rows = await self.ask(text, args)
        return rows[0][0] if rows else None

    async def execute(self, text: str, *args: Any) -> str:
        done = await self.ask(text, args)
        return f"{COMMANDS.get(text.split(None, 1)[0], 'SET')} {done if isinstance(done, int) else len(done)}"

    async def prepare(self, text: str) -> Prepared:
        await self.ask("prepare", ())
        return Prepared(self, text)

    def transaction(self) -> Block:
        return Block(self)

    def is_closed(self) -> bool:
        return self.is_lost

    def terminate(self) -> None:
        """Close without a word; the server notices and rolls back what was open."""
        if not self.is_lost:
            self.server.later(self.server.delay(), self.forget_backend)
            self._lose()

    async def add_listener(self, channel: str, listener: Callable[..., object]) -> None:
        assert channel == NEWS_CHANNEL
        await self.ask("listen", ())
        self.listeners.append(listener)

    async def remove_listener(self, channel: str, listener: Callable[..., object]) -> None:
        self.listeners.remove(listener)

    def add_termination_listener(self, listener: Callable[..., object]) -> None:
        self.terminations.append(listener)

    def remove_termination_listener(self, listener: Callable[..., object]) -> None:
        if listener in self.terminations:
            self.terminations.remove(listener)

    async def ask(self, text: str, args: tuple[Any, ...]) -> Any:
        """Send a statement and wait for its answer."""
        if self.is_lost:
            raise InterfaceError("the connection is closed")
        if self.process is not None and self.process.is_dead:
            raise InterfaceError("the process is dead")
        if self.answer is not None:
            raise InterfaceError("another operation is in progress")
        server = self.server
        fault = server.faults.draw(server.chance)
        self.answer = answer = server.loop.create_future()
        server.later(server.delay(), self._arrive, text, args, fault, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self.terminate()
            raise
        finally:
            self.answer = None

    def hear(self, listener: Callable[..., object], payload: str) -> None:
        if not self.is_lost and listener in self.listeners:
            self._in_client(listener, self, 0, NEWS_CHANNEL, payload)

    def _in_client(self, callback: Callable[..., object], *args: Any) -> None:
        context: Context = copy_context()
        context.run(PROCESS.set, self.process)
        self.server.loop.call_soon(callback, *args, context=context)

    def _lose(self) -> None:
        """The client's end notices that the connection is gone."""
        self.is_lost = True
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionDoesNotExistError("connection was closed in the middle of operation"))
        for listener in self.terminations:
            self._in_client(listener, self)

    # The server's end

    def drop(self) -> None:
        """The connection is cut, and both ends know it."""
        self.server.lost += 1
        self.forget_backend()
        if not self.is_lost:
            self._lose()

    def forget_backend(self) -> None:
        """The backend ends: whatever it had not committed is rolled back."""
        self.server.sessions.pop(self, None)
        for transaction in (self.running, self.transaction_):
            if transaction is not None:
                transaction.stop_waiting()
                transaction.roll_back()
        self.running = self.transaction_ = None

    def _arrive(self, text: str, args: tuple[Any, ...], fault: str | None, answer: asyncio.Future[Any]) -> None:
        server = self.server
        if self not in server.sessions:
            return None
        server.on_statement(self, text)
        if fault == "before" or not server.is_up:
            return self.drop()
        if self not in server.sessions:
            return None
        tx = self.transaction_
        if tx is not None and tx.is_failed and text not in ("rollback", "commit"):
            return self._reply(answer, InFailedSQLTransactionError("current transaction is aborted"), fault)
        if (statement := STATEMENTS.get(text) or server.more.get(text)) is not None:
            self.running = running = tx or Transaction(server.tables, self.name)
            return self._go_on(statement(running, *args), running, answer, fault)
        if text in ("commit", "rollback"):
            return self._end(answer, fault, commits=text == "commit")
        if text == "begin":
            self.transaction_ = Transaction(server.tables, self.name)
        elif text == queries.timeline:
            return self._reply(answer, [TimelineRow((1, server.now()))], fault)
        elif text == queries.database_time:
            return self._reply(answer, [ClockRow((server.now(),))], fault)
        else:
            assert text in ("prepare", "listen") or text.startswith("set "), f"the model does not know: {text}"
        return self._reply(answer, [], fault)

    @property
    def name(self) -> str:
        return self.process.name if self.process is not None else "-"

    def _go_on(
        self, steps: Generator[Any, None, Any], running: Transaction, answer: asyncio.Future[Any], fault: str | None
    ) -> None:
        if self.running is not running:
            return None
        alone = running is not self.transaction_
        try:
            key = next(steps)
        except StopIteration as done:
            if not alone:
                self.running = None
                return self._reply(answer, done.value, fault)
            # The flush of the commit: whoever wants the same rows meets the locks that are still held.
            if running.written and self.server.chance.random() < 0.25:
                self.server.later(self.server.delay(), self._commit_alone, running, done.value, answer, fault)
                return None
            return self._commit_alone(running, done.value, answer, fault)
        except PostgresError as error:
            return self._fail(running, error, answer, fault)
        try:
            running.wait(key, lambda: self._go_on(steps, running, answer, fault))
        except PostgresError as error:
            steps.close()
            return self._fail(running, error, answer, fault)
        return None

    def _commit_alone(self, running: Transaction, result: Any, answer: asyncio.Future[Any], fault: str | None) -> None:
        if self.running is not running:
            return None
        if fault == "during":
            return self.drop()
        self.running = None
        running.commit()
        self.server.tell(running.told)
        return self._reply(answer, result, fault)

    def _fail(self, running: Transaction, error: PostgresError, answer: asyncio.Future[Any], fault: str | None) -> None:
        """A statement failed: all of its transaction is undone at once, locks too, though the client must still end it."""
        self.running = None
        running.is_failed = True
        running.roll_back()
        self._reply(answer, error, fault)

    def _end(self, answer: asyncio.Future[Any], fault: str | None, *, commits: bool) -> None:
        tx = self.transaction_
        assert tx is not None, "no transaction to end"
        if fault == "during":
            return self.drop()
        self.transaction_ = None
        if commits and not tx.is_failed:
            tx.commit()
            self.server.tell(tx.told)
        else:
            tx.roll_back()
        return self._reply(answer, [], fault)

    def _reply(self, answer: asyncio.Future[Any], result: Any, fault: str | None) -> None:
        if fault in ("during", "after"):
            return self.drop()
        self.server.later(self.server.delay(), self._tell, answer, result)
        return None

    def _tell(self, answer: asyncio.Future[Any], result: Any) -> None:
        if answer.done() or self.is_lost:
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


class Direct:
    """A connection without a network or a wait, for setting a scene: each statement is done as it is asked."""

    def __init__(self, server: Server) -> None:
        self.transaction = Transaction(server.tables, "-")

    async def ask(self, text: str, *args: Any) -> Any:
        try:
            next(steps := STATEMENTS[text](self.transaction, *args))
        except StopIteration as done:
            return done.value
        raise AssertionError(f"{steps} waits for somebody")

    fetch = ask

    async def fetchval(self, text: str, *args: Any) -> Any:
        rows = await self.ask(text, *args)
        return rows[0][0] if rows else None

    async def execute(self, text: str, *args: Any) -> str:
        done = await self.ask(text, *args)
        return f"{COMMANDS[text.split(None, 1)[0]]} {done if isinstance(done, int) else len(done)}"


class Prepared:
    """A prepared statement of one connection."""

    def __init__(self, session: Session, text: str) -> None:
        self.session = session
        self.text = text

    async def fetch(self, *args: Any) -> list[Any]:
        return await self.session.ask(self.text, args)


class Block:
    """`async with conn.transaction()`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def __aenter__(self) -> None:
        await self.session.ask("begin", ())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is GeneratorExit:
            return
        await self.session.ask("commit" if kind is None else "rollback", ())


class ModelPool:
    """A pool of at most so many connections for one process; who finds none free waits in turn."""

    def __init__(self, server: Server, process: Process | None = None, most: int = 10) -> None:
        self.server = server
        self.process = process
        self.idle: list[Session] = []
        self.free = most
        self.waiting: list[asyncio.Future[None]] = []

    def acquire(self) -> Acquiring:
        return Acquiring(self)

    async def take(self) -> Session:
        """A connection, opened if there is none; an error if the server does not answer."""
        loop = self.server.loop
        while not self.free:
            turn = loop.create_future()
            self.waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._next()
                raise
        self.free -= 1
        while self.idle:
            session = self.idle.pop()
            if not session.is_lost:
                return session
        try:
            await asyncio.sleep(self.server.delay() / 1e6)
            if not self.server.is_up:
                raise ConnectionRefusedError if self.server.chance.random() < 0.5 else CannotConnectNowError("starting")
            return Session(self.server, self.process)
        except BaseException:
            self._give(None)
            raise

    async def release(self, session: Session) -> None:
        """Give a connection back."""
        self._give(session)

    def _give(self, session: Session | None) -> None:
        if session is not None and not session.is_lost:
            if session.transaction_ is None:
                self.idle.append(session)
            else:
                session.terminate()
        self.free += 1
        self._next()

    def _next(self) -> None:
        while self.waiting:
            turn = self.waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return

    def die(self) -> None:
        """The process is dead: the kernel closes its connections."""
        for session in [session for session in self.server.sessions if session.process is self.process]:
            self.server.later(self.server.delay(), session.forget_backend)
            session.is_lost = True


class Acquiring:
    """What `pool.acquire()` gives: to be awaited, or entered."""

    def __init__(self, pool: ModelPool) -> None:
        self.pool = pool
        self.session: Session | None = None

    def __await__(self) -> Generator[Any, None, Session]:
        return self.pool.take().__await__()

    async def __aenter__(self) -> Session:
        self.session = await self.pool.take()
        return self.session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.session is not None
        self.pool._give(self.session)
