from __future__ import annotations

import pytest

from app.conversation.decisions import Decision, Timing
from app.conversation.floor import Certainty, Floor, Look
from app.conversation.turns import TurnTaking
from app.conversation.voice_detector import VoiceEnded, VoiceStarted
from app.services.listening import HEARD_BYTES

C = Certainty()
OLD = C.settled
INSISTS = Timing().insists
INTERRUPT = [Decision.INTERRUPT]


class Judge:
    """Says what it is told to, and keeps what it was asked."""

    def __init__(self, *verdicts: float) -> None:
        self.verdicts = list(verdicts)
        self.asked: list[tuple[bytes, float]] = []

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        self.asked.append((audio, round(voice_seconds, 3)))
        return self.verdicts.pop(0)


class Judged:
    """A floor whose every question is answered at once."""

    def __init__(self, judge: Judge | None, turns: TurnTaking) -> None:
        self.floor = Floor(turns, judged=judge is not None)
        self.judge = judge
        self.hear = self.floor.hear

    def noticed(self, event: VoiceStarted | VoiceEnded, now: float) -> list[Decision]:
        return self.floor.noticed(event, now) + self.tick(now)

    def tick(self, now: float) -> list[Decision]:
        look = self.floor.look(now)
        if look is None:
            return []
        assert self.judge
        return self.floor.answered(look, self.judge.only_listens(look.audio, look.voice_seconds), now)


def audible() -> TurnTaking:
    """The assistant is, until 20.0."""
    turns = TurnTaking()
    turns.speaks(9.0)
    turns.audible(20.0)
    return turns


def over_ours(judge: Judge | None) -> Judged:
    return Judged(judge, audible())


def begins(floor: Judged, now: float = 10.1) -> list[Decision]:
    """A voice that began at 10.0 is noticed."""
    return floor.noticed(VoiceStarted(10.0), now)


def test_without_a_judge_every_voice_asks() -> None:
    assert begins(over_ours(None)) == INTERRUPT


def test_a_voice_that_clearly_asks_is_heard_at_once() -> None:
    assert begins(over_ours(Judge(C.asks - 0.01))) == INTERRUPT


@pytest.mark.parametrize("now", [10.1, 10.01 + OLD])
def test_one_that_may_only_listen_is_not(now: float) -> None:
    assert begins(over_ours(Judge(C.asks)), now) == []


def test_a_voice_that_listens_is_not_heard_until_it_insists() -> None:
    floor = over_ours(judge := Judge(*[C.asks] * 40))
    assert begins(floor) == []
    while (now := 10.1 + len(judge.asked) * (C.again + 0.001)) < 10.0 + INSISTS:
        assert floor.tick(now) == []
    assert len(judge.asked) > 20


def test_a_voice_that_turns_out_to_ask_is_heard_then() -> None:
    floor = over_ours(Judge(0.99, 0.01))
    assert begins(floor) == []
    assert floor.tick(10.1 + C.again) == INTERRUPT


def test_a_voice_that_has_stopped_is_not_judged() -> None:
    floor = over_ours(judge := Judge(0.99, 0.0))
    begins(floor)
    floor.noticed(VoiceEnded(10.2), 10.3)
    assert floor.tick(10.3) == []
    assert len(judge.asked) == 1


def test_it_is_not_judged_more_often_than_there_is_something_new() -> None:
    floor = over_ours(judge := Judge(0.99, 0.99))
    begins(floor)
    for n in range(1, 4):
        floor.tick(10.1 + n * 0.02)
    assert [seconds for _, seconds in judge.asked] == [0.1, 0.16]


def test_a_voice_that_surely_asks_is_not_judged_again() -> None:
    floor = over_ours(judge := Judge(0.0))
    assert begins(floor, now=10.01 + C.settled) == INTERRUPT
    assert floor.tick(11.0) == []
    assert len(judge.asked) == 1


def test_one_that_stopped_the_assistant_too_soon_is_judged_on_and_its_words_are_no_matter() -> None:
    turns = audible()
    floor = Judged(Judge(0.0, 0.99, 0.99, 0.99), turns)
    assert begins(floor) == INTERRUPT
    for n in range(1, 4):
        assert floor.tick(10.01 + n * OLD) == []
    floor.noticed(VoiceEnded(11.0), 11.2)
    assert turns.words("that's it", 11.5, settled=True)[:1] == [Decision.DISREGARD]


def test_words_of_a_voice_that_may_ask_stop_the_assistant() -> None:
    turns = audible()
    assert begins(Judged(Judge(C.sure - 0.01), turns), now=10.01 + OLD) == []
    assert turns.words("stop", 10.5) == INTERRUPT


def test_words_of_one_that_surely_does_not_do_not() -> None:
    turns = audible()
    assert begins(Judged(Judge(C.sure), turns), now=10.01 + OLD) == []
    assert turns.words("stop", 10.5) == []


@pytest.mark.parametrize(("at", "answers"), [(0.1, [1.0, 1.0]), (OLD - 0.05, [C.sure - 0.1, C.sure])])
def test_it_is_not_sure_of_a_young_voice_nor_by_one_answer_alone(at: float, answers: list[float]) -> None:
    turns = audible()
    floor = Judged(Judge(*answers), turns)
    begins(floor, now=10.0 + at)
    floor.tick(10.001 + at + C.again)
    assert turns.words("stop", 10.5) == INTERRUPT


def test_who_goes_on_and_on_is_heard_without_the_judge() -> None:
    turns = audible()
    begins(Judged(Judge(0.99), turns))
    assert turns.words("yes yes yes yes", 11.0) == []
    assert turns.tick(10.1 + INSISTS) == INTERRUPT


def test_where_nobody_else_speaks_nothing_is_judged() -> None:
    floor = Judged(judge := Judge(), TurnTaking())
    begins(floor)
    floor.tick(10.2)
    assert judge.asked == []


def test_the_judge_hears_the_latest_of_the_line() -> None:
    floor = over_ours(judge := Judge(0.0))
    heard = bytes(n % 251 for n in range(5 * HEARD_BYTES))
    for begin in range(0, len(heard), 160):
        floor.hear(heard[begin : begin + 160])
    begins(floor)
    assert judge.asked == [(heard[-HEARD_BYTES:], 0.1)]


def asking(turns: TurnTaking, now: float = 10.1) -> tuple[Floor, Look]:
    """A voice that began at 10.0, and what the judge is asked of it `now`."""
    floor = Floor(turns, judged=True)
    floor.noticed(VoiceStarted(10.0), 10.1)
    look = floor.look(now)
    assert look is not None
    return floor, look


def test_nothing_more_is_asked_until_there_is_an_answer() -> None:
    floor, look = asking(audible())
    assert floor.look(10.1 + 2 * C.again) is None
    floor.answered(look, 0.99, 10.1 + 2 * C.again)
    assert floor.look(10.1 + 2 * C.again) is not None


def test_an_answer_that_comes_after_the_voice_has_ended_stops_nothing() -> None:
    floor, look = asking(audible())
    floor.noticed(VoiceEnded(10.1), 10.2)
    assert floor.answered(look, 0.0, 10.2) == []


def test_an_answer_on_an_earlier_voice_says_nothing_of_the_next() -> None:
    floor, look = asking(audible())
    floor.noticed(VoiceEnded(10.1), 10.3)
    floor.noticed(VoiceStarted(10.35), 10.4)
    assert floor.answered(look, 0.0, 10.41) == []
    assert floor.look(10.41) is not None


def test_it_tells_what_the_words_of_that_voice_are() -> None:
    floor, look = asking(turns := audible(), 10.01 + OLD)
    floor.noticed(VoiceEnded(10.2), 10.4)
    floor.answered(look, 1.0, 10.4)
    assert turns.words("that's it", 10.6) == []
