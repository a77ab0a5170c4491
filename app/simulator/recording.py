"""A call as a two-channel recording: the caller on the left, the agent on the right, on one clock."""

from __future__ import annotations

import audioop
import wave
from pathlib import Path


def write_recording(path: Path, caller: bytes, agent: bytes) -> None:
    """Write two μ-law tracks of equal length as a 16-bit, 8 kHz WAV file; missing folders are made."""
    left = audioop.tostereo(audioop.ulaw2lin(caller, 2), 2, 1, 0)
    right = audioop.tostereo(audioop.ulaw2lin(agent, 2), 2, 0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(2)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(audioop.add(left, right, 2))
