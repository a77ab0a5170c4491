"""The judge of voices that Offhook comes with: networks of four kinds.

The first, Silero's, says whether it is speech at all: laughs, coughs and groans are voices as well. The
others say whether somebody speaks who wants to be heard. They were made by others for words and know much
speech, and `benchmarks/listening.py` has taught them to tell "yeah" from "no, wait":

- Google's speech embedding, a network for keywords that 200 million clips were shown to (Apache-2.0); its
  last layers are taught anew, and all of it lies in `keywords.onnx`;
- the encoder of moonshine, the recogniser; what is taught is a small network behind it, `recogniser.onnx`;
- the same encoder, whose last three layers are taught as well: `tuned.onnx`.

The folders of `taught/` have some that were taught with other voices or in another order. They err on
different voices, so the mean of all is right oftener than any: docs/evaluation.md. What takes time are the
encoders.
"""

from __future__ import annotations

from math import exp, log
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]

from app.services import one_thread, silero
from app.services.listening.level import levelled
from app.services.listening.recogniser import Recogniser
from app.services.listening.spectrogram import spectrogram
from app.services.samples import SAMPLE_RATE, WINDOW, doubled, last, to_samples

TAUGHT = Path(__file__).with_name("taught")

SPEECH, MAYBE_SPEECH = 0.95, 0.5
"""A voice that the first network is less sure of at every moment says nothing, surely so below the second
number. So are half of people's coughs, laughs and groans, and few of their words: benchmarks/floor.py."""
UNLIKELY = 0.9
"""What is said of one between the two."""
LOOKS_BACK = 16 * WINDOW
"""Samples for it, half a second: it needs some before the voice."""


class TaughtListening:
    """See `Listening`; it takes the time of whoever asks, so calls have `threaded.py` ask."""

    def __init__(self, taught: Path = TAUGHT) -> None:
        """`taught`: the folder with the files of each kind, or with folders of them.

        Raises:
            FileNotFoundError: they, or the recogniser's encoder, are not there.
        """
        self._silero = silero.session()
        self._recogniser = Recogniser()
        self._by_keywords = _sessions(taught, "keywords.onnx")
        self._by_recogniser = _sessions(taught, "recogniser.onnx")
        self._tuned = _sessions(taught, "tuned.onnx")

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        """See `Listening`. A line that has just begun is taken to have been silent before."""
        speech = self._speech(audio, voice_seconds)
        if speech < SPEECH:
            return UNLIKELY if speech >= MAYBE_SPEECH else 1.0
        samples, seconds = levelled(audio), np.array([[voice_seconds]], np.float32)
        return mean_of(
            _mean(self._by_keywords, spectrogram=spectrogram(samples)[np.newaxis], seconds=seconds),
            _mean(self._by_recogniser, heard=self._recogniser.hear(samples)[np.newaxis], seconds=seconds),
            _mean(self._tuned, sound=doubled(samples)[np.newaxis], seconds=seconds),
        )

    def _speech(self, audio: bytes, voice_seconds: float) -> float:
        """The probability of speech where it is likeliest since shortly before the voice began."""
        heard = last(audio, LOOKS_BACK)
        windows = 2 + int(voice_seconds * SAMPLE_RATE / WINDOW)
        return max(silero.Stream(self._silero).speech(to_samples(heard))[-windows:])


def mean_of(*probabilities: float) -> float:
    """By their odds: who is surer counts for more."""
    odds = [max(p, 1e-6) / max(1 - p, 1e-6) for p in probabilities]
    mean = exp(sum(map(log, odds)) / len(odds))
    return mean / (1 + mean)


def _mean(networks: list[onnxruntime.InferenceSession], **given: npt.NDArray[np.float32]) -> float:
    return mean_of(*(float(network.run(None, given)[0][0, 0]) for network in networks))


def _sessions(taught: Path, name: str) -> list[onnxruntime.InferenceSession]:
    paths = sorted(taught.rglob(name))
    if not paths:
        raise FileNotFoundError(f"There is no {name} in {taught}.")
    return [one_thread.session(path) for path in paths]
