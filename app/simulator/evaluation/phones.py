"""The phones that a server calls in an evaluation: a number for each call, and what happens there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.simulator.evaluation.staging import Staged
from app.simulator.exchange import Callee, Exchange, serving

FIRST_NUMBER = 15005551000


class Phones(Exchange):
    """An exchange at which every call that is expected has a number of its own."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        self._callees: dict[str, Callee] = {}
        super().__init__(account_sid, auth_token, self.callee)

    def callee(self, number: str) -> Callee:
        """Who is called at a number."""
        return self._callees.get(number, Callee(outcome="failed"))

    def expect(self, staged: Staged, recordings: Path) -> str:
        """The number at which this scenario answers."""
        number = f"+{FIRST_NUMBER + len(self._callees)}"
        scenario = staged.scenario
        options = {
            "record_to": recordings,
            "max_seconds": scenario.seconds,
            "line": staged.line,
            "dial_status": scenario.dial,
        }
        match scenario.answered_by:
            case "busy" | "no-answer" | "failed" as outcome:
                self._callees[number] = Callee(outcome=outcome)
            case verdict:
                self._callees[number] = Callee(
                    staged.steps,
                    answered_by=verdict or "unknown",
                    verdict_after=scenario.verdict_after,
                    options=options,
                )
        return number


@asynccontextmanager
async def phones(account_sid: str, auth_token: str) -> AsyncIterator[Phones]:
    """Phones on loopback, for as long as the context lasts. Their `url` is for TWILIO_API_URL."""
    exchange = Phones(account_sid, auth_token)
    async with serving(exchange.app()) as exchange.url:
        try:
            yield exchange
        finally:
            await exchange.aclose()
