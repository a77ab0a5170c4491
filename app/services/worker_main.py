"""The worker's side of the pipe: what every worker program runs once it has imported its engine."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import BinaryIO, NoReturn

import msgspec

from app.services import worker_wire as wire

Handler = Callable[[msgspec.Raw], Iterable[object]]
"""A request's body in, the pieces of its answer out."""


def serve(load: Callable[[], Handler], *, nice: int = 0) -> NoReturn:
    """Load the engine, say so, and answer requests one after another until stdin ends.

    `nice` lowers the priority of this process, so that bursts of work leave the CPU to those who listen.
    """
    # Ctrl-C reaches the whole process group, and a service manager may send SIGTERM to all of it: only
    # the server decides when its workers end, and it does so by closing stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(nice)
    # Libraries print. Their stdout becomes stderr, and the pipe carries nothing but messages.
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    handle = load()
    inbox = _Inbox(sys.stdin.buffer)
    _write(pipe, wire.Done(0))
    while True:
        request = inbox.get()
        try:
            for piece in handle(request.body):
                if not inbox.wanted(request.id):
                    break
                _write(pipe, wire.Piece(request.id, wire.body(piece)))
        except Exception as error:  # a request that cannot be done is no reason to end for the others
            _write(pipe, wire.Done(request.id, f"{type(error).__name__}: {error}"))
        else:
            _write(pipe, wire.Done(request.id))
        inbox.done(request.id)


class _Inbox:
    """Requests in their order. A thread reads them, so that a cancellation overtakes the work before it."""

    def __init__(self, stdin: BinaryIO) -> None:
        self._stdin = stdin
        self._waiting: queue.SimpleQueue[wire.Request] = queue.SimpleQueue()
        self._wanted: set[int] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def get(self) -> wire.Request:
        while True:
            request = self._waiting.get()
            if self.wanted(request.id):
                return request

    def wanted(self, request_id: int) -> bool:
        return request_id in self._wanted

    def done(self, request_id: int) -> None:
        self._wanted.discard(request_id)

    def _read(self) -> None:
        try:
            while header := self._stdin.read(wire.HEADER_BYTES):
                message = wire.parse_order(self._stdin.read(wire.length(header)))
                if isinstance(message, wire.Request):
                    self._wanted.add(message.id)
                    self._waiting.put(message)
                else:
                    self._wanted.discard(message.id)
        finally:
            # The server is gone or wants us gone, and the engine may be in the middle of its work:
            # end now, without waiting for it. There is nothing to save.
            os._exit(0)


def _write(pipe: BinaryIO, message: wire.Answer) -> None:
    data = memoryview(wire.frame(message))
    while data:
        data = data[pipe.write(data) :]
