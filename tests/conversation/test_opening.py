from __future__ import annotations

import asyncio

import pytest

from app.conversation.opening import AnsweredBy, Opening
from app.services.language_model import HangUp, ReplyEvent, Say

GREETING, MESSAGE = Say("Hello."), Say("I will call again.")
MACHINES: list[AnsweredBy] = ["machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other"]


def opening(verdict: asyncio.Future[AnsweredBy] | None, patience: float = 60) -> Opening:
    return Opening(GREETING.text, message=MESSAGE.text, verdict=verdict, patience=patience)


def pending() -> asyncio.Future[AnsweredBy]:
    return asyncio.get_running_loop().create_future()


async def said(opening: Opening) -> list[ReplyEvent]:
    return [event async for event in opening.begin()]


async def test_whoever_calls_is_greeted_at_once() -> None:
    call = opening(None)
    assert not call.held
    assert await said(call) == [GREETING]
    assert await call.mistaken() is None


async def test_the_greeting_is_held_until_the_verdict() -> None:
    verdict = pending()
    call = opening(verdict)
    first = asyncio.ensure_future(anext(call.begin()))
    await asyncio.wait([first], timeout=0.02)
    assert call.held
    assert not first.done()
    verdict.set_result("human")
    assert await first == GREETING
    assert not call.held


@pytest.mark.parametrize("answered_by", ["human", "unknown"])
async def test_a_person_is_greeted(answered_by: AnsweredBy) -> None:
    verdict = pending()
    verdict.set_result(answered_by)
    call = opening(verdict)
    assert await said(call) == [GREETING]
    assert await call.mistaken() is None


@pytest.mark.parametrize("answered_by", MACHINES)
async def test_a_machine_gets_the_message_once_and_is_hung_up(answered_by: AnsweredBy) -> None:
    verdict = pending()
    verdict.set_result(answered_by)
    call = opening(verdict)
    assert await said(call) == [MESSAGE, HangUp()]
    assert await call.mistaken() is None


async def test_a_machine_takes_no_turns() -> None:
    verdict = pending()
    verdict.set_result("machine_end_beep")
    call = opening(verdict)
    await said(call)
    assert call.held


async def test_a_fax_is_told_nothing() -> None:
    verdict = pending()
    verdict.set_result("fax")
    assert await said(opening(verdict)) == [HangUp()]


async def test_a_verdict_that_takes_too_long_is_not_waited_for() -> None:
    call = opening(pending(), patience=0.01)
    assert await said(call) == [GREETING]
    assert not call.held


async def test_a_late_verdict_on_a_machine_is_told() -> None:
    verdict = pending()
    call = opening(verdict, patience=0.01)
    mistaken = asyncio.ensure_future(call.mistaken())
    assert await said(call) == [GREETING]
    verdict.set_result("machine_end_beep")
    assert await mistaken == "machine_end_beep"
    assert call.held
    assert [event async for event in call.leave_message("machine_end_beep")] == [MESSAGE, HangUp()]


async def test_a_late_verdict_on_a_person_changes_nothing() -> None:
    verdict = pending()
    call = opening(verdict, patience=0.01)
    assert await said(call) == [GREETING]
    verdict.set_result("human")
    assert await call.mistaken() is None


async def test_a_watch_that_is_given_up_leaves_the_verdict_to_come() -> None:
    verdict = pending()
    call = opening(verdict, patience=0.01)
    assert await said(call) == [GREETING]
    watch = asyncio.ensure_future(call.mistaken())
    await asyncio.sleep(0)
    watch.cancel()
    await asyncio.wait([watch])
    assert not verdict.cancelled()
