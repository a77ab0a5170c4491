"""Several providers of one thing as one: the first that has something to give gives it.

They begin one after another, each when those before it have failed or been silent for a while, so that a
provider that hangs costs a caller no more than `patience`, whatever stands behind it. What one gives while
another is heard is held back, and thrown away where it is not needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from app import metrics
from app.services.circuit_breaker import CircuitBreaker

log = logging.getLogger(__name__)

T = TypeVar("T")


class Again(Enum):
    """In place of an item: who gave the last ones has failed, the next ones begin anew."""

    AGAIN = "again"


class SilentError(Exception):
    """A provider gave nothing for a while; the message says for how long."""


class AllFailedError(Exception):
    """None of them could; the message has all their reasons."""


@dataclass(frozen=True)
class Provider(Generic[T]):
    name: str
    breaker: CircuitBreaker
    begin: Callable[[], AsyncGenerator[T | None, None]]
    """Items as they come; None is a sign of life that is nothing to pass on."""
    ready: bool = True


class Relay(Generic[T]):
    """For one thing to be given, once. Seconds are the event loop's."""

    def __init__(
        self,
        service: str,
        providers: Sequence[Provider[T]],
        failed: Callable[[str, Exception, bool], str],
        *,
        patience: float,
        last_patience: float,
        at_hand: bool,
    ) -> None:
        """`failed` gets a provider's name, what went wrong and whether anything had been passed on; it counts
        that and puts it into words. `patience` is for silence while there is another provider,
        `last_patience` when there is none. `at_hand`: the last one needs no network, so it may begin when
        patience is at its end; the others begin evenly spaced before that."""
        self._service = service
        self._failed = failed
        self._patience = patience
        self._last_patience = last_patience
        self._clock = asyncio.get_running_loop().time
        now = self._clock()
        self._well: deque[Provider[T]] = deque()
        self._rest: deque[Provider[T]] = deque()
        """Under suspicion: better than nothing."""
        for provider in providers:
            is_well = provider.ready and not provider.breaker.is_open(now)
            (self._well if is_well else self._rest).append(provider)
        self._at_hand = providers[-1] if at_hand else None
        self._spacing = patience / max(1, sum(each is not self._at_hand for each in self._well))
        self._runs: list[_Run[T]] = []
        self._lead: _Run[T] | None = None
        """Whose items are passed on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._entered = self._quiet_from = now
        self._reasons: list[str] = []
        self._told = 0
        """How many of them an operator has been told."""

    async def run(self) -> AsyncGenerator[T | Again, None]:
        """The items of whoever gives them. Closing it stops all.

        Raises:
            AllFailedError: nobody could, or nobody could give the rest.
        """
        try:
            while True:
                self._news.clear()
                self._choose(self._clock())
                if (lead := self._lead) is not None:
                    while lead.held:
                        lead.passed = True
                        yield lead.held.popleft()
                    if lead.is_done:
                        return
                now = self._clock()
                if self._give_up(now):
                    yield Again.AGAIN
                elif not self._runs or (due := self._due()) <= now:
                    self._hurry(now)
                elif self._lead or not any(run.held for run in self._runs):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout_at(due):
                            await self._news.wait()
        finally:
            if self._lead and (self._lead.passed or self._lead.is_done):
                self._lead.provider.breaker.worked(self._lead.began)
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _choose(self, now: float) -> None:
        """Who has something to give leads; a leader that goes on needs nobody in reserve."""
        if self._lead is None:
            self._lead = next((run for run in self._runs if run.held or run.is_done), None)
            if self._lead is None:
                return
            for run in list(self._runs):
                if run.began < self._lead.began and now - run.alive >= self._spacing:
                    self._fail(run, self._silence(run, now), now)
            self._tell(self._lead.provider.name)
        for run in list(self._runs):
            if run is not self._lead and run.began < self._lead.alive:
                self._stop(run)
                self._well.appendleft(run.provider)

    def _give_up(self, now: float) -> bool:
        """Leave those that have failed. Returns whether what was passed on has to begin anew."""
        again = False
        for run in list(self._runs):
            error = run.error
            if run is self._lead:
                if error is None and now >= run.alive + self._lead_patience:
                    error = self._silence(run, now)
                again = run.passed and error is not None
                self._quiet_from = run.alive if isinstance(error, SilentError) else now
            if error is not None:
                self._fail(run, error, now)
        return again and bool(self._runs or self._well or self._rest)

    def _due(self) -> float:
        """When the next provider begins, or the leader is left, or all is lost."""
        if self._lead:
            quiet_from = self._lead.alive
        else:
            quiet_from = max([self._quiet_from, *(run.alive for run in self._runs if run.shown)])
        last = quiet_from + self._patience
        waiting = [*self._well, *self._rest]
        if waiting and waiting[0] is not self._at_hand:
            due = max(quiet_from, self._entered) + self._spacing
            return min(due, last) if self._lead else due
        if waiting:
            return last
        if self._lead:
            return quiet_from + self._lead_patience
        return max(quiet_from + self._last_patience, self._entered + self._patience)

    @property
    def _lead_patience(self) -> float:
        others = len(self._runs) > 1 or self._well or self._rest
        return self._patience if others else self._last_patience

    def _hurry(self, now: float) -> None:
        """The next one begins; if there is none, that was all."""
        while self._well or self._rest:
            is_well = bool(self._well)
            provider = (self._well or self._rest).popleft()
            # Others may have had the one attempt meanwhile.
            if is_well and not provider.breaker.allows(now):
                self._rest.append(provider)
                continue
            self._entered = now
            run = _Run(provider, self._news, now)
            self._runs.append(run)
            self._tasks.add(run.task)
            return
        for run in list(self._runs):
            self._fail(run, self._silence(run, now), now)
        raise AllFailedError(" ".join(self._reasons))

    def _silence(self, run: _Run[T], now: float) -> SilentError:
        return SilentError(f"{run.provider.name} sent nothing for {now - run.alive:.1f} s.")

    def _fail(self, run: _Run[T], error: Exception, now: float) -> None:
        self._stop(run)
        run.provider.breaker.failed(run.began, now)
        self._reasons.append(self._failed(run.provider.name, error, run.passed))
        if run is self._lead:
            self._lead = None

    def _stop(self, run: _Run[T]) -> None:
        self._runs.remove(run)
        run.task.cancel()

    def _tell(self, name: str) -> None:
        """One line and one count a switch."""
        if reasons := self._reasons[self._told :]:
            self._told = len(self._reasons)
            metrics.PROVIDER_SWITCHES.labels(service=self._service, to=name).inc()
            log.warning("%s %s takes over", " ".join(reasons), name)


class _Run(Generic[T]):
    """One provider at work."""

    def __init__(self, provider: Provider[T], news: asyncio.Event, now: float) -> None:
        self.provider = provider
        self.began = self.alive = now
        self.held: deque[T] = deque()
        """Given and not passed on."""
        self.shown = False
        """It has given a sign of life."""
        self.passed = False
        """Some of it was passed on."""
        self.over = False
        self.error: Exception | None = None
        self._news = news
        self.task = asyncio.create_task(self._go())

    @property
    def is_done(self) -> bool:
        return self.over and self.error is None

    async def _go(self) -> None:
        try:
            async with aclosing(self.provider.begin()) as items:
                async for item in items:
                    self.alive, self.shown = asyncio.get_running_loop().time(), True
                    if item is not None:
                        self.held.append(item)
                    self._news.set()
        # Whatever it is: another one goes on.
        except Exception as error:
            self.error = error
        self.over = True
        self._news.set()
