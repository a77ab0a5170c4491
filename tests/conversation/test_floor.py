from __future__ import annotations

from app.conversation.floor import Certainty, Floor
from app.services.listening import HEARD_BYTES

C = Certainty()


class Judge:
    """Says what it is told to, and keeps what it was asked."""

    def __init__(self, *verdicts: float) -> None:
        self.verdicts = list(verdicts)
        self.asked: list[tuple[bytes, float]] = []

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        self.asked.append((audio, round(voice_seconds, 3)))
        return self.verdicts.pop(0)


def voice(judge: Judge | None) -> Floor:
    """One that began at 10.0."""
    floor = Floor(judge)
    floor.began(10.0)
    return floor


def test_without_a_judge_every_voice_asks() -> None:
    assert voice(None).asked_for(10.1)


def test_a_voice_that_clearly_asks_is_heard_at_once() -> None:
    assert voice(Judge(C.soon - 0.01)).asked_for(10.1)


def test_a_doubtful_voice_is_heard_when_it_is_old_enough() -> None:
    floor = voice(Judge(C.late - 0.01, C.late - 0.01))
    assert not floor.asked_for(10.1)
    assert floor.asked_for(10.001 + C.enough)


def test_a_voice_that_surely_listens_is_not() -> None:
    floor = voice(Judge(0.99, 0.99))
    assert not floor.asked_for(10.1)
    assert not floor.asked_for(10.0 + C.enough)


def test_a_voice_that_turns_out_to_ask_is_heard_then() -> None:
    floor = voice(Judge(0.99, 0.1))
    assert not floor.asked_for(10.1)
    assert floor.asked_for(10.1 + C.again)


def test_it_is_not_judged_more_often_than_there_is_something_new() -> None:
    floor = voice(judge := Judge(0.99, 0.99))
    for n in range(4):
        floor.asked_for(10.1 + n * 0.02)
    assert [seconds for _, seconds in judge.asked] == [0.1, 0.16]


def test_what_the_judge_cannot_use_is_not_judged() -> None:
    floor = voice(Judge(0.99))
    assert not floor.asked_for(10.1)
    assert not floor.asked_for(10.0 + C.until + 0.01)


def test_a_voice_noticed_late_is_judged_once() -> None:
    assert voice(Judge(0.1)).asked_for(10.0 + C.until + 0.2)


def test_the_judge_hears_the_latest_of_the_line() -> None:
    floor = voice(judge := Judge(0.0))
    heard = bytes(n % 251 for n in range(5 * HEARD_BYTES))
    for begin in range(0, len(heard), 160):
        floor.hear(heard[begin : begin + 160])
    floor.asked_for(10.1)
    assert judge.asked == [(heard[-HEARD_BYTES:], 0.1)]
