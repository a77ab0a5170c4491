from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation.decisions import Bid, Decision, Timing
from app.conversation.endpointing import Profile, patience
from app.conversation.turns import TurnTaking

(PREPARE, SPEAK, HOLD, WITHDRAW, INTERRUPT, DISREGARD, RESUME, FILL, SILENCE, PROMPT, END, NOISE) = Decision
T = Timing()
SAID = "what time is it"


def listening(now: float = 0.0) -> TurnTaking:
    """The greeting has been heard to its end."""
    turns = TurnTaking()
    turns.speaks(now - 1)
    turns.audible(now)
    assert turns.heard_out(now) == []
    return turns


def said(turns: TurnTaking, text: str, now: float) -> list[Decision]:
    """A voice up to `now`, and its words at once."""
    turns.voice_started(now - 1, now - 1, certain=True)
    return turns.voice_ended(now, now) + turns.words(text, now, settled=True)


def over_at(text: str, ended: float) -> float:
    return ended + patience(text, Profile.NORMAL)


def answering(now: float = 10.0) -> TurnTaking:
    """The caller has asked, and hears the answer since `now`; it lasts five seconds."""
    turns = listening()
    said(turns, SAID, now - 3)
    assert turns.tick(now) == [SPEAK]
    turns.begun()
    turns.audible(now + 5)
    return turns


def somebody_seems_to_listen() -> TurnTaking:
    """A voice is heard over the answer since 11.2, and so far it does not sound as if it asked."""
    turns = answering()
    turns.voice_started(11.2, 11.0, certain=True, bid=Bid.WAITS)
    return turns


def waiting_with_a_filler() -> TurnTaking:
    """The caller has asked at 5.0, and hears at 6.3 that it takes a moment."""
    turns = listening()
    said(turns, SAID, 5.0)
    turns.tick(over_at(SAID, 5.0))
    assert turns.tick(6.3) == [FILL]
    turns.audible(7.3, filler=True)
    return turns


def test_an_answer_is_prepared_before_the_turn_is_over() -> None:
    turns = listening()
    assert said(turns, SAID, 5.0) == [PREPARE]
    assert turns.tick(over_at(SAID, 5.0) - 0.01) == []
    assert turns.tick(over_at(SAID, 5.0)) == [SPEAK]


def test_the_patience_counts_from_the_end_of_the_voice_and_not_of_the_words() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.voice_ended(5.2, 5.0)
    turns.words(SAID, 5.3, settled=True)
    assert turns.deadline == over_at(SAID, 5.0)


def test_words_that_come_late_are_answered_as_soon_as_they_are_stable() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.voice_ended(5.0, 5.0)
    assert turns.words(SAID, 7.0) == []
    assert turns.tick(7.0 + T.stable) == [PREPARE, SPEAK]


def test_words_that_come_when_the_last_ones_usually_do_need_not_be_seen_to_be_stable() -> None:
    def settles(late: float) -> float:
        turns = listening()
        turns.voice_started(4.0, 4.0, certain=True)
        turns.voice_ended(5.2, 5.0, certain=True)
        turns.words(SAID, 5.0 + late)
        assert turns.deadline is not None
        return turns.deadline - 5.0 - late

    assert settles(0.0) == pytest.approx(T.stable)
    assert settles(T.last_words / 2) == pytest.approx(T.stable / 2)
    assert settles(T.last_words * 0.9) == pytest.approx(T.stable * 0.1)
    assert settles(3 * T.last_words) == pytest.approx(T.stable)


def test_words_that_are_promised_are_waited_for() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.words("what time is it, Flair", 5.1)
    turns.voice_ended(5.2, 5.0)
    turns.voice_ended(5.2, 5.0, words_follow=True)
    assert turns.tick(5.0 + T.promised_words - 0.01) == [PREPARE]
    assert turns.words("what time is it, please", 7.0, settled=True) == [PREPARE, SPEAK]


def test_a_recogniser_that_promises_words_is_heard_before_a_turn_ends() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=False, words_follow=True)
    turns.words(SAID, 4.9)
    assert turns.voice_ended(5.2, 5.0) == [PREPARE]
    assert turns.tick(5.0 + T.unended - 0.01) == []
    turns.voice_ended(5.79, 5.35, words_follow=True)
    assert turns.words(f"{SAID} in London", 6.2, settled=True) == [PREPARE, SPEAK]


def test_a_recogniser_that_hears_no_end_of_the_noise_is_not_waited_for() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=False, words_follow=True)
    turns.words(SAID, 4.9)
    assert turns.voice_ended(5.2, 5.0) == [PREPARE]
    assert turns.tick(5.0 + T.unended) == [SPEAK]


def test_a_long_result_may_take_longer_until_it_is_told_again() -> None:
    def noise_after(lasts: float) -> float:
        turns = listening()
        turns.voice_started(4.0, 4.0, certain=False, words_follow=True)
        turns.words(SAID, 4.0 + lasts, since=4.0)
        return next(ms / 100 for ms in range(400, 9000) if NOISE in turns.tick(ms / 100)) - 4.0

    assert noise_after(1.0) == pytest.approx(1.0 + T.promised_end, abs=0.02)
    assert noise_after(8.0) == pytest.approx(8.0 + T.promised_share * 8.0, abs=0.02)


def test_a_promise_of_words_is_not_trusted_for_long() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.words(SAID, 5.1)
    turns.voice_ended(5.2, 5.0, words_follow=True)
    assert turns.tick(5.0 + T.promised_words) == [PREPARE, SPEAK]


def test_an_old_promise_of_words_does_not_shorten_a_later_turn() -> None:
    def over(promised: bool) -> float | None:
        turns = listening()
        turns.voice_started(4.0, 4.0, certain=True)
        turns.voice_ended(4.2, 4.1, words_follow=promised)
        turns.voice_started(4.5, 4.5, certain=True)
        turns.words(SAID, 5.5)
        assert turns.voice_ended(6.0, 5.9) == [PREPARE]
        return turns.deadline

    assert over(promised=True) == over(promised=False)


def test_the_end_of_an_earlier_voice_does_not_end_the_present_one() -> None:
    turns = answering()
    turns.voice_started(11.0, 10.9, certain=True)
    turns.voice_ended(11.1, 10.6)
    assert turns.overhears


def test_an_end_that_we_have_heard_ends_the_voice_although_the_line_has_set_its_clock_back() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.voice_ended(4.5, 3.9, certain=True)
    assert turns.idle


def test_a_voice_that_both_hear_began_when_we_heard_it() -> None:
    turns = listening()
    turns.voice_started(4.0, 3.8, certain=False)
    turns.voice_started(5.0, 4.9, certain=True)
    turns.voice_ended(5.3, 4.4)
    assert not turns.idle
    turns.voice_ended(6.0, 5.9)
    assert turns.idle


def noise_after(turns: TurnTaking, ended: float) -> list[Decision]:
    """Something that sounds like a voice, from half a second after the words on for a second."""
    return turns.voice_started(ended + 0.5, ended + 0.4, certain=True) + turns.voice_ended(
        ended + 1.5, ended + 1.3, certain=True
    )


def test_a_voice_without_words_does_not_begin_the_silence_anew() -> None:
    turns = listening()
    said(turns, "it is about my car", 5.0)
    assert noise_after(turns, 5.0) == []
    assert turns.tick(6.3 + T.last_words) == [SPEAK]


def test_one_of_which_words_come_late_does() -> None:
    turns = listening()
    said(turns, "it is about my car", 5.0)
    noise_after(turns, 5.0)
    text = "it is about my car my old car"
    assert turns.words(text, 6.7, settled=True) == [PREPARE]
    assert turns.deadline == pytest.approx(6.3 + patience(text, Profile.NORMAL))


def test_an_answer_that_waits_for_a_sound_without_words_is_heard_as_soon_as_that_is_known() -> None:
    turns = listening()
    said(turns, "it is about my car", 5.0)
    turns.voice_started(5.5, 5.4, certain=True)
    assert turns.tick(5.5 + T.no_more_words - 0.01) == []
    assert turns.tick(5.5 + T.no_more_words) == [NOISE, SPEAK]


def babble(turns: TurnTaking, begins: float) -> float | None:
    """Somebody is heard in the background for half a second, every 0.8 s. When the assistant speaks."""
    for ms in range(0, 20_000, 10):
        now = begins + ms / 1000
        decided = turns.tick(now)
        if ms % 800 == 0:
            decided += turns.voice_started(now, now, certain=True)
        elif ms % 800 == 500:
            decided += turns.voice_ended(now, now, certain=True)
        if SPEAK in decided:
            return now
    return None


def test_voices_without_words_are_not_each_waited_for() -> None:
    turns = listening()
    said(turns, "it is about my car", 5.0)
    assert babble(turns, 5.4) == pytest.approx(5.4 + T.babble * T.no_more_words, abs=0.02)


def test_a_word_among_them_is() -> None:
    turns = listening()
    said(turns, "it is about my car", 5.0)
    turns.voice_started(5.4, 5.4, certain=True)
    turns.voice_ended(5.9, 5.9, certain=True)
    turns.words("it is about my car and", 6.4)
    assert babble(turns, 6.5) == pytest.approx(6.5 + T.babble * T.no_more_words, abs=0.02)


def test_a_voice_after_others_without_words_has_time_for_its_first_ones() -> None:
    turns = listening()
    said(turns, "please remind me to", 5.0)
    for began, ended in ((5.6, 6.5), (6.7, 7.7)):
        assert turns.tick(began) == []
        turns.voice_started(began, began, certain=True)
        turns.voice_ended(ended, ended, certain=True)
    turns.voice_started(7.9, 7.9, certain=True)
    assert turns.tick(8.85) == []
    turns.words("please remind me to call the bank", 8.85)
    assert SPEAK not in turns.tick(9.5)


def test_who_speaks_up_over_a_filler_is_heard_whatever_was_noise_before() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.voice_started(5.4, 5.4, certain=True)
    turns.voice_ended(5.6, 5.6, certain=True)
    assert SPEAK in turns.tick(6.3)
    assert turns.tick(7.5) == [FILL]
    turns.audible(8.5, filler=True)
    assert turns.voice_started(8.6, 8.5, certain=True) == [INTERRUPT]
    assert turns.tick(8.6 + T.no_more_words - 0.01) == []


def test_a_sentence_that_ends_like_a_sign_of_listening_is_answered_whole() -> None:
    turns = answering()
    turns.voice_started(11.2, 11.0, certain=True)
    turns.words("where is that", 12.0)
    assert turns.voice_ended(12.3, 12.1, certain=True) == [PREPARE]
    decided = turns.words("where is that exactly", 12.4) + turns.tick(14.0)
    assert decided == [PREPARE, SPEAK]


def test_a_sound_that_has_cut_us_and_goes_on_without_words_is_none() -> None:
    turns = answering()
    turns.voice_started(11.2, 11.0, certain=True)
    assert turns.tick(11.2 + T.false_alarm - 0.01) == []
    assert turns.tick(11.2 + T.false_alarm) == [NOISE, RESUME]


def resuming() -> TurnTaking:
    """A sound without words has cut the answer, and nothing of its rest has been sent."""
    turns = answering()
    turns.voice_started(11.2, 11.0, certain=True)
    turns.voice_ended(11.7, 11.5, certain=True)
    assert turns.tick(11.2 + T.false_alarm) == [RESUME]
    return turns


def test_words_that_come_as_the_rest_is_about_to_be_said_are_answered() -> None:
    turns = resuming()
    assert turns.words("stop", 13.3) == [HOLD]
    assert PREPARE in turns.tick(13.3 + T.stable)


def test_a_yeah_then_does_not_keep_the_rest_back() -> None:
    turns = resuming()
    assert turns.words("yeah", 13.3) == []


def test_a_voice_that_goes_on_takes_the_promise_of_words_with_it() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=False)
    turns.voice_ended(5.2, 5.0, words_follow=True)
    turns.voice_started(5.3, 5.2, certain=False)
    turns.words(SAID, 5.9)
    turns.voice_ended(6.0, 5.8)
    assert turns.tick(over_at(SAID, 5.8)) == [PREPARE, SPEAK]


def test_words_still_changing_are_not_answered_in_advance() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.voice_ended(5.0, 5.0)
    turns.words("what", 5.0)
    assert turns.words("what time", 5.2) == []
    assert turns.tick(5.2 + T.stable) == [PREPARE]


def test_more_words_have_the_answer_made_anew() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.voice_started(5.2, 5.2, certain=True)
    turns.words(SAID + " in London", 5.8)
    assert turns.voice_ended(6.2, 6.0) == [PREPARE]


def test_the_same_words_with_other_punctuation_are_the_same() -> None:
    turns = listening()
    assert said(turns, SAID, 5.0) == [PREPARE]
    assert turns.words("What time is it?", 5.1, settled=True) == []


def test_a_voice_holds_an_answer_back_that_is_not_heard_yet() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.tick(over_at(SAID, 5.0))
    at = over_at(SAID, 5.0) + 0.1
    assert turns.voice_started(at, at, certain=False) == [HOLD]
    assert turns.voice_ended(at + 0.2, at + 0.1) == []
    assert turns.tick(at + 0.1 + T.last_words) == [SPEAK]


def test_words_that_turn_out_to_be_none_withdraw_the_answer() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    assert turns.words("", 5.1) == [WITHDRAW]


def test_the_callers_voice_stops_the_assistant() -> None:
    assert answering().voice_started(11.0, 11.0, certain=True) == [INTERRUPT]


def test_a_sound_that_may_be_an_echo_does_not() -> None:
    assert answering().voice_started(11.0, 11.0, certain=False) == []


def test_words_stop_the_assistant_without_a_voice() -> None:
    assert answering().words("no wait", 11.0) == [INTERRUPT]


def test_a_voice_that_only_listens_does_not_stop_the_assistant() -> None:
    turns = answering()
    assert turns.voice_started(11.2, 11.0, certain=True, bid=Bid.WAITS) == []
    assert turns.overhears
    assert turns.voice_ended(11.7, 11.5) == []
    assert turns.words("yeah", 12.0, settled=True) == []
    assert not turns.overhears


def test_a_voice_that_asks_after_all_stops_the_assistant() -> None:
    turns = somebody_seems_to_listen()
    assert turns.voice_sounds(11.3, Bid.ASKS) == [INTERRUPT]


def test_who_goes_on_and_on_wants_to_be_heard_however_it_sounds() -> None:
    turns = somebody_seems_to_listen()
    assert turns.words("mm-hm mm-hm", 12.0) == []
    assert turns.tick(11.2 + T.insists - 0.01) == []
    assert turns.tick(11.2 + T.insists) == [INTERRUPT]


@pytest.mark.parametrize("before", ["", "mm-hm"])
def test_a_sound_of_which_no_words_come_does_not_insist(before: str) -> None:
    turns = answering()
    if before:
        turns.words(before, 10.9)
    turns.voice_started(11.2, 11.0, certain=True, bid=Bid.WAITS)
    assert INTERRUPT not in turns.tick(11.2 + T.insists)


@pytest.mark.parametrize("word", ["for", "I", "got", "that makes"])
def test_a_little_word_of_a_voice_that_seems_to_listen_stops_us_once_it_is_stable(word: str) -> None:
    turns = somebody_seems_to_listen()
    assert turns.words(word, 11.6) == []
    assert turns.tick(11.6 + T.stable - 0.01) == []
    assert turns.tick(11.6 + T.stable) == [INTERRUPT]


@pytest.mark.parametrize(("before", "whole"), [("for", "mm-hm"), ("got", "got it"), ("oh I", "oh I see")])
def test_a_little_word_that_was_a_wrong_guess_at_a_yeah_does_not_stop_us(before: str, whole: str) -> None:
    turns = somebody_seems_to_listen()
    turns.words(before, 11.6)
    assert turns.words(whole, 11.8) == []
    assert turns.tick(12.5) == []


@pytest.mark.parametrize(("word", "settled"), [("stop", False), ("for", True), ("no", False)])
def test_a_single_word_that_may_be_all_or_is_settled_stops_us_at_once(word: str, settled: bool) -> None:
    turns = somebody_seems_to_listen()
    assert turns.words(word, 11.6, settled=settled)[0] == INTERRUPT


def test_words_that_say_more_than_the_voice_seemed_to_stop_the_assistant() -> None:
    turns = somebody_seems_to_listen()
    turns.voice_ended(11.6, 11.4)
    assert turns.words("stop", 11.9) == [INTERRUPT]


def test_many_words_stop_us_whatever_their_voice_sounds_like() -> None:
    turns = somebody_seems_to_listen()
    turns.voice_sounds(11.5, Bid.LISTENS)
    assert turns.words("that's it that's it", 11.9) == []
    assert turns.words("it was the epoch of incredulity", 12.0)[0] == INTERRUPT


def test_words_of_a_voice_that_surely_only_listens_do_not_stop_the_assistant() -> None:
    turns = somebody_seems_to_listen()
    turns.voice_sounds(11.5, Bid.LISTENS)
    assert turns.words("that's it", 11.6) == []
    turns.voice_ended(11.9, 11.7)
    assert turns.words("that's it that's it", 12.2, settled=True) == []
    assert turns.tick(12.2 + T.overlap) == [DISREGARD]


def test_such_a_voice_may_ask_after_all_and_its_words_are_answered() -> None:
    turns = answering()
    turns.voice_started(11.2, 11.0, certain=True, bid=Bid.LISTENS)
    assert turns.words("okay but what", 11.6) == []
    assert turns.voice_sounds(11.7, Bid.ASKS) == [INTERRUPT]
    turns.voice_ended(12.3, 12.1)
    assert PREPARE in turns.words("okay but what time is it", 12.5, settled=True)


def test_words_of_a_later_voice_stop_the_assistant_however_an_earlier_one_sounded() -> None:
    turns = answering()
    turns.voice_started(11.2, 11.0, certain=True, bid=Bid.LISTENS)
    turns.voice_ended(11.7, 11.5)
    turns.voice_started(12.4, 12.2, certain=False)
    assert turns.words("stop", 12.6) == [INTERRUPT]


def test_so_do_words_that_come_long_after_a_voice_that_only_listened() -> None:
    turns = answering()
    turns.voice_started(10.3, 10.2, certain=True, bid=Bid.LISTENS)
    turns.voice_ended(10.7, 10.5)
    assert turns.words("stop", 10.5 + T.latest_words) == [INTERRUPT]


def test_a_voice_that_stopped_the_assistant_and_turns_out_to_be_a_laugh_is_not_answered() -> None:
    turns = answering()
    assert turns.voice_started(11.2, 11.0, certain=True) == [INTERRUPT]
    assert turns.overhears
    turns.voice_sounds(11.5, Bid.LISTENS)
    turns.words("that's it", 11.8)
    turns.voice_ended(12.1, 11.9)
    assert turns.words("that's it that's it", 12.2, settled=True) == [DISREGARD, RESUME]


def test_a_voice_that_was_overheard_asks_for_an_answer_once_the_assistant_has_finished() -> None:
    turns = answering()
    turns.voice_started(14.8, 14.7, certain=True, bid=Bid.WAITS)
    turns.heard_out(15.0)
    turns.voice_ended(15.4, 15.2)
    assert turns.words("yes", 15.5, settled=True) == [PREPARE]


def test_back_channels_that_nobody_answered_do_not_add_up_to_a_turn() -> None:
    turns = answering()
    turns.audible(30.0)
    for second in range(5):
        now = 11.0 + 2 * second
        turns.voice_started(now, now, certain=True, bid=Bid.WAITS)
        turns.voice_ended(now + 0.5, now + 0.3)
        assert turns.words("yeah right", now + 0.6, settled=True) == []
        assert turns.tick(now + 0.6 + T.overlap) == [DISREGARD]


def test_a_back_channel_does_not_stop_the_assistant() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=False)
    assert turns.words("mm-hm", 11.2, settled=True) == []
    assert turns.voice_ended(11.4, 11.3) == []


def test_a_back_channel_is_not_answered_once_the_assistant_has_finished() -> None:
    turns = answering()
    turns.words("mm-hm", 11.2, settled=True)
    assert turns.heard_out(15.0) == [DISREGARD]
    assert turns.tick(16.0) == []


def test_a_yes_into_the_end_of_the_question_is_an_answer() -> None:
    turns = answering()
    turns.words("yes", 14.8, settled=True)
    assert turns.heard_out(15.0) == [PREPARE]


def test_a_yes_that_cuts_the_end_of_the_question_is_an_answer() -> None:
    turns = answering()
    assert turns.voice_started(14.5, 14.5, certain=True) == [INTERRUPT]
    turns.voice_ended(14.9, 14.8)
    assert turns.words("yes", 15.0, settled=True) == [PREPARE]


def test_a_back_channel_that_cut_the_assistant_lets_it_go_on_at_once() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(11.5, 11.4)
    assert turns.words("mm-hm", 11.6, settled=True) == [DISREGARD, RESUME]


def test_a_back_channel_told_while_the_voice_goes_on_may_be_the_beginning_of_more() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    assert turns.words("yeah", 11.4) == []
    assert turns.voice_ended(11.5, 11.41) == []
    assert turns.words("yeah but not today", 11.6) == []


def test_a_back_channel_told_after_the_voice_need_not_be_told_twice() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(11.5, 11.3)
    assert turns.words("yeah", 11.6) == [DISREGARD, RESUME]


def test_a_false_alarm_resumes_what_was_cut() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(11.4, 11.2)
    assert turns.tick(13.0 - 0.01) == []
    assert turns.tick(13.0) == [RESUME]


def test_a_false_alarm_that_the_recogniser_has_not_noticed_resumes_sooner() -> None:
    turns = answering()
    turns.voice_started(4.0, 4.0, certain=False)
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(11.4, 11.2)
    assert turns.tick(11.0 + T.unnoticed - 0.01) == []
    assert turns.tick(11.0 + T.unnoticed) == [RESUME]


def test_a_false_alarm_that_the_recogniser_has_noticed_may_still_have_words() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_started(11.2, 11.0, certain=False)
    turns.voice_ended(11.4, 11.2)
    assert turns.tick(11.0 + T.false_alarm - 0.01) == []
    assert turns.tick(11.0 + T.false_alarm) == [RESUME]


def test_an_interruption_whose_words_are_promised_is_no_false_alarm() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(12.2, 12.0, words_follow=True)
    assert turns.tick(12.0 + T.promised_words - 0.01) == []
    assert turns.tick(12.0 + T.promised_words) == [RESUME]


def test_a_cough_that_is_known_to_be_one_resumes_at_once() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(11.4, 11.2)
    turns.words("", 11.6)
    assert turns.no_words(11.6) == [RESUME]


def test_an_interruption_with_words_is_answered_and_not_resumed() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True)
    turns.voice_ended(12.0, 11.9)
    assert turns.words("stop please", 12.1, settled=True) == [PREPARE]
    assert turns.tick(20.0)[0] is SPEAK


def test_an_answer_behind_a_filler_that_is_cut_is_still_owed() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.tick(over_at(SAID, 5.0))
    assert turns.tick(8.0) == [FILL, SILENCE]
    turns.audible(9.0, filler=True)
    assert turns.voice_started(8.5, 8.5, certain=True) == [INTERRUPT]
    assert turns.voice_ended(8.8, 8.7) == [PREPARE]


def test_a_slow_answer_is_filled_once() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.tick(over_at(SAID, 5.0))
    assert turns.deadline == max(5.0 + T.filler, over_at(SAID, 5.0) + T.least_wait)
    assert turns.tick(turns.deadline) == [FILL]
    turns.audible(7.0, filler=True)
    assert turns.tick(8.9) == []


def test_two_seconds_without_a_sound_from_us_are_counted_once() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.tick(over_at(SAID, 5.0))
    turns.tick(over_at(SAID, 5.0) + T.least_wait)
    turns.audible(7.0, filler=True)
    assert turns.tick(7.0 + T.silence) == [SILENCE]
    assert turns.tick(15.0) == []


def test_an_answer_that_stalls_is_filled() -> None:
    turns = answering(10.0)
    assert turns.tick(15.0 + T.filler) == [FILL]


def test_a_silent_caller_is_asked_twice_and_then_left() -> None:
    turns, now = listening(), 0.0
    for expected in (PROMPT, PROMPT, END):
        now += T.prompt
        assert turns.tick(now - 0.01) == []
        assert turns.tick(now) == [expected]
        now += 1
        turns.audible(now)
        turns.heard_out(now)


def test_a_caller_who_speaks_is_asked_twice_again() -> None:
    turns = listening()
    turns.tick(8.0)
    turns.audible(9.0)
    turns.heard_out(9.0)
    said(turns, SAID, 12.0)
    assert turns.prompts == 0


def test_a_caller_who_speaks_is_not_asked_whether_they_are_there() -> None:
    turns = listening()
    turns.voice_started(7.5, 7.5, certain=True)
    assert turns.tick(9.0) == []


def test_voices_without_words_do_not_keep_a_caller_from_being_asked() -> None:
    turns, decided = listening(), []
    for second in range(3, 60, 3):
        turns.voice_started(second, second, certain=True)
        decided += turns.voice_ended(second + 1.5, second + 1.5, certain=True)
        decided += turns.words("", second + 2.0, settled=True)
        decided += turns.no_words(second + 2.0)
    assert PROMPT in decided


def test_noise_does_not_keep_the_words_before_it_from_being_answered() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.words(SAID, 5.0, settled=True)
    assert turns.tick(5.0 + T.no_more_words) == [NOISE, PREPARE]


def test_a_voice_that_nobody_noticed_is_waited_for() -> None:
    turns = listening()
    turns.words("remind me to", 20.0)
    assert turns.tick(20.0 + T.stable) == [PREPARE]
    assert turns.deadline == over_at("remind me to", 20.0)


def test_keys_are_answered_at_once() -> None:
    assert listening().words("(keys: 4711)", 5.0, settled=True, complete=True) == [PREPARE, SPEAK]


def test_a_voice_that_went_on_after_its_words_were_told_is_waited_for() -> None:
    turns = listening()
    turns.voice_started(4.0, 4.0, certain=True)
    turns.words("no thanks", 5.0, settled=True)
    turns.voice_ended(5.6, 5.4)
    assert turns.deadline == 5.4 + T.last_words
    turns.words("no thanks goodbye", 5.7, settled=True)
    assert turns.deadline == over_at("no thanks goodbye", 5.4)


def test_a_sound_at_the_last_moment_is_waited_for_because_it_may_be_the_caller_who_goes_on() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    over = over_at(SAID, 5.0)
    turns.stirs(over - 0.02)
    assert turns.tick(over) == []
    turns.voice_started(over + 0.07, over - 0.02, certain=True)
    assert turns.tick(over + 1.0) == []


def test_a_sound_that_was_no_voice_delays_the_answer_by_a_moment_only() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    over = over_at(SAID, 5.0)
    turns.stirs(over - 0.02)
    assert turns.deadline == over - 0.02 + T.beginning
    assert turns.tick(over - 0.02 + T.beginning) == [SPEAK]


def test_noise_that_never_stops_delays_the_answer_by_a_quarter_of_a_second_at_most() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    over = over_at(SAID, 5.0)
    for step in range(100):
        turns.stirs(5.0 + step / 50)
    assert turns.deadline == over + T.beginnings


def test_a_recogniser_that_tells_late_of_a_voice_that_has_ended_changes_nothing() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    deadline = turns.deadline
    assert turns.voice_started(5.3, 4.2, certain=False) == []
    assert turns.voice_ended(5.35, 5.3) == []
    assert turns.deadline == deadline


def test_a_question_for_a_number_makes_patient() -> None:
    turns = listening()
    turns.asked("What is your phone number?")
    said(turns, "five five five", 5.0)
    assert turns.deadline == 5.0 + patience("five five five", Profile.DIGITS)


def test_a_greeting_held_back_by_a_cough_is_said_after_it() -> None:
    turns = TurnTaking()
    turns.speaks(0.0)
    assert turns.voice_started(0.1, 0.1, certain=True) == [HOLD]
    assert turns.voice_ended(0.4, 0.3) == [SPEAK]


def test_a_reply_that_says_nothing_is_not_made_again() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    turns.tick(over_at(SAID, 5.0))
    assert turns.heard_out(7.0) == [DISREGARD]
    assert turns.tick(7.5) == []


def test_noises_do_not_put_off_the_question_whether_anybody_is_there() -> None:
    turns = listening(now=10.0)
    for second in (12.0, 15.0):
        turns.voice_started(second, second, certain=True)
        turns.voice_ended(second + 0.5, second + 0.3)
    assert turns.tick(10.0 + T.prompt) == []
    assert turns.tick(15.3 + T.latest_words) == [PROMPT]


def test_words_told_while_the_answer_is_on_its_way_hold_it_back_until_they_are_answered_too() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    now = over_at(SAID, 5.0)
    turns.tick(now)
    assert turns.words(f"{SAID} in London", now + 0.3) == [HOLD]
    assert turns.tick(now + 0.3 + T.stable) == [PREPARE, SPEAK]


def test_words_that_turn_out_to_be_those_answered_let_the_answer_go_on() -> None:
    turns = listening()
    said(turns, SAID, 5.0)
    now = over_at(SAID, 5.0)
    turns.tick(now)
    turns.words(f"{SAID} in", now + 0.1)
    assert turns.words(SAID, now + 0.2, settled=True) == [SPEAK]


def test_the_final_of_a_question_does_not_stop_the_filler_before_its_answer() -> None:
    turns = waiting_with_a_filler()
    assert turns.words(f"{SAID}?", 6.5, settled=True) == []


def test_more_of_a_question_stops_the_filler_before_its_answer() -> None:
    turns = waiting_with_a_filler()
    assert turns.words(f"{SAID} in London", 6.5, settled=True)[0] == INTERRUPT


def test_who_listens_to_a_filler_is_still_owed_the_answer() -> None:
    turns = waiting_with_a_filler()
    turns.voice_started(6.5, 6.4, certain=True, bid=Bid.WAITS)
    turns.voice_sounds(6.6, Bid.LISTENS)
    turns.voice_ended(6.9, 6.8)
    assert turns.words(f"{SAID} okay", 7.0, settled=True) == []
    assert DISREGARD not in turns.tick(9.0)


def test_a_caller_who_was_not_asked_after_all_is_asked_before_the_call_is_given_up() -> None:
    turns = listening()
    for number in range(1, 10):
        now = number * T.prompt
        assert turns.tick(now) == [PROMPT]
        turns.unsaid(now)


def test_the_words_of_the_question_said_again_over_its_answer_stop_it() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=True, bid=Bid.WAITS)
    assert turns.words(SAID, 11.6)[0] == INTERRUPT


def test_a_voice_insists_from_when_we_hear_it_and_not_from_an_echo_that_the_recogniser_heard() -> None:
    turns = answering()
    turns.voice_started(11.0, 11.0, certain=False)
    assert turns.voice_started(12.9, 12.8, certain=True, bid=Bid.WAITS) == []
    assert turns.words("mm-hm", 13.5) == []
    assert turns.tick(12.9 + T.insists - 0.01) == []
    assert turns.tick(12.9 + T.insists) == [INTERRUPT]


@pytest.mark.parametrize("ended", [False, True], ids=["it goes on", "it has ended"])
def test_words_that_seemed_only_to_listen_stop_us_when_their_voice_turns_out_not_to(ended: bool) -> None:
    turns = somebody_seems_to_listen()
    turns.voice_sounds(11.5, Bid.LISTENS)
    assert turns.words("no stop", 11.6, settled=True) == []
    if ended:
        turns.voice_ended(11.9, 11.7)
    assert turns.voice_sounds(11.95, Bid.WAITS)[0] == INTERRUPT


def test_that_an_earlier_voice_said_nothing_says_nothing_of_the_one_that_is_heard() -> None:
    turns = answering()
    assert turns.voice_started(11.0, 11.0, certain=True) == [INTERRUPT]
    turns.no_words(11.3)
    assert RESUME not in turns.voice_ended(12.7, 12.5)


EVENTS = (
    "started",
    "started?",
    "overheard",
    "asks",
    "listens",
    "stirs",
    "ended",
    "words",
    "more",
    "mm-hm",
    "none",
    "sent",
    "done",
    "tick",
)
events = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from((0.02, 0.3, 1.1, 2.6))), max_size=60)


class Talk:
    """Does what is decided, as a conversation does, and checks that it makes sense."""

    def __init__(self) -> None:
        self.turns = TurnTaking()
        self.turns.speaks(0.0)
        self.now = 0.0
        self.voice = self.audible = False
        self.reply: str | None = "greeting"
        self.allowed = True
        self.words = ""
        self.fillers = 0

    def happen(self, event: str, later: float) -> None:
        self.now += later
        turns, now = self.turns, self.now
        match event:
            case "started" | "started?":
                self.voice = True
                self.do(turns.voice_started(now, now, certain=event == "started"))
            case "overheard":
                self.voice = True
                self.do(turns.voice_started(now, now, certain=True, bid=Bid.WAITS))
            case "asks" | "listens" if turns.overhears:
                self.do(turns.voice_sounds(now, Bid[event.upper()]))
            case "stirs":
                turns.stirs(now)
            case "ended":
                self.voice = False
                self.do(turns.voice_ended(now, now))
            case "words" | "more" | "mm-hm":
                self.words += {"words": " what time is it", "more": " and", "mm-hm": " mm-hm"}[event]
                self.do(turns.words(self.words, now, settled=event == "words"))
            case "none":
                self.do(turns.words(self.words, now))
                self.do(turns.no_words(now))
            case "sent" if self.reply and self.allowed:
                if not self.audible:
                    turns.begun()
                    self.words = ""
                self.audible, self.fillers = True, 0
                turns.audible(now + 0.5)
            case "done" if self.reply and self.allowed:
                self.audible, self.reply = False, None
                self.do(turns.heard_out(now))
            case "tick":
                self.do(turns.tick(now))

    def do(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Decision.PREPARE:
                    assert not self.audible
                    assert self.words
                    self.reply, self.allowed = self.words, False
                case Decision.SPEAK:
                    assert self.reply
                    assert not self.audible
                    self.allowed = True
                case Decision.HOLD:
                    assert self.reply
                    assert not self.audible
                    assert self.voice or self.words != self.reply, "more is being said, or was"
                    self.allowed = False
                case Decision.WITHDRAW:
                    assert self.reply
                    assert not self.audible
                    self.reply = None
                case Decision.INTERRUPT:
                    assert self.audible
                    self.audible, self.reply = False, None
                case Decision.DISREGARD:
                    self.words = ""
                case Decision.RESUME | Decision.PROMPT | Decision.END:
                    assert self.reply is None
                    assert not self.words
                    self.reply, self.allowed = "own", True
                case Decision.FILL:
                    self.fillers += 1
                    assert self.reply
                    assert self.allowed
                    assert self.fillers <= 1 or self.reply
                case Decision.SILENCE:
                    assert self.reply
                    assert self.allowed
                case Decision.NOISE:
                    self.voice = False


@given(events)
def test_every_decision_makes_sense_where_it_is_taken(happenings: list[tuple[str, float]]) -> None:
    talk = Talk()
    for event, later in happenings:
        talk.happen(event, later)


@given(events)
def test_whatever_happened_the_words_of_a_caller_who_falls_silent_are_answered(
    happenings: list[tuple[str, float]],
) -> None:
    talk = Talk()
    for event, later in happenings:
        talk.happen(event, later)
    talk.happen("done", 0.02)
    talk.happen("words", 0.3)
    talk.happen("ended", 0.3)
    talk.happen("tick", 5.0)
    assert talk.reply
    assert talk.allowed
