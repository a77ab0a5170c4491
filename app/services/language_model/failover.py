"""Several minds as one: where one fails, the next one answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from app import metrics
from app.services.circuit_breaker import CircuitBreaker
from app.services.language_model.clauses import Clauses
from app.services.language_model.interface import LanguageModel, ReplyError, ReplyEvent, SaveItem, Say, Talk
from app.services.language_model.retold import Retold

log = logging.getLogger(__name__)

BRIDGE = "Sorry, let me start again. "
"""After an answer that broke off, before the next mind gives its own."""
QUEUED = 64
"""Events a model may be ahead of what is spoken."""


class FailoverLanguageModel:
    """The first model that is well answers. One that fails is left alone for a while.

    Words are passed on a clause at a time, as they will be spoken: an answer that breaks off ends with a
    clause, and one that breaks off before its first clause was never begun.
    """

    def __init__(self, models: Sequence[LanguageModel], *, failover_seconds: float) -> None:
        """`models` in the order of preference. The last one is asked however often it has failed: let it be
        one that needs no network."""
        self.name = ",".join(model.name for model in models)
        self._models = [(model, CircuitBreaker()) for model in models]
        self._patience = failover_seconds

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

        A model fails by an error, or by sending nothing for `failover_seconds`.

        Raises:
            ReplyError: all have failed; what the last one said of it.
        """
        clock = asyncio.get_running_loop().time
        retold = Retold(talk.items)
        failure = ""
        for model, breaker in self._models:
            last = model is self._models[-1][0]
            began, begun = clock(), False
            if not breaker.allows(began) and not last:
                continue
            if failure:
                metrics.PROVIDER_SWITCHES.labels(service="language_model", to=model.name).inc()
                log.warning("%s %s answers instead", failure, model.name)
            try:
                async with aclosing(self._ask(model, talk)) as events:
                    async for event in events:
                        if isinstance(event, SaveItem):
                            yield SaveItem(retold.told(event.item))
                        else:
                            begun = True
                            yield event
            # Whatever it was: the call goes on.
            except Exception as error:
                breaker.failed(began, clock())
                if last:
                    raise
                if not isinstance(error, ReplyError):
                    log.exception("%s failed in a way that is a fault of ours", model.name)
                failure = str(error) or type(error).__name__
                retold.again()
                if begun:
                    yield Say(BRIDGE)
            else:
                breaker.worked(began)
                return

    async def _ask(self, model: LanguageModel, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        """One model's answer in whole clauses."""
        clauses = Clauses()
        async with _flowing(model.reply(talk)) as events:
            while True:
                try:
                    async with asyncio.timeout(self._patience):
                        event = await events.get()
                except TimeoutError:
                    metrics.PROVIDER_FAILURES.labels(provider=model.name, fault="slow").inc()
                    raise ReplyError(f"{model.name} sent nothing for {self._patience:g} s.") from None
                match event:
                    case None:
                        break
                    case Exception():
                        raise event
                    case Say():
                        for clause in clauses.feed(event.text):
                            yield Say(f"{clause} ")
                    case _:
                        yield event
        for clause in clauses.flush():
            yield Say(clause)


@asynccontextmanager
async def _flowing(
    events: AsyncGenerator[ReplyEvent, None],
) -> AsyncIterator[asyncio.Queue[ReplyEvent | Exception | None]]:
    """What a model sends, as it comes; None or the error ends it. On leaving the model is stopped."""
    queue: asyncio.Queue[ReplyEvent | Exception | None] = asyncio.Queue(QUEUED)

    async def flow() -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    await queue.put(event)
            await queue.put(None)
        except Exception as error:
            await queue.put(error)

    # A task of its own, and one only: a wait for the next event that is given up must not cancel the model.
    flowing = asyncio.create_task(flow())
    try:
        yield queue
    finally:
        flowing.cancel()
        await asyncio.wait([flowing])
