"""A reply from an OpenAI-compatible server: words as they come, deeds as they are decided."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

from app import metrics
from app.services.language_model.interface import ReplyError, ReplyEvent, SaveItem, Say, Talk
from app.services.language_model.openai.completion import Completion, ToolCall
from app.services.language_model.openai.prompt import messages_for
from app.services.language_model.openai.tools import BadCallError, Deed, deed_of, tools_for
from app.services.openai_client import BrokenAnswerError, fault_of, openai_client
from app.settings import Settings

log = logging.getLogger(__name__)

ROUNDS = 3
"""Requests a reply may take: one that calls tools, one that corrects a call, one that only talks."""
REPLY_TOKENS = 500
"""Of one request: three minutes of speech, longer than any caller listens."""
SECONDS = 20.0
"""Without a byte; for use without a failover, which is far less patient."""

WARM_SECONDS = 30.0
"""How long a connection that was opened ahead is taken to be good: calls that begin together need one."""
WARMING_SECONDS = 5.0


class OpenAILanguageModel:
    """One model of one server, by the Chat Completions API, which every compatible server has."""

    def __init__(self, settings: Settings, model: str) -> None:
        self.name = model
        self._settings = settings
        self._can_transfer = bool(settings.transfer_number)
        self._tools = tools_for(can_transfer=self._can_transfer)
        self._client: AsyncOpenAI | None = None
        self._warming: asyncio.Task[None] | None = None
        self._warmed_at = float("-inf")
        # What not every model or server takes; what one refuses is not sent again.
        self._options: dict[str, Any] = {
            # From gpt-5.4 on tools work here only without reasoning, and it would cost seconds anyway.
            "reasoning_effort": "none",
            "max_completion_tokens": REPLY_TOKENS,
            "stream_options": {"include_usage": True},
        }

    async def start(self) -> None:
        """Nothing is sent yet: a provider that is down must not keep the server from starting."""
        self._client = openai_client(self._settings, seconds=SECONDS)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._warming:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        if self._client:
            await self._client.close()

    def warm(self) -> None:
        """Begin to open a connection, which costs a TLS handshake. It is kept for the reply."""
        now = time.monotonic()
        if self._client and now - self._warmed_at >= WARM_SECONDS:
            self._warmed_at = now
            self._warming = asyncio.create_task(
                self._connect(self._client), name=f"connection for {self.name}"
            )

    async def _connect(self, client: AsyncOpenAI) -> None:
        try:
            async with asyncio.timeout(WARMING_SECONDS):
                await client.models.retrieve(self.name)
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            # A server may not know this request, and is connected all the same. The rest the reply will meet.
            log.debug("%s was asked for ahead: %s", self.name, error)

    async def reply(self, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        """What to say and do next. Items come once the model has called for them, before it confirms them;
        how the call ends comes last.

        Raises:
            ReplyError: the provider failed, before or after some words; in an operator's words.
        """
        try:
            async with aclosing(self._rounds(talk)) as events:
                async for event in events:
                    yield event
        # ValueError: what should have been JSON.
        except (openai.OpenAIError, BrokenAnswerError, ValueError) as error:
            fault = fault_of(error, self.name)
            metrics.PROVIDER_FAILURES.labels(provider=self.name, fault=fault.kind).inc()
            raise ReplyError(fault.words) from error

    async def _rounds(self, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        messages = messages_for(talk, self._settings.agent_instructions, can_transfer=self._can_transfer)
        items = {item.id: item for item in talk.items}
        spoken = False
        ending: Deed | None = None
        for left in reversed(range(ROUNDS)):
            completion = Completion()
            async with await self._create(messages, "auto" if left else "none") as stream:
                async for chunk in stream:
                    if text := completion.feed(chunk):
                        # What the rounds say must not run together.
                        yield Say(f" {text}" if spoken and text == completion.text else text)
            completion.end()
            log.debug("%s: %s", self.name, completion.usage)
            spoken = spoken or bool(completion.text.strip())
            if completion.calls and not left:
                # Not their arguments, which repeat what was said.
                names = ", ".join(call.name for call in completion.calls)
                log.warning("%s calls tools to the last; ignored: %.200s", self.name, names)
            if not completion.calls or not left:
                break
            messages.append(completion.message())
            deeds = []
            for call in completion.calls:
                deed, result = self._do(call, items, talk)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
                deeds.append(deed)
                if isinstance(deed, SaveItem):
                    items[deed.item.id] = deed.item
                    yield deed
                elif deed:
                    ending = deed
            # The goodbye is said, and nothing is left to be put right.
            if ending and completion.text.strip() and None not in deeds:
                break
        if not spoken:
            raise BrokenAnswerError("the answer has no words")
        if ending:
            yield ending

    def _do(self, call: ToolCall, items: dict[str, Any], talk: Talk) -> tuple[Deed | None, str]:
        """What a call of a tool does, and what the model is told of it."""
        try:
            deed = deed_of(call, items, talk.now, can_transfer=self._can_transfer)
        except BadCallError as error:
            # Neither its arguments nor their faults in detail: they repeat what was said.
            log.warning("%s called %.40s in a way that cannot be done", self.name, call.name)
            return None, json.dumps({"error": f"Not done: {error}."})
        if isinstance(deed, SaveItem):
            return deed, json.dumps({"saved": deed.item.id})
        return deed, json.dumps({"done": "As soon as your words have been heard. Say them now."})

    async def _create(
        self, messages: list[ChatCompletionMessageParam], tool_choice: Literal["auto", "none"]
    ) -> AsyncStream[ChatCompletionChunk]:
        assert self._client is not None, "start() comes first"
        while True:
            options = dict(self._options)
            try:
                # Not `chat.completions.create`, which follows every message along its type before it sends:
                # 0.1 to 0.2 ms a message, in which all calls stand still.
                stream: AsyncStream[ChatCompletionChunk] = await self._client.post(
                    "/chat/completions",
                    cast_to=ChatCompletion,
                    body={
                        "model": self.name,
                        "messages": messages,
                        "tools": self._tools,
                        "tool_choice": tool_choice,
                        "stream": True,
                        **options,
                    },
                    stream=True,
                    stream_cls=AsyncStream[ChatCompletionChunk],
                )
                return stream
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                refused = [name for name in options if name in f"{error.param} {error.message}"]
                if not refused:
                    raise
                log.info("%s does without %s: %s", self.name, ", ".join(refused), error.message)
                for name in refused:
                    self._options.pop(name, None)
