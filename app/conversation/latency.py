"""How long each stage of a turn took, from the end of the caller's voice."""

from __future__ import annotations

from typing import Literal

from app import metrics

Stage = Literal["final", "first_token", "first_audio", "first_mark"]
"""The words are final; the model's first words; the first audio is sent; the first of it was heard.

`first_audio` is voice-to-voice as the server can know it: the network and Twilio come on top.
"""


class TurnLatency:
    """One turn's stopwatch, in milliseconds of the line's clock. Each stage counts once."""

    def __init__(self, voice_ended_ms: int) -> None:
        self._zero = voice_ended_ms
        self.stages: dict[str, int] = {}

    def reach(self, stage: Stage, now_ms: int) -> None:
        if stage not in self.stages:
            self.stages[stage] = took = max(0, now_ms - self._zero)
            metrics.STAGE_SECONDS.labels(stage=stage).observe(took / 1000)
