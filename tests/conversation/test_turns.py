from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.conversation.turns import FALSE_ALARM_SECONDS, LATE_FINAL_SECONDS, Decision, TurnTaking

INTERRUPT, RESPOND, RESUME = Decision.INTERRUPT, Decision.RESPOND, Decision.RESUME


def speaking() -> TurnTaking:
    """The caller has said something and the assistant answers."""
    turns = TurnTaking()
    turns.speech_started()
    turns.speech_ended(0.0)
    assert turns.final() == [RESPOND]
    return turns


def test_a_finished_utterance_is_answered() -> None:
    turns = TurnTaking()
    assert turns.speech_started() == []
    assert turns.speech_ended(1.0) == []
    assert turns.final() == [RESPOND]


def test_the_callers_voice_stops_the_assistant() -> None:
    assert speaking().speech_started() == [INTERRUPT]


def test_the_callers_voice_stops_the_greeting() -> None:
    turns = TurnTaking()
    turns.reply_started()
    assert turns.speech_started() == [INTERRUPT]


def test_a_voice_in_silence_stops_nothing() -> None:
    turns = speaking()
    turns.reply_ended()
    assert turns.speech_started() == []


def test_words_without_voice_activity_stop_the_assistant_too() -> None:
    assert speaking().interim(5.0) == [INTERRUPT]


def test_an_utterance_that_goes_on_is_answered_when_it_ends() -> None:
    turns = TurnTaking()
    turns.speech_started()
    assert turns.final() == []  # cut in the middle by the recogniser
    turns.speech_ended(9.0)
    assert turns.final() == [RESPOND]


def test_words_are_answered_although_what_followed_was_noise() -> None:
    turns = TurnTaking()
    turns.speech_started()
    turns.final()
    turns.speech_ended(9.0)
    assert turns.deadline == 9.0 + LATE_FINAL_SECONDS
    assert turns.tick(turns.deadline) == [RESPOND]


def test_a_false_alarm_resumes_what_was_cut() -> None:
    turns = speaking()
    turns.speech_started()
    turns.interrupted(anything_heard=True)
    turns.speech_ended(3.0)
    assert turns.tick(3.0 + FALSE_ALARM_SECONDS - 0.01) == []
    assert turns.tick(3.0 + FALSE_ALARM_SECONDS) == [RESUME]


def test_an_interruption_with_words_is_answered_and_not_resumed() -> None:
    turns = speaking()
    turns.speech_started()
    turns.interrupted(anything_heard=True)
    turns.speech_ended(3.0)
    assert turns.final() == [RESPOND]
    turns.reply_ended()
    assert turns.deadline is None


def test_an_answer_of_which_nothing_was_heard_is_still_owed() -> None:
    turns = speaking()
    turns.speech_started()
    turns.interrupted(anything_heard=False)
    turns.speech_ended(3.0)
    assert turns.tick(3.0 + LATE_FINAL_SECONDS) == [RESPOND]


def test_a_greeting_of_which_nothing_was_heard_is_said_again() -> None:
    turns = TurnTaking()
    turns.reply_started()
    turns.speech_started()
    turns.interrupted(anything_heard=False)
    turns.speech_ended(3.0)
    assert turns.tick(3.0 + FALSE_ALARM_SECONDS) == [RESUME]


def test_a_late_final_during_the_answer_is_answered_anew() -> None:
    assert speaking().final() == [INTERRUPT, RESPOND]


events = st.lists(st.sampled_from(["started", "ended", "interim", "final", "tick", "done"]), max_size=60)


@given(events)
def test_no_reply_begins_while_another_goes_on_or_the_caller_speaks(names: list[str]) -> None:
    turns, replying, voice, now = TurnTaking(), False, False, 0.0
    for name in names:
        now += 0.7
        decisions: list[Decision] = []
        if name == "started":
            voice, decisions = True, turns.speech_started()
        elif name == "ended":
            voice, decisions = False, turns.speech_ended(now)
        elif name == "interim":
            decisions = turns.interim(now)
        elif name == "final":
            decisions = turns.final()
        elif name == "tick":
            decisions = turns.tick(now)
        elif replying:
            replying = False
            turns.reply_ended()
        for decision in decisions:
            if decision is INTERRUPT:
                assert replying
                replying = False
                turns.interrupted(anything_heard=True)
            else:
                assert not replying
                assert not voice
                replying = True


@given(events)
def test_every_utterance_is_answered_once_the_caller_is_silent(names: list[str]) -> None:
    turns, now, owed = TurnTaking(), 0.0, False
    for name in [*names, "ended", "tick"]:
        now += 5.0
        decisions: list[Decision] = []
        if name == "started":
            decisions = turns.speech_started()
        elif name == "ended":
            decisions = turns.speech_ended(now)
        elif name == "final":
            owed = True
            decisions = turns.final()
        elif name == "tick":
            decisions = turns.tick(now)
        if RESPOND in decisions:
            owed = False
        if INTERRUPT in decisions:
            turns.interrupted(anything_heard=True)
    assert not owed


def test_a_cough_resumes_what_was_cut_at_once() -> None:
    turns = speaking()
    turns.speech_started()
    turns.interrupted(anything_heard=True)
    turns.speech_ended(3.0)
    assert turns.no_words() == [RESUME]


def test_a_cough_while_the_caller_speaks_again_resumes_nothing() -> None:
    turns = speaking()
    turns.speech_started()
    turns.interrupted(anything_heard=True)
    turns.speech_ended(3.0)
    turns.speech_started()
    assert turns.no_words() == []


def test_nothing_is_resumed_once_the_caller_has_said_something() -> None:
    turns = speaking()
    assert turns.final() == [INTERRUPT, RESPOND]
    turns.interrupted(anything_heard=True)
    turns.reply_ended()
    turns.speech_started()
    turns.speech_ended(9.0)
    assert turns.no_words() == []
    assert turns.tick(99.0) == []


@given(events)
def test_after_words_nothing_is_resumed_until_the_next_interruption(names: list[str]) -> None:
    turns, now, cut = TurnTaking(), 0.0, False
    turns.reply_started()
    for name in names:
        now += 5.0
        decisions: list[Decision] = []
        if name == "started":
            decisions = turns.speech_started()
        elif name == "ended":
            decisions = [*turns.speech_ended(now), *turns.no_words()]
        elif name == "final":
            decisions = turns.final()
        elif name == "tick":
            decisions = turns.tick(now)
        elif name == "done":
            turns.reply_ended()
        for decision in decisions:
            if decision is INTERRUPT:
                turns.interrupted(anything_heard=True)
                cut = RESPOND not in decisions
            elif decision is RESUME:
                assert cut
                cut = False
            else:
                cut = False
