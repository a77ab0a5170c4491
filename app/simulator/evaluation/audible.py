"""What a caller could hear of a sentence that was cut, by an ear of its own: the local recogniser, on the
agent's side of the recording."""

from __future__ import annotations

import audioop
import wave
from pathlib import Path

import msgspec

from app.services.worker_process import WorkerError, WorkerProcess
from app.simulator.evaluation.words import ends_apart
from app.simulator.follow import Line, StoredCall
from app.simulator.report import CallReport

LONGEST_MS = 12_000
"""Of a longer line its last part is listened to: the recogniser goes round in circles beyond 15 s."""
SHORTEST_MS = 900
"""Less than two words, and the recogniser makes up what it cannot know."""
LEAD_MS = 100
CUT_NEAR_MS = 1500
"""How far the server's time of an interrupted line's end may be from the `clear` that it belongs to."""


class HeardLine(msgspec.Struct, frozen=True):
    """A line that was interrupted: as it is stored, and as it could be heard."""

    stored: str
    audible: str
    apart: int
    """Words stored too many; negative: too few."""


class Ear:
    """A recogniser process. Where none is installed, nothing is measured."""

    def __init__(self) -> None:
        self._worker = WorkerProcess("ear", "app.services.speech_to_text.moonshine_worker", patience=30.0)
        self.ready = False

    async def __aenter__(self) -> Ear:
        try:
            await self._worker.start()
            self.ready = True
        except WorkerError:
            self.ready = False
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.ready:
            await self._worker.aclose()

    async def listen(self, report: CallReport, call: StoredCall) -> tuple[HeardLine, ...]:
        """Every interrupted line of a call, with what was audible of it."""
        if not self.ready or not report.recording:
            return ()
        agent = agent_track(Path(report.recording))
        lines = []
        for line in call.lines("assistant"):
            if not line.interrupted:
                continue
            end = cut_at(line, report)
            start = max(0, report.stream_ms + line.started_ms - LEAD_MS, end - LONGEST_MS)
            if end - start < SHORTEST_MS:
                continue
            try:
                audible = await self._worker.ask(agent[start * 8 : end * 8], str)
            except WorkerError:
                continue
            lines.append(HeardLine(line.text, audible, ends_apart(line.text, audible)))
        return tuple(lines)


def cut_at(line: Line, report: CallReport) -> int:
    """When an interrupted line was cut on the phone: by a clear, or by the end of the call."""
    ended = report.stream_ms + line.ended_ms
    ends = [cut.at_ms for cut in report.cuts] + [report.duration_ms]
    nearest = min(ends, key=lambda at: abs(at - ended))
    return nearest if abs(nearest - ended) <= CUT_NEAR_MS else ended


def agent_track(recording: Path) -> bytes:
    """The right channel of a call's recording: μ-law, 8 bytes a millisecond."""
    with wave.open(str(recording)) as file:
        stereo = file.readframes(file.getnframes())
    return audioop.lin2ulaw(audioop.tomono(stereo, 2, 0, 1), 2)
