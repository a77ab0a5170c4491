from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation.caller_turn import CallerTurn, Lines, differ


def test_words_wait_for_an_answer_from_the_first_guess_on() -> None:
    turn = CallerTurn()
    assert turn.interim("remind me") == Lines("", "remind me")
    assert turn.words == "remind me"


def test_results_of_one_turn_are_answered_together() -> None:
    turn = CallerTurn()
    turn.final("Remind me.")
    turn.interim("to call Anna")
    assert turn.words == "Remind me. to call Anna"


def test_a_final_without_words_takes_back_the_guesses_before_it() -> None:
    turn = CallerTurn()
    turn.interim("uh")
    turn.final("")
    assert turn.words == ""


def test_what_is_answered_does_not_wait_any_more() -> None:
    turn = CallerTurn()
    turn.interim("what time is it")
    turn.answer()
    assert turn.words == ""


def test_the_late_final_of_an_answered_result_is_its_line_and_no_new_words() -> None:
    turn = CallerTurn()
    turn.interim("what time is it")
    turn.answer()
    assert turn.final("What time is it?") == Lines("", "What time is it?")
    assert turn.words == ""


def test_a_result_that_grows_after_its_answer_closes_the_line_and_opens_another() -> None:
    turn = CallerTurn()
    turn.interim("call Anna")
    turn.answer()
    assert turn.interim("call Anna tomorrow") == Lines("call Anna", "tomorrow")
    assert turn.interim("call Anna tomorrow at three") == Lines("", "tomorrow at three")
    assert turn.words == "tomorrow at three"
    assert turn.final("Call Anna tomorrow at 3.") == Lines("", "tomorrow at 3.")
    assert turn.words == "tomorrow at 3."


def test_answered_words_that_read_differently_later_stay_answered() -> None:
    turn = CallerTurn()
    turn.interim("call hannah")
    turn.answer()
    assert turn.interim("call Anna tomorrow") == Lines("call Anna", "tomorrow")


def test_an_answer_of_which_nothing_was_heard_leaves_its_words_waiting() -> None:
    turn = CallerTurn()
    turn.final("Remind me.")
    turn.interim("to call")
    turn.answer()
    turn.take_back()
    assert turn.words == "Remind me. to call"


def test_the_words_wait_again_although_their_result_has_ended_meanwhile() -> None:
    turn = CallerTurn()
    turn.interim("call anna")
    turn.answer()
    turn.final("Call Anna.")
    turn.take_back()
    assert turn.words == "Call Anna."


def test_words_before_those_that_were_answered_last_are_not_taken_back() -> None:
    turn = CallerTurn()
    turn.interim("call Anna")
    turn.answer()
    turn.interim("call Anna tomorrow")
    turn.answer()
    turn.final("Call Anna tomorrow.")
    turn.take_back()
    assert turn.words == "tomorrow."


def test_keys_wait_after_the_words_that_were_said_before_them() -> None:
    turn = CallerTurn()
    turn.interim("my number is")
    turn.entered("(keys: 47)")
    assert turn.words == "my number is (keys: 47)"


def test_a_result_that_goes_on_after_keys_does_not_say_its_words_again() -> None:
    turn = CallerTurn()
    turn.interim("my number is")
    turn.entered("(keys: 47)")
    assert turn.final("My number is that.") == Lines("", "that.")
    assert turn.words == "my number is (keys: 47) that."


def test_words_before_keys_wait_once_when_their_answer_is_taken_back() -> None:
    turn = CallerTurn()
    turn.interim("my number is")
    turn.entered("(keys: 47)")
    turn.answer()
    turn.final("My number is.")
    turn.take_back()
    assert turn.words == "my number is (keys: 47)"


def test_only_the_last_answer_is_taken_back() -> None:
    turn = CallerTurn()
    turn.final("One.")
    turn.answer()
    turn.final("Two.")
    turn.answer()
    turn.take_back()
    assert turn.words == "Two."


def test_an_answer_to_the_second_half_of_a_result_is_taken_back_alone() -> None:
    turn = CallerTurn()
    turn.interim("one")
    turn.answer()
    turn.interim("one two")
    turn.answer()
    turn.take_back()
    assert turn.words == "two"


def test_a_number_that_is_spelled_otherwise_is_no_new_word() -> None:
    turn = CallerTurn()
    turn.interim("call Anna at 3:00 o'clock")
    turn.answer()
    assert not turn.goes_on("call Anna at three to clock")
    assert turn.goes_on("call Anna at 3:00 o'clock tomorrow")


words = st.lists(st.sampled_from(["remind", "me", "to", "call", "Anna"]), min_size=1, max_size=6)
steps = st.lists(st.one_of(words, st.sampled_from(["answer", "end"])), max_size=20)


@given(steps)
def test_every_word_stands_in_one_line_and_waits_once(happenings: list[list[str] | str]) -> None:
    turn, result, lines, line, answered = CallerTurn(), [], [], "", ""
    said: list[str] = []
    for step in happenings:
        if isinstance(step, list):
            said += step
            result += step
            closed, line = turn.interim(" ".join(result))
            lines += [closed] if closed else []
        elif step == "answer":
            answered = f"{answered} {turn.words}".strip()
            turn.answer()
        elif result:
            closed, line = turn.final(" ".join(result))
            lines += [text for text in (closed, line) if text]
            line, result = "", []
    everything = " ".join(said)
    assert " ".join(text for text in (*lines, line) if text) == everything
    assert f"{answered} {turn.words}".strip() == everything


@pytest.mark.parametrize(
    ("answered", "final"),
    [
        ("that's all the", "That's all, goodbye."),
        ("call mark tomorrow", "Call me tomorrow."),
        ("a hotel near the for", "A hotel near the harbor."),
        ("I do want it", "I do not want it."),
    ],
)
def test_another_reading_of_answered_words_may_say_something_else(answered: str, final: str) -> None:
    assert differ(answered.split(), final.split())


@pytest.mark.parametrize(
    ("answered", "final"),
    [
        ("what time is it", "What time is it?"),
        ("call hannah", "Call Anna."),
        ("at three o'clock", "At 3:00."),
        ("remind me to call", "Remind me to call Anna tomorrow."),
        ("um call anna", "Call Anna."),
        ("", "Call Anna."),
    ],
)
def test_spellings_little_words_and_what_is_said_after_them_make_no_other_meaning(
    answered: str, final: str
) -> None:
    assert not differ(answered.split(), final.split())


@given(st.lists(st.text(alphabet="abc ", min_size=1), max_size=8))
def test_words_are_no_other_than_themselves(words: list[str]) -> None:
    assert not differ(words, words)


def test_a_final_of_another_meaning_tells_that_the_answered_words_were_misread() -> None:
    turn = CallerTurn()
    turn.interim("that's all the")
    turn.answer()
    turn.final("That's all, goodbye.")
    assert turn.misread
    turn.take_back()
    assert turn.words == "That's all, goodbye."


def test_words_that_nobody_has_answered_are_not_misread() -> None:
    turn = CallerTurn()
    turn.interim("that's all the")
    turn.final("That's all, goodbye.")
    assert not turn.misread
