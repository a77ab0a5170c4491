"""A worker program for the tests: it does what it is told, in one word and one value."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator

import msgspec

from app.services.worker_main import Handler, serve


def load() -> Handler:
    done: list[object] = []

    def handle(body: msgspec.Raw) -> Iterator[object]:
        verb, value = msgspec.msgpack.decode(body, type=tuple[str, int])
        done.append(verb)
        if verb == "echo":
            yield value
        elif verb == "count":
            for number in range(value):
                done[-1] = number
                yield number
        elif verb == "done":
            yield done
        elif verb == "print":
            print("a library has something to say")  # noqa: T201
            ctypes.CDLL(None).puts(b"so has one in C")
            ctypes.CDLL(None).fflush(None)
            yield value
        elif verb == "fail":
            raise ValueError("no such luck")
        elif verb == "sleep":
            time.sleep(value)
            yield value
        elif verb == "nothing":
            return

    return handle


if __name__ == "__main__":
    serve(load)
