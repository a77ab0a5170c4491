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

AT_ONCE = 3
PATIENT = 2.5
"""Seconds: a busy machine leaves gaps between the clauses of an answer."""


async def test_scenarios_go_well(server: RunningServer, voice: TextToSpeech, tmp_path: Path) -> None:
    """What is said and stored, and how calls end; how fast, only an idle machine could tell."""
    stage = Stage(voice, turn_silence=PATIENT)
    target = Target(server.url, "operator", server.auth_token, recordings=tmp_path)
    free = asyncio.Semaphore(AT_ONCE)

    async def failures(name: str) -> tuple[str, ...]:
        (scenario,) = find([name])
        patient = msgspec.structs.replace(scenario.expect, clear=10_000, silence=30)
        staged = await stage.prepare(msgspec.structs.replace(scenario, expect=patient))
        async with free:
            return (await play(staged, target, Ear())).failures

    names = ("goodbye", "correction", "dictation-with-breaths", "hang-up-in-mid-word", "transfer", "loud")
    found = await asyncio.gather(*map(failures, names))
    assert {name: told for name, told in zip(names, found, strict=True) if told} == {}
