"""What the model is told."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.services.language_model import Item, Message, Talk
from app.services.language_model.openai.prompt import (
    CHARACTERS_A_TOKEN,
    CUT_OFF,
    HISTORY_TOKENS,
    ITEMS_TOKENS,
    PERSONA,
    RULES,
    last_that_fit,
    messages_for,
)
from tests.services.language_model.talking import SATURDAY_MORNING

GREETING = Message("assistant", "Hello, this is Offhook.")


def told(
    *messages: Message, items: tuple[Item, ...] = (), instructions: str = "", can_transfer: bool = False
) -> list[tuple[str, str]]:
    talk = Talk(messages, items, SATURDAY_MORNING)
    return [
        (message["role"], str(message.get("content")))
        for message in messages_for(talk, instructions, can_transfer=can_transfer)
    ]


def test_the_present_is_told_with_day_zone_and_offset() -> None:
    (_, system), *_ = told(Message("user", "Hi"))
    assert "Saturday, 21 November 2026, 08:12 CET (2026-11-21T08:12:30+01:00)" in system


def test_items_are_told_with_their_ids_and_times() -> None:
    due = SATURDAY_MORNING + timedelta(days=1)
    items = (Item("a" * 32, "reminder", "call Anna", due), Item("b" * 32, "note", "it rains", None, "draft"))
    (_, system), *_ = told(Message("user", "Hi"), items=items)
    assert f"id {'a' * 32}: reminder “call Anna”, due 2026-11-22T08:12+01:00, noted" in system
    assert f"id {'b' * 32}: note “it rains”, no time, draft" in system


def test_an_operators_instructions_take_the_place_of_the_persona_alone() -> None:
    (_, system), *_ = told(Message("user", "Hi"), instructions="You are the bakery.")
    assert system.startswith("You are the bakery.\n")
    assert PERSONA not in system
    assert RULES in system


def test_a_transfer_is_spoken_of_only_where_there_is_one() -> None:
    assert "call transfer" not in told(Message("user", "Hi"))[0][1]
    assert "call transfer" in told(Message("user", "Hi"), can_transfer=True)[0][1]


def test_the_greeting_is_told_and_the_history_begins_with_the_caller() -> None:
    (_, system), *history = told(
        GREETING, Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "A")
    )
    assert GREETING.text in system
    assert history == [("user", "Hi"), ("assistant", "Yes?"), ("user", "A")]


def test_the_model_knows_where_it_was_cut_off() -> None:
    *_, heard, answer = told(
        Message("user", "Hi"),
        Message("assistant", "Tomorrow at", interrupted=True),
        Message("user", "No, today."),
    )
    assert heard == ("assistant", "Tomorrow at")
    assert answer == ("user", CUT_OFF + "No, today.")


@given(lengths=st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_end_of_any_talk_fits_the_budget(lengths: list[int]) -> None:
    messages = [
        Message("user" if number % 2 == 0 else "assistant", chr(ord("a") + number % 26) * length)
        for number, length in enumerate(reversed(lengths))
    ]
    if messages[-1].speaker == "assistant":
        messages.append(Message("user", "Hello?"))
    _, *history = told(*messages)
    assert history[-1][0] == "user"
    assert history[0][0] == "user"
    assert sum(len(text) for _, text in history) <= HISTORY_TOKENS * CHARACTERS_A_TOKEN
    assert all(
        text == message.text
        for (_, text), message in zip(history[::-1][1:], messages[::-1][1:], strict=False)
    )


def test_of_too_many_items_the_newest_are_told() -> None:
    items = tuple(Item(f"{number:032x}", "todo", f"thing {number} {'x' * 90}") for number in range(300))
    (_, system), *_ = told(Message("user", "Hi"), items=items)
    assert items[-1].id in system
    assert items[0].id not in system
    assert "older ones not shown" in system
    assert len(system) < ITEMS_TOKENS * CHARACTERS_A_TOKEN + 4000


def test_the_last_message_is_kept_if_need_be_without_its_beginning() -> None:
    assert last_that_fit(["first", "0123456789"], 4) == ["6789"]
