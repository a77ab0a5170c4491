"""Stretches of calls with somebody's words in them, for the judge of voices to be taught and tested with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from barge_in import AGENT_LEVEL, Voices, add, agent_speaks, echo_of, encode
from recordings import read_telephone
from sounds import FRAME, RATE, Sound, at_level, coloured, hum, level, street

from app.conversation.voice_detector import VoiceDetector
from app.conversation.voice_thresholds import Thresholds

OLDEST = 0.85
"""Seconds: to the judge, voices that are older are all the same."""
AGENT_FROM = 0.2
"""Seconds until the agent is heard."""


@dataclass
class Line:
    """What both sides of a call carry, 8 kHz μ-law, from its beginning."""

    sent: bytes
    heard: bytes
    begins: float
    """Seconds until somebody says something."""

    def detector(self, numbers: Thresholds) -> VoiceDetector:
        """One that knows what is sent."""
        detector = VoiceDetector(numbers)
        agent_speaks(detector, self.sent, AGENT_FROM)
        return detector

    def frames(self) -> list[tuple[float, bytes]]:
        """The frames that are heard, and when they have been."""
        ends = range(FRAME, len(self.heard) + 1, FRAME)
        return [(end / RATE, self.heard[end - FRAME : end]) for end in ends]


class Lines:
    """The agent speaks, its echo may come back, the line is noisy, and somebody says something."""

    def __init__(self, data: Path) -> None:
        """`data`: that of listening.py."""
        self._agents = Voices(
            {
                folder.name: [read_telephone(path) for path in sorted(folder.glob("*.wav"))[:40]]
                for folder in sorted((data / "asks").iterdir())
                if sum(path.stat().st_size for path in folder.glob("*.wav")) > 1e6
            }
        )
        self._noises = [read_telephone(path) for path in sorted((data / "noise").rglob("*.wav"))]

    def saying(
        self,
        words: Sound,
        speaker: str,
        rng: random.Random,
        noise: np.random.Generator,
        *,
        length: float,
        louder: tuple[float, float],
    ) -> Line:
        """`length` seconds, the words after 1 to 2 of them and so many decibels `louder` than all else."""
        begins = rng.uniform(1.0, 2.0)
        agent = self._agents.talk(rng, self._agents.speaker(rng, speaker), length)
        agent = at_level(agent, AGENT_LEVEL)
        line = at_level(coloured(noise, int(length * RATE), rng.choice([0, 0.5, 1])), rng.uniform(-72, -52))
        others = level(line)
        if rng.random() < 0.5:
            echo, _ = echo_of(agent, rng)
            add(line, echo, AGENT_FROM)
            others = max(others, level(echo))
        if rng.random() < 0.5:
            background = at_level(self._background(rng, noise, len(line)), rng.uniform(-50, -36))
            line, others = line + background, max(others, level(background))
        loud = max(others + rng.uniform(*louder), rng.uniform(-34, -16))
        add(line, at_level(words, loud), begins)
        return Line(encode(agent), encode(line), begins)

    def _background(self, rng: random.Random, noise: np.random.Generator, length: int) -> Sound:
        if self._noises and rng.random() < 0.5:
            return np.resize(np.roll(rng.choice(self._noises), rng.randrange(RATE)), length)
        which = rng.choice([street, street, hum, lambda noise: coloured(noise, length, 2)])
        return np.resize(which(noise), length)
