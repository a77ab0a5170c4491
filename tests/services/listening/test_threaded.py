"""The judge beside the calls."""

from __future__ import annotations

import asyncio
from threading import Event, current_thread, main_thread

from app.services.listening.model import TaughtListening
from app.services.listening.threaded import ThreadedListening


class Slow(TaughtListening):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.may_answer = Event()

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        assert current_thread() is not main_thread()
        return float(self.may_answer.wait(10))


async def test_calls_go_on_while_a_voice_is_judged() -> None:
    listening = ThreadedListening(judge := Slow())
    answer = asyncio.create_task(listening.only_listens(b"", 0.1))
    await asyncio.sleep(0)
    judge.may_answer.set()
    assert await answer == 1.0


async def test_a_call_that_ends_while_its_voice_is_judged_leaves_nothing() -> None:
    listening = ThreadedListening(judge := Slow())
    answer = asyncio.create_task(listening.only_listens(b"", 0.1))
    await asyncio.sleep(0)
    answer.cancel()
    await asyncio.wait([answer])
    judge.may_answer.set()
    assert await listening.only_listens(b"", 0.1) == 1.0
