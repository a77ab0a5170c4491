"""What the local summariser writes down about a call."""

from __future__ import annotations

import asyncio

import pytest

from app.services.language_model import Item, Message
from app.services.summarizer import ActionItem, Summary
from app.services.summarizer.local import LocalSummarizer
from tests.services.language_model.talking import SATURDAY_MORNING, Talking


async def summarize(*said: str) -> Summary:
    """The summary of a talk with the assistant in which the caller said this."""
    talk = Talking()
    for text in said:
        talk.say(text)
    return await LocalSummarizer().summarize(talk.messages, tuple(talk.items.values()), talk.now)


async def test_reminders_todos_and_appointments_are_action_items_with_their_due_times() -> None:
    summary = await summarize(
        "Remind me to call Anna tomorrow at three. Add milk to my list.",
        "Schedule a meeting with Bob on Friday at ten.",
        "Bye.",
    )
    assert summary.action_items == (
        ActionItem("call Anna", SATURDAY_MORNING.replace(day=22, hour=15, minute=0, second=0), "reminder"),
        ActionItem("milk", None, "todo"),
        ActionItem(
            "meeting with Bob", SATURDAY_MORNING.replace(day=27, hour=10, minute=0, second=0), "appointment"
        ),
    )
    assert summary.summary == (
        "The caller asked for a reminder to call Anna on Sunday, November 22nd, at 3 PM, put “milk” "
        "on the list and made an appointment “meeting with Bob” on Friday, November 27th, at 10 AM. "
        "The caller said goodbye."
    )
    assert summary.model == "local"


async def test_notes_are_key_points() -> None:
    summary = await summarize("Take a note: the code of the garage is 4711.")
    assert summary.key_points == ("The code of the garage is 4711.",)
    assert summary.action_items == ()
    assert "noted “the code of the garage is 4711”" in summary.summary
    assert "ended without a goodbye" in summary.summary


async def test_what_was_cancelled_is_left_out() -> None:
    summary = await summarize("Remind me to call Anna tomorrow at three.", "Cancel that.", "Bye.")
    assert summary.action_items == ()
    assert "Anna" not in summary.summary


async def test_a_draft_is_an_action_item_that_says_it_has_no_time() -> None:
    summary = await summarize("Remind me to call Anna.", "Bye.")
    assert summary.action_items == (ActionItem("call Anna (no time was named)", None, "reminder"),)
    assert "No time was named yet for: call Anna." in summary.summary


async def test_an_action_item_with_a_day_and_no_hour_keeps_its_day() -> None:
    summary = await summarize("Remind me to call Anna.", "Next Friday.", "Bye.")
    (item,) = summary.action_items
    assert item.text == "call Anna"
    assert item.due_at is not None
    assert (item.due_at.weekday(), item.due_at.hour) == (4, 23)


async def test_a_call_in_which_nothing_was_noted_is_told_by_its_most_informative_sentences() -> None:
    summary = await summarize(
        "Hello.",
        "The heating in the cellar is broken again. It makes a lot of noise at night.",
        "What time is it?",
        "The technician looked at the heating last week. He said the pump of the heating is old.",
        "Okay, bye.",
    )
    assert "Nothing was noted." in summary.summary
    assert len(summary.key_points) == 3
    assert "The heating in the cellar is broken again." in summary.key_points
    assert not any("time" in point or "Hello" in point for point in summary.key_points)


async def test_many_items_are_counted() -> None:
    summary = await summarize(
        *(f"Add thing number {n} to my list." for n in range(6)), "Take a note: all done."
    )
    assert "6 todos and 1 note" in summary.summary
    assert len(summary.action_items) == 6


@pytest.mark.parametrize("messages", [(), (Message("assistant", "Hello."),), (Message("user", " . "),)])
async def test_a_call_without_a_word_is_said_to_be_that(messages: tuple[Message, ...]) -> None:
    summary = await LocalSummarizer().summarize(messages, (), SATURDAY_MORNING)
    assert summary == Summary("The caller said nothing.", (), (), "local")


async def test_times_of_day_do_not_end_a_sentence() -> None:
    summary = await summarize("Our shop opens at nine a.m. on every market day in the village.")
    assert summary.key_points == ("Our shop opens at nine a.m. on every market day in the village.",)


async def test_long_notes_are_shortened() -> None:
    item = Item("0" * 32, "note", "word " * 200)
    summary = await LocalSummarizer().summarize((Message("user", "Hello there."),), (item,), SATURDAY_MORNING)
    assert len(summary.summary.split()) < 50
    assert summary.key_points[0].endswith("…")


async def test_other_calls_go_on_while_a_long_one_is_summarised() -> None:
    messages = [Message("user", f"The {number} boxes stand in the old hall.") for number in range(100)]
    writing = asyncio.create_task(LocalSummarizer().summarize(messages, (), SATURDAY_MORNING))
    turns = 0
    while not writing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
