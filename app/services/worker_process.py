"""A program beside the server that does CPU-bound work: started, asked, watched, restarted, ended.

An engine that computes for hundreds of milliseconds would stall every call of the event loop, one that
crashes would take the server along, and one under the GPL must stay a program of its own. So each runs
as `python -m MODULE` behind a pipe (see `worker_wire`; the other end is `worker_main.serve`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import msgspec

from app.errors import OffhookError
from app.metrics import WORKER_RESTARTS
from app.services import worker_wire as wire

T = TypeVar("T")
Take = Callable[[wire.Answer | None], None]
"""What is done with each message that comes back for a request; None when the process is gone."""

logger = logging.getLogger(__name__)

FIRST_BACKOFF = 0.1
LAST_BACKOFF = 30.0
STEADY_SECONDS = 60.0
"""A worker that ran this long was well: when it dies, the backoff begins anew."""
CLOSE_SECONDS = 2.0
"""A worker ends at once when its stdin does; one that has not after this long is killed."""


class WorkerError(OffhookError):
    """A worker could not do what it was asked, or could not start; the message says why."""


class WorkerDiedError(WorkerError):
    """The process ended before it had answered. Another one is being started."""


class WorkerClosedError(WorkerDiedError):
    """The process was ended on purpose, and no other will be started."""


class WorkerProcess:
    """One supervised worker. Requests are answered in the order in which they were made.

    `patience` is how many seconds a process that has something to do may be silent before it counts as
    stuck and is killed.
    """

    def __init__(self, name: str, module: str, *, patience: float = 60.0) -> None:
        self.name = name
        self._module = module
        self._patience = patience
        self._ids = itertools.count(1)
        self._waiting: dict[int, Take] = {}
        """Requests that are not answered yet."""
        self._silent_since = 0.0
        """The event loop's time when the process last said something, or was given the first thing to do."""
        self._process: Process | None = None
        self._up = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._closed = False
        self._last_words = ""

    @property
    def ready(self) -> bool:
        """Whether the process has loaded and is running."""
        return self._up.is_set() and not self._closed

    @property
    def pid(self) -> int | None:
        """The process, for those who watch or kill it; None between two lives."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process; returns when it has loaded.

        Raises:
            WorkerError: it ended instead; the message holds its last line on stderr.
        """
        loaded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._supervisor = asyncio.create_task(self._supervise(loaded), name=self.name)
        try:
            await loaded
        except BaseException:
            await self.aclose()
            raise

    async def wait_ready(self) -> None:
        """Return when the process can take a request: at once, or after its restart.

        Raises:
            WorkerClosedError: it was closed.
        """
        await self._up.wait()
        if self._closed:
            raise WorkerClosedError(f"{self.name} is closed.")

    async def aclose(self) -> None:
        """End the process. Requests that still wait raise `WorkerClosedError`."""
        closing, self._closed = self._closed, True
        if self._supervisor is not None:
            if not closing:  # a second cancellation would cut the clean-up of the first short
                self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
        self._up.set()  # wakes those who wait for a process that will not come

    async def ask(self, question: object, answer: type[T]) -> T:
        """Make a request that has one piece as its answer.

        Raises:
            WorkerDiedError: the process ended before it had answered.
            WorkerError: it could not do it.
        """
        # The VAD is asked several times a second for every call: this is `stream` without its machinery.
        pieces: list[wire.Piece] = []
        over: asyncio.Future[wire.Done | None] = asyncio.get_running_loop().create_future()

        def take(message: wire.Answer | None) -> None:
            if isinstance(message, wire.Piece):
                pieces.append(message)
            elif not over.done():
                over.set_result(message)

        request_id = await self._request(question, take)
        try:
            self._check(await over)
        finally:
            self._forget(request_id)
        if len(pieces) != 1:
            raise WorkerError(f"{self.name} gave {len(pieces)} pieces as its answer instead of one.")
        return self._value(pieces[0], answer)

    async def stream(self, question: object, answer: type[T]) -> AsyncGenerator[T, None]:
        """Make a request and yield the pieces of its answer. Closing the generator cancels the request.

        Raises:
            WorkerDiedError: the process ended before it had answered.
            WorkerError: it could not do it.
        """
        # Holds no more than the answer to one request.
        answers: asyncio.Queue[wire.Answer | None] = asyncio.Queue()
        request_id = await self._request(question, answers.put_nowait)
        try:
            while isinstance(message := await answers.get(), wire.Piece):
                yield self._value(message, answer)
            self._check(message)
        finally:
            self._forget(request_id)

    def tell(self, message: object) -> None:
        """Make a request whose answer nobody needs. It is lost if the process is not there."""
        self._send(wire.Request(next(self._ids), wire.body(message)))

    async def _request(self, question: object, take: Take) -> int:
        body = wire.body(question)
        await self.wait_ready()
        if not self._waiting:
            self._silent_since = asyncio.get_running_loop().time()
        request_id = next(self._ids)
        self._waiting[request_id] = take
        self._send(wire.Request(request_id, body))
        return request_id

    def _forget(self, request_id: int) -> None:
        """Nobody waits for this answer any more. If it is not complete, the worker need not go on."""
        if self._waiting.pop(request_id, None) is not None:
            self._send(wire.Cancel(request_id))

    def _check(self, over: wire.Done | None) -> None:
        if over is None:
            if self._closed:
                raise WorkerClosedError(f"{self.name} was closed in the middle of a request.")
            raise WorkerDiedError(f"{self.name} ended in the middle of a request.")
        if over.error is not None:
            raise WorkerError(f"{self.name}: {over.error}")

    def _value(self, piece: wire.Piece, type_: type[T]) -> T:
        try:
            return msgspec.msgpack.decode(piece.body, type=type_)
        except msgspec.DecodeError as error:
            raise WorkerError(f"{self.name} gave an answer that cannot be read: {error}") from error

    def _send(self, order: wire.Order) -> None:
        # Nobody waits for the pipe to drain: what is under way is bounded by those who ask.
        if self.ready and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(wire.frame(order))

    async def _supervise(self, loaded: asyncio.Future[None]) -> None:
        backoff = FIRST_BACKOFF
        try:
            while True:
                started = time.monotonic()
                reason = await self._live(loaded)
                if not loaded.done():
                    loaded.set_exception(WorkerError(f"{self.name} did not start ({reason})."))
                    return
                if time.monotonic() - started > STEADY_SECONDS:
                    backoff = FIRST_BACKOFF
                WORKER_RESTARTS.labels(self.name).inc()
                logger.warning("%s has ended (%s) and is restarted in %.1f s.", self.name, reason, backoff)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, LAST_BACKOFF)
        finally:
            if not loaded.done():
                loaded.set_exception(WorkerDiedError(f"{self.name} was closed before it had loaded."))

    async def _live(self, loaded: asyncio.Future[None]) -> str:
        """One life of the process. Returns what ended it."""
        self._last_words = ""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                # Out of the reach of Ctrl-C, also while it imports its engine.
                start_new_session=True,
            )
        except OSError as error:  # no memory or no file descriptor left, perhaps only now
            return str(error)
        self._process = process
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._log_stderr(process))
                watching = tasks.create_task(self._watch(process))
                await self._read_answers(process, loaded)
                watching.cancel()
        except* Exception as errors:  # say, an answer that cannot be read: this process is beyond help
            self._last_words = repr(errors.exceptions[0])
        finally:
            self._up.clear()
            self._process = None
            waiting, self._waiting = self._waiting, {}
            for take in waiting.values():
                take(None)
            await _end(process)
        return f"exit status {process.returncode}, last words {self._last_words!r}"

    async def _read_answers(self, process: Process, loaded: asyncio.Future[None]) -> None:
        assert process.stdout is not None
        loop = asyncio.get_running_loop()
        reader = wire.AnswerReader()
        while data := await process.stdout.read(1 << 16):
            self._silent_since = loop.time()
            for message in reader.feed(data):
                if isinstance(message, wire.Piece):
                    take = self._waiting.get(message.id)
                else:
                    take = self._waiting.pop(message.id, None)
                if take is not None:
                    take(message)
                elif message.id == 0:
                    self._up.set()
                    if not loaded.done():
                        loaded.set_result(None)

    async def _watch(self, process: Process) -> None:
        """Kill the process when it is stuck."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._silent_since + self._patience - loop.time())
            if not self._waiting:
                self._silent_since = loop.time()
            elif loop.time() - self._silent_since >= self._patience:
                logger.warning("%s has not answered for %g s and is killed.", self.name, self._patience)
                self._up.clear()
                _kill(process)
                return

    async def _log_stderr(self, process: Process) -> None:
        assert process.stderr is not None
        while chunk := await process.stderr.read(4096):
            for line in filter(None, map(str.strip, chunk.decode(errors="replace").splitlines())):
                self._last_words = line
                # Of a failure to load the last line says enough, and somebody else says it.
                level = logging.INFO if self._up.is_set() else logging.DEBUG
                logger.log(level, "%s: %s", self.name, line)


async def _end(process: Process) -> None:
    """Close stdin, at which a worker ends; kill one that does not in time. Leaves no zombie."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await process.wait()
    finally:
        _kill(process)
        await process.wait()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
