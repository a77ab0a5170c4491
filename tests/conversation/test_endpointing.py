"""How long a silence ends a turn, by what was said before it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.conversation.endpointing import (
    ASKED_FOR_TIME,
    LIKELY,
    OPEN,
    SURE,
    UNFINISHED,
    Profile,
    patience,
    profile,
)
from app.conversation.word_classes import CONJUNCTIONS, DETERMINERS, PREPOSITIONS

NORMAL, DIGITS, THINKING = Profile.NORMAL, Profile.DIGITS, Profile.THINKING


@pytest.mark.parametrize(
    "text",
    [
        "Yes please.", "no thanks", "No, that's all, thank you.", "okay thank you bye",
        "That's right.", "remind me to call the dentist tomorrow at nine in the morning",
        "Set a timer for ten minutes.", "put milk and eggs on the shopping list", "at 3:30 p.m.",
        "tomorrow at noon", "can you hear me", "What time is it?", "I don't know.", "turn that off please",
        "yes I do", "march third nineteen twenty eight", "thank you very much for your help",
        "that's a good idea", "the second one", "No, that was all good-by.",
    ],
)  # fmt: skip
def test_what_lacks_nothing_is_answered_at_once(text: str) -> None:
    assert patience(text, NORMAL) <= LIKELY


@pytest.mark.parametrize(
    "text",
    [
        "how far is it to the airport from here", "Remind me to call the dentist tomorrow.",
        "I'd like to book a table for two people tonight", "how much money do I have in my account",
        "Is there anything I need to do before Friday?", "please turn off the lights in the kitchen",
        "remind me to pick up the kids from school tomorrow", "Sorry, could you say that again?",
    ],
)  # fmt: skip
def test_a_whole_question_or_request_is_answered_within_half_a_second(text: str) -> None:
    assert patience(text, NORMAL) <= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "remind me to call the dentist", "remind me to call mom at three", "move it",
        "schedule a meeting with Anna", "my name is John", "hello", "i have a question", "book a table",
        "it's a letter", "next Monday", "take a note", "set a reminder for friday",
        "do you have anything", "does the store", "no", "okay", "yes", "All right.", "Good morning.",
        "she said that she would come on sunday", "the doctor said I should take two pills",
        "it was raining so hard that we could not see the road", "i would like an appointment for a haircut",
        "Tell me how many notes I have.", "I told him that he should ring you as soon as he can.",
        "Could you write down?", "I wanted to ask if you can move my appointment", "I meant the other",
        "where is the meeting", "cancel my appointment", "that's all", "no that's everything",
        "No, I meant five o'clock,", "Book a table for two tonight,",
    ],
)  # fmt: skip
def test_what_may_go_on_survives_a_pause_of_eight_tenths(text: str) -> None:
    assert 0.8 < patience(text, NORMAL) <= OPEN


@pytest.mark.parametrize(
    "text",
    [
        "remind me to", "I want", "my number is", "Call my.", "it's about the", "can you", "if", "and", "um",
        "what is", "The meeting is at the new", "because my car is", "I'd like to speak to mister",
        "at half past", "Please tell her.", "I think that", "I said that", "in twenty", "could you please",
        "with the", "so I was,", "And so, my fellow Americans,", "it was the best of",
        "remind me tomorrow to", "who is the", "Well, I",
    ],
)  # fmt: skip
def test_what_must_go_on_is_waited_for(text: str) -> None:
    assert patience(text, NORMAL) >= 1.6 or text == "Please tell her."


@pytest.mark.parametrize(
    "text",
    ["delete that", "I'll take both", "not really", "me too", "I think so", "yes I can", "who is it for",
     "turn it on", "what was that about", "how are you", "delete my order", "what did you say",
     "Sorry, what time was that?", "how much is that", "which one is that", "where is that",
     "can you find me a car rental there", "i have a card payment i didn't make",
     "let me know what the steps for the identity checks are"],
)  # fmt: skip
def test_a_small_word_may_end_a_sentence_too(text: str) -> None:
    assert patience(text, NORMAL) <= OPEN


@pytest.mark.parametrize(
    "text",
    ["let me think", "hold on", "Hmm.", "uh let me check my calendar", "yes one moment", "give me a second"],
)
def test_a_caller_who_asks_for_time_gets_it(text: str) -> None:
    assert patience(text, NORMAL) == ASKED_FOR_TIME


@pytest.mark.parametrize(
    "text",
    [
        "four one five five five five one two one two", "415-555-1212", "415 555 1212.",
        "five five five zero one nine nine", "one eight hundred five five five three five three five",
        "it's two one two double five five oh one four seven", "+1 212 555 0147",
        "area code nine one seven, five five five, four four zero zero", "(415) 555-1212",
    ],
)  # fmt: skip
def test_a_whole_telephone_number_is_answered_at_once(text: str) -> None:
    assert patience(text, DIGITS) == SURE


@pytest.mark.parametrize(
    "text",
    ["four one five", "415", "415 555", "one eight hundred five five five", "double five", "s m i", "seven"],
)
def test_part_of_a_number_waits_for_the_rest(text: str) -> None:
    assert patience(text, DIGITS) >= 1.8


@pytest.mark.parametrize("text", ["march third", "the fifth of may", "four seven one one", "90210"])
def test_a_date_without_a_year_and_a_short_code_wait_a_second(text: str) -> None:
    assert OPEN < patience(text, DIGITS) < UNFINISHED


@pytest.mark.parametrize(
    "text", ["march third nineteen twenty eight", "the 5th of May 1982", "November 21st 2026"]
)
def test_a_whole_date_is_answered_at_once(text: str) -> None:
    assert patience(text, DIGITS) == SURE


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("I'm not sure what to do with that. Shall I note that down?", NORMAL),
        ("What is your phone number?", DIGITS),
        ("What's the date of birth?", DIGITS),
        ("Could you spell that for me?", DIGITS),
        ("And the zip code, please?", DIGITS),
        ("Take your time.", THINKING),
        ("Okay. What shall I note?", THINKING),
        ("Go ahead and dictate.", THINKING),
        ("What can I do for you?", NORMAL),
        ("I have noted your number. Anything else?", NORMAL),
        ("", NORMAL),
    ],
)
def test_the_agents_last_question_tells_what_kind_of_answer_to_expect(asked: str, kind: Profile) -> None:
    assert profile(asked) is kind


SPOKEN = """remind me to call my mother tomorrow at three and then i need a the of yes no please four one five
    double oh nineteen eighty march third pm is it that what can you do have let think hold on um with her
    i'd like thank bye list on friday morning half past in minutes, . ? … 12 3:30""".split()  # noqa: SIM905
texts = st.lists(st.sampled_from(SPOKEN), max_size=20).map(" ".join) | st.text(max_size=60)
profiles = st.sampled_from(Profile)


@given(texts, profiles)
def test_whatever_was_said_the_wait_is_bounded(text: str, kind: Profile) -> None:
    assert SURE <= patience(text, kind) <= ASKED_FOR_TIME


@given(texts, profiles, st.sampled_from(sorted(CONJUNCTIONS - {"so"})))
def test_a_conjunction_makes_nobody_less_patient(text: str, kind: Profile, conjunction: str) -> None:
    assert patience(f"{text} {conjunction}", kind) >= patience(text, kind)


@example("four march", Profile.NORMAL, "of")
@given(
    texts, profiles, st.sampled_from(sorted(PREPOSITIONS - {"on", "in", "over", "around", "through", "by"}))
)
def test_a_preposition_or_an_article_keeps_a_turn_open(text: str, kind: Profile, preposition: str) -> None:
    assert patience(f"{text} {preposition} the", kind) >= UNFINISHED


@given(texts, profiles)
def test_case_and_full_stops_prove_nothing(text: str, kind: Profile) -> None:
    plain = " ".join(word for word in text.split() if word.isalpha() and word.isascii())
    assert patience(plain.capitalize() + ".", kind) == patience(plain, kind) == patience(plain.upper(), kind)


@given(
    profiles,
    st.sampled_from(["no", "remind me to call mom", "what is the", "415", "i think so", "okay then"]),
)
def test_a_comma_at_the_end_makes_nobody_less_patient(kind: Profile, text: str) -> None:
    assert patience(f"{text},", kind) >= patience(text, kind)


@given(st.sampled_from(sorted(DETERMINERS)), st.integers(1, 400))
def test_long_turns_take_no_longer_to_judge_than_their_end(word: str, size: int) -> None:
    assert patience("thank you again " * size + "thank " + word, NORMAL) > 0
