"""A few of the scenarios, played against a whole server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from app.services.text_to_speech import TextToSpeech
from app.simulator.evaluation.audible import Ear
from app.simulator.evaluation.runner import Target, play
from app.simulator.evaluation.scenario import find
from app.simulator.evaluation.staging import Stage
from tests.calls.servers import RunningServer

AT_ONCE = 2
OF_A_BUSY_MACHINE = ("The agent was stopped", "The agent talked into")
"""Words that are recognised seconds late come while they are being answered."""
PATIENT = 2.5
"""Seconds: a busy machine leaves gaps between the clauses of an answer."""


async def test_scenarios_go_well(server: RunningServer, voice: TextToSpeech, tmp_path: Path) -> None:
    """What is said and stored, and how calls end; how fast, only an idle machine could tell."""
    stage = Stage(voice, turn_silence=PATIENT)
    target = Target(server.url, "operator", server.auth_token, recordings=tmp_path)
    free = asyncio.Semaphore(AT_ONCE)

    async def failures(name: str) -> tuple[str, ...]:
        (scenario,) = find([name])
        patient = msgspec.structs.replace(scenario.expect, clear=10_000, silence=30, interrupted=None)
        staged = await stage.prepare(msgspec.structs.replace(scenario, expect=patient))
        async with free:
            verdict = await play(staged, target, Ear())
        return tuple(told for told in verdict.failures if not told.startswith(OF_A_BUSY_MACHINE))

    names = ("goodbye", "correction", "over-the-greeting", "hang-up-during-the-greeting", "transfer", "keys")
    found = await asyncio.gather(*map(failures, names))
    assert {name: told for name, told in zip(names, found, strict=True) if told} == {}
