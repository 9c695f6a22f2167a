"""An event loop without time: it jumps from one timer to the next, and runs what is ready in an order drawn from a seed.

Nothing here sleeps or does I/O, so a day passes in the time its callbacks take, and one seed gives one run to the last
callback. A `Process` is what a kill -9 ends: none of its callbacks runs after it, and its coroutines hear of nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

START_MICROSECONDS = 1_000_000_000


class Process:
    """One operating-system process of the simulated world: a node, or the machine of a client."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.frozen: list[Handle] | None = None
        self.tasks: list[asyncio.Task[Any]] = []


class Handle:
    """A callback that is to run. (asyncio's own spends more time on being made than the callback takes.)"""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class VirtualLoop(asyncio.AbstractEventLoop):
    """Time is a count of microseconds that only the loop moves. `failures` holds what no callback was to raise."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.microseconds = START_MICROSECONDS
        self.failures: list[str] = []
        self.steps = 0
        self._ready: list[Handle] = []
        self._timers: list[tuple[int, int, Handle]] = []
        self._count = 0

    # What asyncio asks of a loop

    def time(self) -> float:
        return self.microseconds / 1e6

    get_debug = staticmethod(bool)
    """No. (Every future asks; a type answers faster than a function.)"""

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        if process is not None:
            if len(process.tasks) > 200:
                process.tasks = [task for task in process.tasks if not task.done()]
            process.tasks.append(task)
        return task

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        handle = Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        return self.call_in(max(0, -int(-delay * 1e6 // 1)), callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:
        return self.call_later(when - self.time(), callback, *args, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    # Virtual time

    def call_in(
        self, microseconds: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Call back when so many microseconds have passed."""
        when = self.microseconds + microseconds
        handle = Handle(callback, args, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until `main` is done, and give its result. Raises RuntimeError if nothing is left that could finish it."""
        former = events._get_running_loop()
        events._set_running_loop(self)
        try:
            task = self.create_task(main)
            self._turn_until(task.done)
            return task.result()
        finally:
            events._set_running_loop(former)

    def _turn_until(self, is_done: Callable[[], bool]) -> None:
        """Round after round: the timers that are due, and then all that was ready when the round began, in a drawn order.

        (Nothing is called here that can be said in place: of each world's thousands of rounds, most have one callback.)
        """
        timers, pop, shuffle, process_of = self._timers, heapq.heappop, self.chance.shuffle, PROCESS
        while not is_done():
            ready = self._ready
            if not ready:
                while timers and timers[0][2].is_cancelled:
                    pop(timers)
                if not timers:
                    raise RuntimeError("everybody waits for ever")
                self.microseconds = timers[0][0]
            now = self.microseconds
            while timers and timers[0][0] <= now:
                ready.append(pop(timers)[2])
            self._ready = []
            if len(ready) > 1:
                shuffle(ready)
            self.steps += len(ready)
            for handle in ready:
                if handle.is_cancelled:
                    continue
                context = handle.context
                process = context.get(process_of)
                if process is not None and (process.is_dead or process.frozen is not None):
                    if process.frozen is not None:
                        process.frozen.append(handle)
                    continue
                try:
                    context.run(handle.callback, *handle.args)
                except Exception as error:
                    self.failures.append(f"{handle.callback!r} failed: {error!r}")

    # Processes

    def spawn(self, process: Process, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any] | None:
        """Start a task that lives and dies with the process, as all that it starts does; none in a dead one."""
        if process.is_dead:
            coro.close()
            return None
        context = copy_context()
        context.run(PROCESS.set, process)
        return self.create_task(coro, context=context)

    def kill(self, process: Process) -> None:
        """kill -9: nothing of the process runs any more. Not to be called from inside it."""
        process.is_dead = True
        process.frozen = None
        for task in process.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                # What stands in a `finally` runs as the coroutine is thrown away; whatever it would await is dead too.
                with suppress(RuntimeError):
                    task.get_coro().close()  # type: ignore[union-attr]
        process.tasks.clear()

    def freeze(self, process: Process) -> None:
        """SIGSTOP: what would run waits until `thaw`."""
        if process.frozen is None and not process.is_dead:
            process.frozen = []

    def thaw(self, process: Process) -> None:
        """SIGCONT: all that fell due meanwhile runs at once."""
        if process.frozen is not None:
            self._ready += process.frozen
            process.frozen = None
