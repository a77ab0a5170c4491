"""One utterance in, what it asks for out."""

from __future__ import annotations

import pytest

from app.services.language_model.local.understand import understand
from app.services.language_model.local.wishes import separate
from tests.services.language_model.talking import SATURDAY_MORNING


def wishes(text: str) -> list[tuple[str, str, str]]:
    """Kind, text and time of everything an utterance wants kept."""
    found: list[tuple[str, str, str]] = []
    for ask in understand(text, SATURDAY_MORNING):
        assert ask.act == "keep", ask
        assert ask.wish
        words, when = (
            (ask.wish.words, None) if ask.wish.verbatim else separate(ask.wish.words, SATURDAY_MORNING)
        )
        due = f"{when.due(SATURDAY_MORNING):%a %d %b %H:%M}" if when else ""
        found.append((ask.wish.kind, words, due))
    return found


@pytest.mark.parametrize(
    ("text", "what", "due"),
    [
        ("Remind me to call Anna tomorrow at three.", "call Anna", "Sun 22 Nov 15:00"),
        ("Um, please remind me to call Anna at three.", "call Anna", "Sat 21 Nov 15:00"),
        ("Tomorrow at three, remind me to call Anna.", "call Anna", "Sun 22 Nov 15:00"),
        ("Set a reminder for tomorrow at three to call Anna.", "call Anna", "Sun 22 Nov 15:00"),
        ("Okay so, remind me to pick up the kids at quarter to five.", "pick up the kids",
         "Sat 21 Nov 16:45"),
        ("Could you remind me in ten minutes to check the oven?", "check the oven", "Sat 21 Nov 08:22"),
        ("I'd like a reminder to take my pills at eight p.m.", "take my pills", "Sat 21 Nov 20:00"),
        ("Hi, this is Bob. Please remind me to send the invoice on Monday at nine a.m.", "send the invoice",
         "Mon 23 Nov 09:00"),
        ("Remind me on Friday at 9:30 to send the report to Maria.", "send the report to Maria",
         "Fri 27 Nov 09:30"),
        ("Remind me that the car needs service next week.", "the car needs service", "Mon 23 Nov 23:59"),
        ("Remind me about the dentist tomorrow.", "the dentist", "Sun 22 Nov 23:59"),
        ("Remind me to add the guests to my list.", "add the guests to my list", ""),
        ("Remind me to talk to a person about taxes at noon", "talk to a person about taxes",
         "Sat 21 Nov 12:00"),
        ("Remind me at 3 to call 555 1234.", "call 555 1234", "Sat 21 Nov 15:00"),
        ("Don't let me forget the keys at eight tomorrow morning.", "the keys", "Sun 22 Nov 08:00"),
        ("Wake me up at seven a.m.", "wake up", "Sun 22 Nov 07:00"),
        ("Anna's birthday is on Friday, remind me.", "Anna's birthday", "Fri 27 Nov 23:59"),
        ("Buy bread tomorrow at noon.", "buy bread", "Sun 22 Nov 12:00"),
        ("Remind me every Monday at nine to take out the trash.", "take out the trash", "Mon 23 Nov 09:00"),
        ("Reminder me two feed the cat at 6 p.m.", "feed the cat", "Sat 21 Nov 18:00"),
        ("Remind me two call mom at six thirty p m.", "call mom", "Sat 21 Nov 18:30"),
        ("Rewind me to feed the cat at 6 p.m.", "feed the cat", "Sat 21 Nov 18:00"),
        ("I can remind me to feed the cat at 6 p.m.", "feed the cat", "Sat 21 Nov 18:00"),
        ("And to remind me to feed the cat at 6 p.m.", "feed the cat", "Sat 21 Nov 18:00"),
    ],
)  # fmt: skip
def test_a_reminder(text: str, what: str, due: str) -> None:
    assert wishes(text) == [("reminder", what, due)]


@pytest.mark.parametrize(
    ("text", "what", "due"),
    [
        ("Add milk to my to-do list.", "milk", ""),
        ("Put bread and butter on my list.", "bread and butter", ""),
        ("Can you add eggs, butter and flour to the shopping list?", "eggs, butter and flour", ""),
        ("Ad milk to my list.", "milk", ""),
        ("I need to call the bank on Monday morning.", "call the bank", "Mon 23 Nov 09:00"),
        ("I've got to pay the rent by Friday.", "pay the rent", "Fri 27 Nov 23:59"),
        ("Don't forget to water the plants.", "water the plants", ""),
        ("I must not forget to call Dad on Sunday.", "call Dad", "Sun 22 Nov 23:59"),
        ("Remember to lock the door tonight.", "lock the door", "Sat 21 Nov 20:00"),
        ("Add a todo, finish the report by Friday.", "finish the report", "Fri 27 Nov 23:59"),
        ("New task: clean the kitchen.", "clean the kitchen", ""),
        ("I need to cancel my gym membership.", "cancel my gym membership", ""),
    ],
)
def test_a_todo(text: str, what: str, due: str) -> None:
    assert wishes(text) == [("todo", what, due)]


@pytest.mark.parametrize(
    ("text", "what", "due"),
    [
        ("Schedule a meeting with Bob next Tuesday at 10.", "meeting with Bob", "Tue 24 Nov 10:00"),
        ("Book an appointment with the dentist.", "appointment with the dentist", ""),
        ("I need to make an appointment with the dentist tomorrow at four.", "appointment with the dentist",
         "Sun 22 Nov 16:00"),
        ("I have a dentist appointment on the fifth at nine thirty.", "dentist appointment",
         "Sat 05 Dec 09:30"),
        ("Can you schedule a call with Emma on December 1st at 2 p.m.?", "call with Emma",
         "Tue 01 Dec 14:00"),
        ("Schedule lunch with Maria on Thursday at twelve thirty.", "lunch with Maria", "Thu 26 Nov 12:30"),
        ("There is a meeting with the tax advisor on December third.", "meeting with the tax advisor",
         "Thu 03 Dec 23:59"),
        ("Foking appointment with the dentist on December 3rd at 9.30.", "appointment with the dentist",
         "Thu 03 Dec 09:30"),
        ("Book a table for two at seven tomorrow evening.", "table for two", "Sun 22 Nov 19:00"),
        ("Schedule a haircut for next Wednesday at 4.", "haircut", "Wed 25 Nov 16:00"),
        ("Put the parents' evening on my calendar for December 3rd at 7:15 PM.", "the parents' evening",
         "Thu 03 Dec 19:15"),
    ],
)  # fmt: skip
def test_an_appointment(text: str, what: str, due: str) -> None:
    assert wishes(text) == [("appointment", what, due)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Take a note: the code of the garage is 4711.", "the code of the garage is 4711"),
        (
            "Take a note. The code of the garage is four seven one one.",
            "The code of the garage is four seven one one",
        ),
        ("Note that the meeting is on Friday at three.", "the meeting is on Friday at three"),
        ("Please note down that the rent is due on the first.", "the rent is due on the first"),
        ("Remember that Anna is allergic to nuts.", "Anna is allergic to nuts"),
        ("Jot down buy stamps.", "buy stamps"),
        (
            "Could you take down a note for me? The parcel arrives on Thursday.",
            "The parcel arrives on Thursday",
        ),
        ("Take a note: add milk to my list.", "add milk to my list"),
        ("Make a note.", ""),
        ("I want to make a note.", ""),
    ],
)
def test_a_note_keeps_its_words(text: str, what: str) -> None:
    assert wishes(text) == [("note", what, "")]


def test_several_wishes_in_one_utterance() -> None:
    assert wishes("Remind me to call Anna at three and add milk to my list.") == [
        ("reminder", "call Anna", "Sat 21 Nov 15:00"),
        ("todo", "milk", ""),
    ]
    assert wishes("Remind me to call Anna at three and to buy milk at five.") == [
        ("reminder", "call Anna", "Sat 21 Nov 15:00"),
        ("reminder", "buy milk", "Sat 21 Nov 17:00"),
    ]
    assert wishes("Note: buy a gift. And remind me to call mom tomorrow at ten.") == [
        ("note", "buy a gift", ""),
        ("reminder", "call mom", "Sun 22 Nov 10:00"),
    ]
    assert wishes("Add milk to my list. Add bread to my list.") == [
        ("todo", "milk", ""),
        ("todo", "bread", ""),
    ]


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("no, make it four", "", "four"),
        ("No, on Tuesday.", "", "on Tuesday"),
        ("Not Anna, Emma.", "Anna", "Emma"),
        ("Not Anna but Emma.", "Anna", "Emma"),
        ("It's Emma, not Anna.", "Anna", "Emma"),
        ("I said four, not three.", "three", "four"),
        ("I meant Emma.", "", "Emma"),
        ("No, I said Thursday.", "", "Thursday"),
        ("No, Emma.", "", "Emma"),
        ("Sorry, I meant five thirty.", "", "five thirty"),
        ("Change it to buy bread.", "", "buy bread"),
        ("Change Anna to Emma.", "Anna", "Emma"),
        ("Actually tomorrow.", "", "tomorrow"),
        ("Could you change that to Monday?", "", "Monday"),
        ("Move the appointment to Thursday at eleven.", "", "Thursday at eleven"),
        ("Move it from Monday to Thursday.", "", "Thursday"),
        ("Push it back by an hour.", "", "an hour later"),
    ],
)
def test_a_change(text: str, old: str, new: str) -> None:
    (ask,) = understand(text, SATURDAY_MORNING)
    assert (ask.act, ask.old, ask.text) == ("change", old, new)


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Cancel that.", "cancel"), ("Delete the last one.", "cancel"), ("Scratch that.", "cancel"),
        ("never mind", "cancel"), ("Actually, cancel it.", "cancel"), ("Remove milk from my list.", "cancel"),
        ("What do I have?", "list"), ("Read my notes.", "list"), ("What's on my list?", "list"),
        ("What do I have tomorrow?", "list"), ("How many reminders do I have?", "list"),
        ("Do I have any appointments on Friday?", "list"), ("Read everything back.", "list"),
        ("Yes.", "yes"), ("That's right, thank you.", "yes"), ("Yes, please do.", "yes"),
        ("No problem.", "yes"),
        ("No.", "no"), ("No, that's wrong.", "no"), ("whenever", "decline"), ("No time.", "decline"),
        ("I don't know yet.", "decline"),
        ("Hmm, I don't know.", "decline"), ("No thanks.", "done"), ("I think that's all.", "done"),
        ("No, that's all. Thank you.", "done"), ("Bye.", "bye"), ("No, thank you. Goodbye.", "bye"),
        ("No, that was all good-by.", "bye"), ("I have to go now by.", "bye"), ("By by!", "bye"),
        ("I have to go.", "bye"), ("Thank you.", "thanks"), ("Hello.", "greet"), ("Good morning.", "greet"),
        ("Who are you?", "help"), ("What can you do?", "help"), ("Say that again.", "repeat"),
        ("Sorry?", "repeat"),
        ("Hello, can you hear me?", "hear"), ("Wait a second.", "wait"), ("What time is it?", "clock"),
        ("I want to talk to a person.", "person"), ("Operator.", "person"),
        ("Can I speak to a human please", "person"), ("Let me talk to a person, please.", "person"),
        ("tomorrow at three", "when"), ("Three.", "when"),
        ("You.", "noise"), (".", "noise"), ("", "noise"), ("Hmm.", "noise"),
        ("What's the weather like?", "question"), ("Blue elephants.", "unclear"),
        ("Tell the boss about the meeting.", "statement"),
        ("He was not an ill disposed young man.", "statement"),
        ("And so my fellow Americans, ask not what your country can do for you.", "statement"),
    ],
)  # fmt: skip
def test_everything_else(text: str, act: str) -> None:
    assert [ask.act for ask in understand(text, SATURDAY_MORNING)] == [act]


def test_a_goodbye_after_a_wish_is_heard_as_well() -> None:
    asks = understand("Add milk to my list, and that's all. Bye!", SATURDAY_MORNING)
    assert [ask.act for ask in asks] == ["keep", "bye"]
    assert asks[0].wish
    assert separate(asks[0].wish.words, SATURDAY_MORNING)[0] == "milk"
