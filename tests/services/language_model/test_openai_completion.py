"""A completion put together from its chunks."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from app.services.language_model.openai.completion import Completion
from app.services.openai_client import BrokenAnswerError
from tests.providers.openai_server import Call, call_deltas

ARGUMENTS = json.dumps({"kind": "note", "text": "Grüße, “quoted” and \n broken"})


def chunk(**delta: object) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return ChatCompletionChunk.construct(choices=[choice])


@given(
    cuts=st.lists(st.integers(1, len(ARGUMENTS)), max_size=8),
    numbered=st.sampled_from([(0, 1), (0, 0), (None, None), (3, 1)]),
    repeats_id=st.booleans(),
)
def test_calls_are_the_same_however_they_are_cut_and_numbered(
    cuts: list[int], numbered: tuple[int | None, int | None], repeats_id: bool
) -> None:
    edges = sorted({0, len(ARGUMENTS), *cuts})
    pieces = tuple(ARGUMENTS[start:end] for start, end in pairwise(edges))
    completion = Completion()
    for call in (
        Call("save_item", pieces, numbered[0], "a", repeats_id),
        Call("hang_up", ("{}",), numbered[1], "b", repeats_id),
    ):
        for delta in call_deltas(call, 0):
            completion.feed(chunk(tool_calls=[delta]))
    assert [(call.id, call.name, call.arguments) for call in completion.calls] == [
        ("a", "save_item", ARGUMENTS),
        ("b", "hang_up", "{}"),
    ]


@given(texts=st.lists(st.text(st.characters(exclude_characters="*`"))))
def test_words_come_out_as_they_went_in(texts: list[str]) -> None:
    completion = Completion()
    assert [completion.feed(chunk(content=text)) for text in texts] == texts
    assert completion.text == "".join(texts)


def test_markdown_is_not_spoken() -> None:
    completion = Completion()
    assert [completion.feed(chunk(content=text)) for text in ("*", "*At `n", "ine`** it is")] == [
        "",
        "At n",
        "ine it is",
    ]


def test_without_a_reason_for_its_end_it_broke_off() -> None:
    completion = Completion()
    completion.feed(chunk(content="Good morn"))
    with pytest.raises(BrokenAnswerError, match="broke off"):
        completion.end()
