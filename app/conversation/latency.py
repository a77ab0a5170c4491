"""How long each stage of a turn took, from the end of the caller's voice."""

from __future__ import annotations

from typing import Literal

from app import metrics

Stage = Literal[
    "decision", "final", "first_token", "first_audio", "voice_to_voice", "first_frame", "first_mark"
]
"""The turn was decided to be over; the recogniser's words were final; the model's first words; the voice's
first audio; anything was sent that the caller hears; the answer's first frame was sent; the first of it was
heard.

An answer is made in advance, so `first_token` and `first_audio` may come before `decision`. `voice_to_voice`
is what the caller waits, as the server can know it: the network and Twilio come on top.
"""


class TurnLatency:
    """The moments of one answer, in milliseconds of the line's clock."""

    def __init__(self) -> None:
        self._at_ms: dict[Stage, int] = {}

    def reach(self, stage: Stage, now_ms: int) -> None:
        """Each stage counts once, but for the decision, which may be taken back and made again."""
        if stage == "decision" or stage not in self._at_ms:
            self._at_ms[stage] = now_ms

    def since(self, voice_ended_ms: int) -> dict[str, int]:
        """Milliseconds from the end of the caller's voice to each stage, what the caller waits first."""
        order = sorted(self._at_ms.items(), key=lambda entry: entry[0] != "voice_to_voice")
        return {stage: max(0, at_ms - voice_ended_ms) for stage, at_ms in order}


def observe(took_ms: dict[str, int]) -> None:
    """Into the histograms of `/metrics`."""
    for stage, took in took_ms.items():
        metrics.STAGE_SECONDS.labels(stage=stage).observe(took / 1000)
