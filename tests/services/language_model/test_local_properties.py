"""What holds of every reply, whatever is said."""

from __future__ import annotations

from datetime import datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.services.language_model import GoOn, HangUp, Item, Message, SaveItem, Talk, Transfer
from app.services.language_model.local import decide
from app.services.language_model.local.templates import word_list
from tests.services.language_model.talking import BERLIN, Talking, ids, spoken

WORDS = word_list("""
    remind me to call Anna tomorrow at three no make it four take a note that the code is 4711 add
    milk my list and schedule meeting with Bob next Tuesday on Friday cancel delete the last one not
    Emma yes what do I have bye thanks please um you half past in ten minutes an hour later every
    Monday today yesterday noon midnight p.m. first of May 31st February 12/24 never mind whenever
    that's all change it instead I need a person again . , ? ! ' - : 7 23 555
""")
phrases = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
utterances = phrases | st.text(max_size=80)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 31)).map(lambda m: m.replace(tzinfo=BERLIN))
items = st.builds(
    Item,
    id=st.uuids().map(lambda uuid: uuid.hex),
    kind=st.sampled_from(["note", "reminder", "todo", "appointment"]),
    text=phrases.filter(lambda text: any(c.isalnum() for c in text)),
    due_at=st.none() | moments,
    state=st.sampled_from(["draft", "noted", "cancelled"]),
)
messages = st.builds(Message, st.sampled_from(["user", "assistant"]), utterances, st.booleans())
talks = st.builds(
    lambda before, last, kept, now: Talk((*before, Message("user", last)), tuple(kept), now),
    st.lists(messages, max_size=6),
    utterances,
    st.lists(items, max_size=4),
    moments,
)


@given(talks)
@example(
    Talk(
        (Message("assistant", ":", interrupted=False), Message("user", "what")),
        (),
        datetime(2026, 11, 21, tzinfo=BERLIN),
    )
)
@settings(max_examples=400, deadline=None)
def test_every_reply_has_words_and_only_whole_items(talk: Talk) -> None:
    events = decide(talk)
    assert events == [GoOn()] or any(character.isalnum() for character in spoken(events))
    for event in events:
        if isinstance(event, SaveItem) and event.item.state != "cancelled":
            assert any(character.isalnum() for character in event.item.text)
    assert sum(isinstance(event, HangUp | Transfer) for event in events) <= 1


@given(talks)
@settings(max_examples=200, deadline=None)
def test_the_same_talk_gets_the_same_reply(talk: Talk) -> None:
    assert decide(talk, new_id=ids()) == decide(talk, new_id=ids())


@given(st.lists(utterances, max_size=8), moments)
@settings(max_examples=200, deadline=None)
def test_every_due_time_is_aware_and_ahead(said: list[str], now: datetime) -> None:
    talk = Talking(now)
    for text in said:
        before = dict(talk.items)
        at = talk.now
        talk.say(text)
        for item in talk.items.values():
            if item.due_at and item != before.get(item.id) and item.state != "cancelled":
                assert item.due_at.utcoffset() is not None
                kept = before.get(item.id)
                assert item.due_at.timestamp() > at.timestamp() or (kept and kept.due_at == item.due_at)


@given(st.text(alphabet=" .,!?…-'aeiu", min_size=200, max_size=2000))
@settings(max_examples=30, deadline=2000)
def test_long_nonsense_takes_no_long_time(text: str) -> None:
    decide(Talk((Message("user", text),), (), datetime(2026, 11, 21, 8, 12, tzinfo=BERLIN)))
