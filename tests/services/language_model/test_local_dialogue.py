"""Talks of several turns with the local assistant."""

from __future__ import annotations

import pytest

from app.services.language_model import GoOn, Message, Say, Talk
from app.services.language_model.local import OPENINGS, LocalLanguageModel
from app.settings import Settings
from tests.services.language_model.talking import SATURDAY_MORNING, Talking


@pytest.fixture
def talk() -> Talking:
    return Talking()


def test_a_complete_reminder_is_read_back(talk: Talking) -> None:
    answer = talk.say("Remind me to call Anna tomorrow at three.")
    assert answer == "Okay. I'll remind you to call Anna tomorrow, Sunday November 22nd, at 3 PM."
    assert talk.kept == [("reminder", "call Anna", "noted")]
    assert talk.due == "Sun 22 Nov 15:00"


def test_a_reminder_without_a_time_is_a_draft_that_the_answer_completes(talk: Talking) -> None:
    assert talk.say("I'd like you to remind me to call my mother.").endswith(
        "When shall I remind you to call your mother?"
    )
    assert talk.item.state == "draft"
    assert "at 3 PM" in talk.say("Tomorrow at three.")
    assert talk.kept == [("reminder", "call my mother", "noted")]


def test_a_day_alone_is_asked_for_its_time(talk: Talking) -> None:
    talk.say("Book an appointment with the dentist.")
    assert talk.say("Next Tuesday.").endswith("At what time on Tuesday, November 24th?")
    assert talk.say("Ten.").endswith("the appointment with the dentist for Tuesday, November 24th, at 10 AM.")
    assert talk.due == "Tue 24 Nov 10:00"


def test_a_time_in_what_was_meant_for_something_else_is_found_too(talk: Talking) -> None:
    talk.say("Remind me to call Anna.")
    talk.say("Well, I guess around four would be good for me.")
    assert talk.due == "Sat 21 Nov 16:00"


def test_the_question_for_the_time_is_put_differently_when_the_answer_has_none(talk: Talking) -> None:
    talk.say("Remind me to pay the rent.")
    answers = [talk.say("I like blue elephants very much.") for _ in range(3)]
    assert all("pay the rent" in answer for answer in answers)
    assert answers[0] != answers[1] != answers[2]
    assert talk.kept == [("reminder", "pay the rent", "draft")]


@pytest.mark.parametrize("no", ["No time.", "whenever", "No.", "I don't know yet.", "No thanks."])
def test_a_caller_who_names_no_time_gets_the_item_kept_without(talk: Talking, no: str) -> None:
    talk.say("Remind me to pay the rent.")
    assert talk.say(no).endswith("Is there anything else?")
    assert talk.kept == [("reminder", "pay the rent", "noted")]
    assert talk.item.due_at is None


@pytest.mark.parametrize("no", ["No time.", "No.", "Bye.", "No thanks, that's all. Bye.", "Whenever. Bye."])
def test_a_day_without_a_time_is_kept_where_no_time_is_named(talk: Talking, no: str) -> None:
    talk.say("Remind me to call Anna tomorrow.")
    answer = talk.say(no)
    assert answer.count("call Anna tomorrow, Sunday November 22nd") == 1
    assert "without a time" not in answer
    assert talk.kept == [("reminder", "call Anna", "noted")]
    assert talk.due == "Sun 22 Nov 23:59"


def test_a_day_and_that_there_is_no_time_in_one_answer(talk: Talking) -> None:
    talk.say("Remind me to call Anna.")
    talk.say("Tomorrow, any time.")
    assert talk.kept == [("reminder", "call Anna", "noted")]
    assert talk.due == "Sun 22 Nov 23:59"


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Remind me to call Anna tomorrow and remind me to buy milk at five.",
         "At what time shall I remind you to call Anna tomorrow, Sunday November 22nd?"),
        ("Book an appointment with the dentist on Friday and remind me to buy milk at five.",
         "At what time is the appointment with the dentist on Friday, November 27th?"),
        ("Remind me about the dentist tomorrow and remind me to buy milk at five.",
         "At what time shall I remind you of it tomorrow, Sunday November 22nd: the dentist?"),
    ],
)  # fmt: skip
def test_of_two_wishes_the_one_that_lacks_its_time_is_named(talk: Talking, said: str, question: str) -> None:
    assert talk.say(said).endswith(question)


def test_two_that_lack_their_time_are_asked_for_one_after_the_other(talk: Talking) -> None:
    assert "buy milk" in talk.say("Remind me to call Anna tomorrow and to buy milk today.")
    assert "shall I remind you to call Anna" in talk.say("At five.")
    talk.say("At six.")
    assert [f"{item.due_at:%a %H:%M}" for item in talk.items.values()] == ["Sun 18:00", "Sat 17:00"]


def test_never_mind_drops_the_draft(talk: Talking) -> None:
    talk.say("Remind me to pay the rent.")
    talk.say("Oh, never mind.")
    assert talk.kept == [("reminder", "pay the rent", "cancelled")]


def test_a_time_in_the_past_is_refused_and_asked_for_again(talk: Talking) -> None:
    answer = talk.say("Remind me today at seven a.m. to take my pills.")
    assert "passed already" in answer
    assert answer.endswith("?")
    assert talk.kept == [("reminder", "take my pills", "draft")]
    talk.say("Tonight at eight.")
    assert talk.due == "Sat 21 Nov 20:00"


def test_a_correction_into_the_past_leaves_the_item_alone(talk: Talking) -> None:
    talk.say("Remind me to call Anna today at noon.")
    assert "passed already" in talk.say("No, make it seven a.m.")
    assert talk.due == "Sat 21 Nov 12:00"
    talk.say("One.")
    assert talk.due == "Sat 21 Nov 13:00"


def test_the_content_of_a_note_is_asked_for_and_taken_as_it_is_said(talk: Talking) -> None:
    assert talk.say("Make a note.").endswith("What shall I note?")
    speech = "And so my fellow Americans, ask not what your country can do for you, ask what you can do."
    talk.say(speech)
    assert talk.kept == [("note", speech.rstrip("."), "noted")]


@pytest.mark.parametrize(
    "content", ["I need to call the bank at three.", "What is the code?", "Not before noon."]
)
def test_whatever_is_dictated_becomes_the_note(talk: Talking, content: str) -> None:
    talk.say("Take a note.")
    talk.say(content)
    assert talk.item.kind == "note"
    assert talk.item.text.rstrip("?") == content.rstrip(".?")


@pytest.mark.parametrize("no", ["Nothing.", "Never mind.", "No."])
def test_a_caller_may_think_better_of_a_note(talk: Talking, no: str) -> None:
    talk.say("Take a note.")
    talk.say(no)
    assert not talk.items
    assert not talk.hung_up()


def test_the_content_of_a_reminder_is_asked_for_and_its_time_kept(talk: Talking) -> None:
    assert talk.say("Remind me tomorrow at three.").endswith("What shall I remind you of?")
    assert "call your mother tomorrow" in talk.say("Call my mother.")
    assert talk.due == "Sun 22 Nov 15:00"


def test_noise_and_courtesy_leave_the_open_question_open(talk: Talking) -> None:
    talk.say("Take a note.")
    for said in ("You.", ".", "Thank you.", "Hello?"):
        assert talk.say(said).endswith("What shall I note?")
    talk.say("Bring the blue folder.")
    assert talk.kept == [("note", "Bring the blue folder", "noted")]


def test_a_question_that_was_cut_off_is_open_all_the_same(talk: Talking) -> None:
    talk.say("Remind me to call Anna.", heard=5)
    talk.say("At four.")
    assert talk.due == "Sat 21 Nov 16:00"
    talk.say("Make a note.", heard=0)
    talk.say("The key is under the mat.")
    assert talk.item.text == "The key is under the mat"


def test_dictation_goes_on_over_the_read_back(talk: Talking) -> None:
    talk.say("Take a note, the garage code is four seven one one.", heard=14)
    talk.say("And the alarm code is nine nine two two.")
    assert talk.kept == [
        ("note", "the garage code is four seven one one. And the alarm code is nine nine two two", "noted")
    ]


def test_what_is_said_after_the_read_back_is_no_part_of_the_note(talk: Talking) -> None:
    talk.say("Take a note, the garage code is four seven one one.")
    assert talk.say("The alarm code is nine nine two two.").endswith("Shall I note that down?")
    assert len(talk.items) == 1


def test_a_past_time_is_forgotten_when_the_content_is_asked_for(talk: Talking) -> None:
    talk.say("Remind me today at seven a.m.")
    assert talk.say("Call Anna.").endswith("When shall I remind you to call Anna?")


@pytest.mark.parametrize(
    ("correction", "due"),
    [
        ("No, make it four.", "Sun 22 Nov 16:00"),
        ("No, on Tuesday.", "Tue 24 Nov 15:00"),
        ("Actually, Monday at ten.", "Mon 23 Nov 10:00"),
        ("An hour later.", "Sun 22 Nov 16:00"),
        ("Push it back by half an hour.", "Sun 22 Nov 15:30"),
        ("I said half past three.", "Sun 22 Nov 15:30"),
        ("Four thirty.", "Sun 22 Nov 16:30"),
        ("Remind me at five instead.", "Sun 22 Nov 17:00"),
    ],
)
def test_the_time_is_corrected(talk: Talking, correction: str, due: str) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    talk.say(correction)
    assert talk.kept == [("reminder", "call Anna", "noted")]
    assert talk.due == due


@pytest.mark.parametrize(
    ("correction", "text"),
    [
        ("Not Anna, Emma.", "call Emma"),
        ("No, Emma.", "call Emma"),
        ("I meant Hannah.", "call Hannah"),
        ("Change Anna to Emma.", "call Emma"),
        ("No, write to Emma.", "write to Emma"),
        ("No, with Emma.", "call Anna with Emma"),
        ("Change it to call the doctor.", "call the doctor"),
        ("No, remind me to buy bread.", "buy bread"),
    ],
)
def test_the_text_is_corrected(talk: Talking, correction: str, text: str) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    talk.say(correction)
    assert talk.kept == [("reminder", text, "noted")]
    assert talk.due == "Sun 22 Nov 15:00"


def test_a_corrected_day_of_the_month_changes_the_day_and_not_the_text(talk: Talking) -> None:
    talk.say("Remind me to call Anna on December five at three.")
    assert talk.due == "Sat 05 Dec 15:00"
    talk.say("Wait, I meant December six.")
    assert talk.kept == [("reminder", "call Anna", "noted")]
    assert talk.due == "Sun 06 Dec 15:00"


@pytest.mark.parametrize(
    "correction",
    [
        "No, sometime in January I think.",
        "I meant the Friday thing.",
        "No, just tomorrow.",
        "No, at four I guess.",
    ],
)
def test_a_correction_that_names_a_month_a_weekday_or_a_time_never_becomes_the_text(
    talk: Talking, correction: str
) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    talk.say(correction)
    assert talk.kept == [("reminder", "call Anna", "noted")]


def test_a_correction_that_names_a_day_never_becomes_the_note(talk: Talking) -> None:
    talk.say("Take a note: the key is under the mat.")
    talk.say("No, sometime in January I think.")
    assert talk.item.text == "the key is under the mat"


@pytest.mark.parametrize(
    ("correction", "text"),
    [("No, with Emma on Friday.", "call Anna with Emma"), ("No, write to Emma on Friday.", "write to Emma")],
)
def test_a_correction_of_both_changes_both(talk: Talking, correction: str, text: str) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    talk.say(correction)
    assert talk.item.text == text
    assert talk.due == "Fri 27 Nov 15:00"


def test_a_draft_is_corrected_and_its_time_asked_for_again(talk: Talking) -> None:
    talk.say("Remind me to call Anna.")
    assert talk.say("No, Emma.").endswith("When shall I remind you to call Emma?")


def test_a_bare_no_is_asked_what_to_change(talk: Talking) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    assert talk.say("No, that's wrong.").endswith("What should I change?")
    talk.say("Emma.")
    assert talk.item.text == "call Emma"


def test_a_name_corrects_the_item_that_has_a_name(talk: Talking) -> None:
    talk.say("Remind me to call Anna at three and add milk to my list.")
    talk.say("No, I meant Emma.")
    assert talk.kept == [("reminder", "call Emma", "noted"), ("todo", "milk", "noted")]


def test_a_time_corrects_the_item_that_has_a_time(talk: Talking) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    talk.say("Take a note: the key is under the mat.")
    talk.say("No, make it four.")
    assert [f"{item.due_at:%H}" for item in talk.items.values() if item.due_at] == ["16"]


def test_a_time_within_a_note_is_corrected_in_its_words(talk: Talking) -> None:
    talk.say("Note that the meeting with Bob is at three.")
    talk.say("No, at four.")
    assert talk.item.text == "the meeting with Bob is at four"


def test_what_cannot_be_changed_is_left_alone(talk: Talking) -> None:
    talk.say("Remind me to water the plants tomorrow at three.")
    assert "I don't know what to change" in talk.say("Change Anna to Emma.")
    assert talk.item.text == "water the plants"


def test_the_newest_item_is_cancelled(talk: Talking) -> None:
    talk.say("Add milk to my list.")
    talk.say("Add bread to my list.")
    talk.say("Delete the last one.")
    assert talk.kept == [("todo", "milk", "noted"), ("todo", "bread", "cancelled")]
    assert "bread" not in talk.say("What's on my list?")


@pytest.mark.parametrize("heard", ["Canceled the milk.", "Cancelled the milk.", "Okay, deleted the milk."])
def test_cancel_heard_as_canceled_still_cancels(talk: Talking, heard: str) -> None:
    talk.say("Add milk to my list.")
    talk.say(heard)
    assert talk.kept == [("todo", "milk", "cancelled")]


def test_news_of_a_cancellation_cancels_nothing(talk: Talking) -> None:
    talk.say("Add milk to my list.")
    talk.say("I've already canceled the milk.")
    assert talk.kept == [("todo", "milk", "noted")]


def test_an_item_is_cancelled_by_its_name_its_kind_or_all(talk: Talking) -> None:
    talk.say(
        "Remind me to call Anna at three. Schedule a meeting with Bob on Friday at ten. Add milk to my list."
    )
    talk.say("Cancel the meeting with Bob.")
    talk.say("Delete my reminder.")
    assert [state for _, _, state in talk.kept] == ["cancelled", "cancelled", "noted"]
    assert "nothing like that" in talk.say("Cancel the dentist.")
    talk.say("Delete everything.")
    assert {state for _, _, state in talk.kept} == {"cancelled"}


def test_it_lists_by_kind_and_day_and_says_when_there_is_nothing(talk: Talking) -> None:
    assert "You have nothing noted." in talk.say("What do I have?")
    talk.say("Remind me to call Anna tomorrow at three and add milk to my list.")
    everything = talk.say("What do I have?")
    assert "You have 2 things." in everything
    assert "call Anna, tomorrow, Sunday November 22nd, at 3 PM" in everything
    assert "Milk" in talk.say("What's on my list?")
    assert "You have no notes." in talk.say("Read my notes.")
    tomorrow = talk.say("What do I have tomorrow?")
    assert "call Anna" in tomorrow
    assert "ilk" not in tomorrow


def test_a_draft_is_listed_as_lacking_its_time(talk: Talking) -> None:
    talk.say("Remind me to call Anna.")
    assert "still without a time" in talk.say("List my reminders.")


def test_an_older_draft_is_come_back_to(talk: Talking) -> None:
    talk.say("Remind me to call Anna.")
    assert talk.say("And add milk to my list.").endswith("When shall I remind you to call Anna?")


def test_an_answer_and_a_wish_in_one_utterance(talk: Talking) -> None:
    talk.say("Remind me to call Anna.")
    talk.say("Tomorrow at three, and add milk to my list.")
    assert talk.kept == [("reminder", "call Anna", "noted"), ("todo", "milk", "noted")]
    assert talk.item.due_at is None


def test_a_reminder_relative_to_an_appointment(talk: Talking) -> None:
    talk.say("Schedule a meeting with Bob on Friday at ten and remind me an hour before.")
    assert talk.kept == [
        ("appointment", "meeting with Bob", "noted"),
        ("reminder", "meeting with Bob", "noted"),
    ]
    assert talk.due == "Fri 27 Nov 09:00"


def test_a_reminder_the_day_before_an_appointment(talk: Talking) -> None:
    talk.say("Schedule a meeting.")
    talk.say("With Bob on Thursday at ten.")
    talk.say("And remind me the day before.")
    assert talk.kept == [
        ("appointment", "meeting with Bob", "noted"),
        ("reminder", "meeting with Bob", "noted"),
    ]
    assert talk.due == "Wed 25 Nov 10:00"


def test_a_part_of_the_day_tells_which_hour_was_meant(talk: Talking) -> None:
    talk.say("Remind me at eight to take my pills.")
    assert talk.due == "Sat 21 Nov 20:00"
    talk.say("In the morning.")
    assert talk.due == "Sun 22 Nov 08:00"


def test_the_list_goes_on_with_and(talk: Talking) -> None:
    talk.say("Add eggs to my list.")
    talk.say("And butter.")
    talk.say("And flour.")
    assert [text for _, text, _ in talk.kept] == ["eggs", "butter", "flour"]


def test_repetition_is_said_to_be_beyond_it(talk: Talking) -> None:
    assert "I can't repeat it" in talk.say("Remind me every Monday at nine to take out the trash.")


def test_what_it_does_not_understand_it_offers_to_note(talk: Talking) -> None:
    assert talk.say("He was not an ill disposed young man.").endswith("Shall I note that down?")
    assert not talk.items
    talk.say("Yes, please.")
    assert talk.kept == [("note", "He was not an ill disposed young man", "noted")]


def test_an_offer_is_taken_in_other_words_or_refused(talk: Talking) -> None:
    talk.say("The parcel was left with the neighbours.")
    talk.say("No.")
    assert not talk.items
    talk.say("The parcel was left with the neighbours.")
    talk.say("Note that down.")
    assert talk.kept == [("note", "The parcel was left with the neighbours", "noted")]


@pytest.mark.parametrize(
    "said", ["He was not an ill disposed young man.", "Blue elephants.", "What's the weather like?", "You."]
)
def test_the_second_time_it_says_otherwise_that_it_did_not_understand(talk: Talking, said: str) -> None:
    assert talk.say(said) != talk.say(said)
    assert not talk.items


def test_a_yes_is_acknowledged_and_a_no_after_that_ends_the_call(talk: Talking) -> None:
    talk.say("Remind me to call Anna tomorrow at three.")
    assert talk.say("Yes, that's right.").endswith("Is there anything else?")
    assert not talk.hung_up()
    assert talk.say("No.").endswith("Goodbye.")
    assert talk.hung_up()


@pytest.mark.parametrize(
    "bye", ["Bye.", "That's all, thank you.", "No thanks.", "I have to go.", "Goodbye then."]
)
def test_a_goodbye_ends_the_call(talk: Talking, bye: str) -> None:
    assert "Goodbye." in talk.say(bye)
    assert talk.hung_up()


def test_a_goodbye_with_a_wish_ends_the_call_unless_the_wish_lacks_something(talk: Talking) -> None:
    talk.say("Remind me to call Anna. Bye.")
    assert not talk.hung_up()
    assert talk.say("Bye.").endswith("I've kept the reminder to call Anna, without a time. Goodbye.")
    assert talk.hung_up()
    other = Talking()
    assert "your list: milk" in other.say("Add milk to my list. That's all, bye.")
    assert other.hung_up()


@pytest.mark.parametrize(
    "bye",
    [
        "Thank you, that's all, to-by.",
        "That's all. Good by.",
        "Goodbye, Bob.",
        "Add milk. That's all, to-by.",
    ],
)
def test_a_goodbye_may_end_in_words_that_say_nothing(talk: Talking, bye: str) -> None:
    assert talk.say(bye).endswith("Goodbye.")
    assert talk.hung_up()
    assert [text for _, text, _ in talk.kept] in ([], ["milk"])


@pytest.mark.parametrize(
    "said", ["Thank you, milk.", "That's all I need to know.", "Bye, call Anna.", "That's all, remind me."]
)
def test_words_after_a_goodbye_that_may_say_something_keep_the_call_up(talk: Talking, said: str) -> None:
    talk.say(said)
    assert not talk.hung_up()


def test_a_bare_no_or_thanks_does_not_end_the_call(talk: Talking) -> None:
    for said in ("No.", "Thank you.", "You.", "Okay."):
        talk.say(said)
        assert not talk.hung_up(), said


def test_a_person_is_called_where_there_is_one() -> None:
    alone, staffed = Talking(), Talking(can_transfer=True)
    assert "I can't" in alone.say("I want to talk to a person.")
    assert not alone.transferred()
    staffed.say("I want to talk to a person.")
    assert staffed.transferred()


def test_the_last_message_is_repeated(talk: Talking) -> None:
    said = talk.say("Remind me to call Anna tomorrow at three.")
    assert talk.say("Sorry, could you repeat that?") == said


def test_a_sound_that_cut_the_assistant_off_lets_it_go_on(talk: Talking) -> None:
    talk.say("What can you do?", heard=20)
    talk.say("Mama,")
    assert talk.events == [GoOn()]


def test_who_says_twice_what_is_not_understood_is_asked(talk: Talking) -> None:
    talk.say("What can you do?", heard=20)
    talk.say("Foking.", heard=10)
    assert "didn't understand" in talk.say("Foking.") + talk.say("Foking.")


def test_a_short_wish_that_cut_the_assistant_off_is_no_sound(talk: Talking) -> None:
    talk.say("What can you do?", heard=20)
    assert talk.say("Stop.")
    assert GoOn() not in talk.events
    talk.say("What can you do?", heard=20)
    talk.say("Goodbye.")
    assert GoOn() not in talk.events


def test_a_message_that_was_cut_off_is_repeated_from_what_is_kept(talk: Talking) -> None:
    talk.say("Remind me to call Anna tomorrow at three.", heard=8)
    assert "call Anna tomorrow" in talk.say("What did you say?")


def test_it_says_who_it_is_and_what_time_it_is(talk: Talking) -> None:
    assert "automatic assistant" in talk.say("Who are you?")
    assert "notes, reminders" in talk.say("What can you do?")
    assert "8:12 AM" in talk.say("What time is it?")


def test_replies_open_with_a_short_sentence(talk: Talking) -> None:
    for said in ("Hello.", "Remind me to call Anna.", "Tomorrow at three.", "Thank you.", "What do I have?"):
        talk.say(said)
        first = next(event.text for event in talk.events if isinstance(event, Say))
        assert first.strip() in OPENINGS


def test_long_dictation_is_not_read_back_in_full(talk: Talking) -> None:
    answer = talk.say("Take a note: " + "the quick brown fox jumps over the lazy dog and " * 5)
    assert len(answer.split()) < 25


async def test_the_model_streams_the_reply() -> None:
    model = LocalLanguageModel(Settings())
    await model.start()
    question = Talk((Message("user", "Hello."),), (), SATURDAY_MORNING)
    assert [event async for event in model.reply(question)] == [Say("Hello. "), Say("What can I do for you?")]
    await model.aclose()
