"""Plays scenarios against a server, N at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.errors import OffhookError
from app.simulator.caller import SimulatedCall
from app.simulator.evaluation.audible import Ear
from app.simulator.evaluation.judge import Verdict, judge
from app.simulator.evaluation.phones import Phones
from app.simulator.evaluation.scenario import Scenario
from app.simulator.evaluation.staging import Staged
from app.simulator.follow import finished_call, order_call
from app.simulator.report import CallReport, unanswered

STORED_SECONDS = 30.0
"""How long the server may take to write down the end of a call, and its summary where things to do are
expected."""
ANY_NUMBER = "+15005550001"
"""The number called where it does not matter."""
APART_SECONDS = 0.7
"""Calls at the same time begin so far apart: nobody's callers all dial in the same moment."""


@dataclass(frozen=True, slots=True)
class Target:
    """The server that is called."""

    base_url: str
    operator_token: str
    auth_token: str = ""
    account_sid: str = ""
    number: str = ANY_NUMBER
    recordings: Path = Path(".offhook/recordings")
    exchange: Phones | None = None
    """Where the server's calls out arrive, if they do."""


async def place(staged: Staged, target: Target, ear: Ear) -> Verdict:
    """A call by the server, to a phone of ours."""
    scenario = staged.scenario
    if target.exchange is None:
        raise OffhookError("a server that runs elsewhere does not call our phones: leave --url out")
    number = target.exchange.expect(staged, target.recordings)
    call_sid = await order_call(target.base_url, target.operator_token, number)
    placed = await target.exchange.finished(call_sid)
    report = placed.report or unanswered(call_sid)
    report = msgspec.structs.replace(report, violations=(*report.violations, *placed.violations))
    return await _judged(scenario, report, target, ear)


async def play(staged: Staged, target: Target, ear: Ear) -> Verdict:
    """One call, and what is to be said of it. A server that fails is a verdict, no exception."""
    scenario = staged.scenario
    if scenario.answered_by is not None:
        try:
            return await place(staged, target, ear)
        except OffhookError as error:
            return Verdict(scenario.name, scenario.about, "", (f"The call was not placed: {error}",))
    call = SimulatedCall(
        target.base_url,
        staged.steps,
        auth_token=target.auth_token,
        account_sid=target.account_sid,
        from_number=scenario.from_number,
        to_number=scenario.to or target.number,
        dial_status=scenario.dial,
        record_to=target.recordings,
        max_seconds=scenario.seconds,
        line=staged.line,
    )
    if target.exchange is not None:
        target.exchange.connect(call)
    return await _judged(scenario, await call.run(), target, ear)


async def _judged(scenario: Scenario, report: CallReport, target: Target, ear: Ear) -> Verdict:
    try:
        stored = await finished_call(
            target.base_url,
            target.operator_token,
            report.call_sid,
            summary=bool(scenario.expect.items),
            seconds=STORED_SECONDS,
        )
    except OffhookError:
        return judge(scenario, report, None)
    return judge(scenario, report, stored, await ear.listen(report, stored))


async def play_all(
    scenarios: Sequence[Staged],
    target: Target,
    at_once: int,
    on_verdict: Callable[[Verdict], None],
) -> list[Verdict]:
    """Play each of them; at most `at_once` at a time. The verdicts come in the order of the scenarios."""
    verdicts: dict[int, Verdict] = {}
    waiting = list(enumerate(scenarios))[::-1]
    async with Ear() as ear:

        async def callers(number: int) -> None:
            await asyncio.sleep(number * APART_SECONDS)
            while waiting:
                index, staged = waiting.pop()
                verdicts[index] = await play(staged, target, ear)
                on_verdict(verdicts[index])

        async with asyncio.TaskGroup() as group:
            for number in range(min(at_once, len(scenarios))):
                group.create_task(callers(number))
    return [verdicts[index] for index in sorted(verdicts)]
