"""Summaries from an OpenAI-compatible server, by a strict JSON schema."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from app import metrics
from app.services.due_time import parse_due
from app.services.language_model.interface import Item, ItemKind, Message
from app.services.openai_client import BrokenAnswerError, fault_of, openai_client
from app.services.summarizer.interface import ActionItem, Summary, SummaryError
from app.services.summarizer.parts import parts_of
from app.settings import Settings

log = logging.getLogger(__name__)

SECONDS = 60.0
"""For an answer. Nobody is waiting on the telephone."""
TRIES = 3
"""Of an answer that was refused or is not what was asked for."""
RETRIES = 4
"""The client library's own, of each request that failed by a passing fault: 8 s in all."""
PART_CHARACTERS = 100_000
"""Asked for at once: 25 000 tokens at four characters each, two hours of talk at 200 tokens a minute. Any
context of 32 k holds it; where one turns out to be smaller, the parts are halved until they fit."""
SMALLEST_PART = 4_000

INSTRUCTIONS = """\
You summarise a telephone call between a caller and an assistant, for the person who was called. Write in \
the caller's language, in plain sentences, and only what was said.
summary: two to four sentences: who called if they said so, what they wanted, what came of it.
key_points: what is worth knowing, a short sentence each.
action_items: what somebody has to do, and when, as due_at in ISO 8601 with offset (null: no time was named).
What the assistant noted is listed with its times: they are right, where the transcript and they differ. \
Cancelled items are none. The transcript comes from speech recognition and may have misheard."""
PARTLY = "The call is long. This is one part of it, the others come separately."
MERGING = "The call is long. These are the summaries of its parts, in order: make one of them."


class WrittenAction(msgspec.Struct):
    """An action item as the model writes it."""

    text: str
    due_at: str | None
    kind: ItemKind | None


class Written(msgspec.Struct):
    """A summary as the model writes it."""

    summary: str
    key_points: list[str]
    action_items: list[WrittenAction]


class OpenAISummarizer:
    """One model of one server. It opens its connection for each summary, and leaves none behind."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.openai_summary_model
        self._settings = settings

    async def summarize(self, messages: Sequence[Message], items: Sequence[Item], now: datetime) -> Summary:
        """`messages` in order, `items` as last saved; `now` is the end of the call (aware).

        Raises:
            SummaryError: the provider failed, refused, or wrote no proper summary in three tries.
        """
        lines = [line for message in messages if (line := _line(message))]
        facts = [f"The call ended on {now:%A}, {now.isoformat(timespec='seconds')}.", *map(_noted, items)]
        try:
            async with openai_client(self._settings, seconds=SECONDS, max_retries=RETRIES) as client:
                written = await self._in_parts(client, lines, facts)
        # ValueError: what should have been JSON.
        except (openai.OpenAIError, BrokenAnswerError, ValueError) as error:
            fault = fault_of(error, self.name)
            metrics.PROVIDER_FAILURES.labels(provider=self.name, fault=fault.kind).inc()
            raise SummaryError(fault.words) from error
        return Summary(
            written.summary.strip(),
            tuple(point.strip() for point in written.key_points if point.strip()),
            tuple(_action(action, now) for action in written.action_items if action.text.strip()),
            self.name,
        )

    async def _in_parts(self, client: AsyncOpenAI, lines: Sequence[str], facts: Sequence[str]) -> Written:
        """With parts as large as the model can take."""
        size = PART_CHARACTERS
        while True:
            try:
                return await self._merged(client, lines, facts, size)
            except openai.BadRequestError as error:
                size //= 2
                if not _too_long(error) or size < SMALLEST_PART:
                    raise
                log.info("%s takes less than %d characters at once", self.name, 2 * size)

    async def _merged(
        self, client: AsyncOpenAI, lines: Sequence[str], facts: Sequence[str], size: int
    ) -> Written:
        """Summaries of the parts, and of these again, until one is left."""
        hint = ""
        while len(parts := parts_of(lines, size)) > 1:
            summaries = [await self._write(client, [*facts, hint or PARTLY, "", *part]) for part in parts]
            shorter = [msgspec.json.encode(summary).decode() for summary in summaries]
            if sum(map(len, shorter)) >= sum(map(len, lines)):
                raise BrokenAnswerError("its summaries are longer than what they sum up")
            lines, hint = shorter, MERGING
        return await self._write(client, [*facts, *filter(None, [hint]), "", *(parts[0] if parts else ())])

    async def _write(self, client: AsyncOpenAI, lines: Sequence[str]) -> Written:
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": "\n".join(lines)},
        ]
        for left in reversed(range(TRIES)):
            answer = await client.chat.completions.create(
                model=self.name,
                messages=messages,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "call_summary", "strict": True, "schema": SCHEMA},
                },
            )
            try:
                return _read(answer)
            except BrokenAnswerError as error:
                if not left:
                    raise
                log.info("%s: %s; it is asked again", self.name, error)
        raise AssertionError


def _read(answer: Any) -> Written:
    """What the model wrote. `answer` is whatever JSON the server sent: the client library checks nothing."""
    try:
        message = answer.choices[0].message
        if message.refusal:
            raise BrokenAnswerError(f"it refused: {message.refusal}")
        content = message.content or ""
        # Models that know no schemas like to put their JSON into a code fence.
        written = msgspec.json.decode(content[content.find("{") : content.rfind("}") + 1], type=Written)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise BrokenAnswerError(f"it wrote no summary: {error}") from error
    if not written.summary.strip():
        raise BrokenAnswerError("it wrote an empty summary")
    return written


def _too_long(error: openai.BadRequestError) -> bool:
    """OpenAI says context_length_exceeded, llama.cpp exceed_context_size_error, vLLM and others say it in the
    message only."""
    return "context" in f"{error.code} {error.type} {error.message}"


def _action(action: WrittenAction, now: datetime) -> ActionItem:
    try:
        due_at = parse_due(action.due_at, now) if action.due_at else None
    except ValueError:
        due_at = None
    return ActionItem(action.text.strip(), due_at, action.kind)


def _line(message: Message) -> str:
    if not message.text.strip():
        return ""
    speaker = "Caller" if message.speaker == "user" else "Assistant"
    return f"{speaker}: {message.text}{' (interrupted)' if message.interrupted else ''}"


def _noted(item: Item) -> str:
    due = f", due {item.due_at.isoformat(timespec='minutes')}" if item.due_at else ""
    return f"Noted by the assistant: {item.kind} “{item.text}”{due} ({item.state})"


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "key_points": {"type": "array", "items": {"type": "string"}},
        "action_items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "due_at": {"type": ["string", "null"]},
                    "kind": {
                        "type": ["string", "null"],
                        "enum": ["note", "reminder", "todo", "appointment", None],
                    },
                },
                "required": ["text", "due_at", "kind"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "key_points", "action_items"],
    "additionalProperties": False,
}
