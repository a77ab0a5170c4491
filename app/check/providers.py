"""Every provider of a service is asked for the least it can do, all at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from app.check.finding import LOADING_SECONDS, SECONDS, Finding, Level, bounded, failed


class Provider(Protocol):
    """What recognisers, voices and language models have in common."""

    name: str

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


P = TypeVar("P", bound=Provider)


async def ask_each(
    setting: str, providers: Sequence[P], ask: Callable[[P], Awaitable[Finding]], if_none: str
) -> list[Finding]:
    """A finding for each, in their order. One that fails is no obstacle while another one answers; if none
    does, that is said as well: `setting` named them, `if_none` is what a caller would notice.
    """
    findings = await asyncio.gather(
        *(
            bounded(provider.name, ask(provider), LOADING_SECONDS if provider.name == "local" else SECONDS)
            for provider in providers
        )
    )
    if any(finding.level is Level.OK for finding in findings):
        return findings
    has_local = any(provider.name == "local" for provider in providers)
    advice = "Mend one of the above" + ("." if has_local else f", or add local to {setting}.")
    return [*findings, failed(setting, if_none, advice)]


@asynccontextmanager
async def started(provider: P) -> AsyncIterator[P]:
    """A provider for as long as it is asked."""
    try:
        await provider.start()
        yield provider
    finally:
        await provider.aclose()
