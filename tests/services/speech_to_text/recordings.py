"""The recordings in tests/speech, as a telephone sends them."""

from __future__ import annotations

import audioop
import json
import wave
from pathlib import Path

SPEECH = Path(__file__).parents[2] / "speech"
REFERENCES: dict[str, str] = {
    entry["file"]: entry["text"] for entry in json.loads((SPEECH / "references.json").read_text("utf-8"))
}


def silence(ms: int) -> bytes:
    return b"\xff" * (8 * ms)


def recording(file: str) -> bytes:
    """μ-law, half a second of silence before it and a second after it."""
    with wave.open(str(SPEECH / file)) as wav:
        samples = wav.readframes(wav.getnframes())
    return silence(500) + audioop.lin2ulaw(samples, 2) + silence(1000)
