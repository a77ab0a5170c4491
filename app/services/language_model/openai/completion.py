"""One streamed completion, put together from its chunks. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionAssistantMessageParam, ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from app.services.openai_client import BrokenAnswerError

UNSPOKEN = str.maketrans("", "", "*`")
"""Markdown that models fall back into; a voice would read it out."""


@dataclass(slots=True)
class ToolCall:
    """A tool the model calls. `arguments` is JSON as the model wrote it, which may be anything."""

    id: str
    name: str
    arguments: str


class Completion:
    """Feed it the chunks; it returns the words, and holds the tool calls until they are complete."""

    def __init__(self) -> None:
        self.text = ""
        self.calls: list[ToolCall] = []
        self.finish_reason: str | None = None
        self.usage: CompletionUsage | None = None
        self._by_index: dict[int, ToolCall] = {}

    def feed(self, chunk: ChatCompletionChunk) -> str:
        """The words in this chunk, "" if there are none. A refusal is spoken like any answer.

        Raises:
            BrokenAnswerError: it is no chunk of a completion (the client library lets anything through).
        """
        try:
            text = ""
            self.usage = chunk.usage or self.usage
            # The chunk that tells the usage has no choice.
            for choice in chunk.choices[:1]:
                self.finish_reason = choice.finish_reason or self.finish_reason
                text = ((choice.delta.content or "") + (choice.delta.refusal or "")).translate(UNSPOKEN)
                for delta in choice.delta.tool_calls or ():
                    self._feed_call(delta)
            self.text += text
        except (AttributeError, TypeError) as error:
            raise BrokenAnswerError("the server sent what is no chunk of a completion") from error
        return text

    def end(self) -> None:
        """The stream is over.

        Raises:
            BrokenAnswerError: too early, or for a reason that makes it worthless.
        """
        if self.finish_reason is None:
            raise BrokenAnswerError("the answer broke off")
        if self.finish_reason == "content_filter":
            raise BrokenAnswerError("the provider's content filter stopped the answer")
        if self.finish_reason == "length" and (self.calls or not self.text):
            raise BrokenAnswerError("the answer was longer than it may be")

    def message(self) -> ChatCompletionAssistantMessageParam:
        """The completion as the history of the next request has it."""
        return {
            "role": "assistant",
            "content": self.text or None,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in self.calls
            ],
        }

    def _feed_call(self, delta: ChoiceDeltaToolCall) -> None:
        """Only the first delta of a call has an id by the book. Some servers repeat it, or the name; some
        number every call 0 and tell them apart by the id."""
        index = delta.index or 0
        call = self._by_index.get(index)
        if call is None or (delta.id and delta.id != call.id):
            call = ToolCall(delta.id or f"call_{len(self.calls)}", "", "")
            self.calls.append(call)
            self._by_index[index] = call
        if function := delta.function:
            if function.name and function.name != call.name:
                call.name += function.name
            call.arguments += function.arguments or ""
