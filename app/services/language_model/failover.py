"""Several minds as one: where one fails, or takes too long, the next one answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from app import metrics
from app.services.circuit_breaker import CircuitBreaker
from app.services.language_model.clauses import Clauses
from app.services.language_model.interface import LanguageModel, ReplyError, ReplyEvent, SaveItem, Say, Talk
from app.services.language_model.retold import Retold
from app.services.relay import Again, AllFailedError, Provider, Relay, SilentError

log = logging.getLogger(__name__)

BRIDGE = "Sorry, let me start again. "
"""After an answer that broke off, before the next mind gives its own."""


class FailoverLanguageModel:
    """The first model that is well and has something to say answers. One that fails is left alone for
    a while.

    Words are passed on a clause at a time, as they will be spoken: an answer that breaks off ends with a
    clause, and one that breaks off before its first clause was never begun.
    """

    def __init__(
        self, models: Sequence[LanguageModel], *, failover_seconds: float, local_last: bool = False
    ) -> None:
        """`models` in the order of preference. `local_last`: the last one answers at once; it is asked when
        the others have said nothing for `failover_seconds`, which they share."""
        self.name = ",".join(model.name for model in models)
        self._models = [(model, CircuitBreaker()) for model in models]
        self._patience = failover_seconds
        self._local_last = local_last

    async def start(self) -> None:
        """Start all."""
        for model, _ in self._models:
            await model.start()

    async def aclose(self) -> None:
        """Close all."""
        for model, _ in self._models:
            await model.aclose()

    def warm(self) -> None:
        """Make all ready: which of them will answer is not known."""
        for model, _ in self._models:
            model.warm()

    async def reply(self, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        """What to say and do next, from the first model that gives a whole answer.

        Raises:
            ReplyError: all have failed; what they said of it.
        """
        retold = Retold(talk.items)
        begun = False
        relay = Relay[ReplyEvent](
            "language_model",
            [
                Provider(model.name, breaker, partial(_clauses, model, talk))
                for model, breaker in self._models
            ],
            _failed,
            patience=self._patience,
            last_patience=self._patience,
            at_hand=self._local_last,
        )
        try:
            async with aclosing(relay.run()) as events:
                async for event in events:
                    match event:
                        case Again():
                            retold.again()
                            if begun:
                                yield Say(BRIDGE)
                            begun = False
                        case SaveItem():
                            yield SaveItem(retold.told(event.item))
                        case _:
                            begun = True
                            yield event
        except AllFailedError as error:
            raise ReplyError(str(error)) from error


async def _clauses(model: LanguageModel, talk: Talk) -> AsyncGenerator[ReplyEvent | None, None]:
    """One model's answer in whole clauses; None where it goes on without one being complete."""
    clauses = Clauses()
    async with aclosing(model.reply(talk)) as events:
        async for event in events:
            if not isinstance(event, Say):
                yield event
                continue
            yield None
            for clause in clauses.feed(event.text):
                yield Say(f"{clause} ")
    for clause in clauses.flush():
        yield Say(clause)


def _failed(name: str, error: Exception, begun: bool) -> str:
    if isinstance(error, SilentError):
        metrics.PROVIDER_FAILURES.labels(provider=name, fault="slow").inc()
    elif not isinstance(error, ReplyError):
        log.error("%s failed in a way that is a fault of ours", name, exc_info=error)
    return str(error) or type(error).__name__
