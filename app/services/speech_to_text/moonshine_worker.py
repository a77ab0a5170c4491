"""The program that turns an utterance into words: moonshine tiny-en (see `worker_main`).

A request is μ-law audio of one utterance, the answer its text.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_model_path

from app.services.samples import SAMPLE_RATE, doubled, to_samples
from app.services.speech_to_text.spelling import modern
from app.services.worker_main import Handler, serve

NICE = 10
"""A decode is a burst of CPU; the server, the VAD and the voice go first."""
SILENCE_AFTER = np.zeros(2 * SAMPLE_RATE // 5, np.float32)
"""0.2 s: where audio ends in the middle of a word, the model makes a word up or says its last ones again. Of
380 beginnings of twelve recordings 72 had two or more wrong words, 44 with this silence, 49 with 0.3 s; whole
utterances it leaves as they are (15 % of the words of 260 sentences wrong, with and without)."""
OPTIONS = {
    "vad_threshold": "0",  # its own voice detection splits sentences; ours has found the voice already
    "return_audio_data": "false",
}


def load() -> Handler:
    transcriber = Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options=OPTIONS)

    def handle(body: msgspec.Raw) -> Iterator[str]:
        # It resamples by itself, but roughly: of 480 requests by 60 synthetic voices 14.0 % of the words come
        # out wrong, 11.1 % where it is given the rate it works at.
        samples = doubled(to_samples(msgspec.msgpack.decode(body, type=bytes)))
        samples = np.concatenate([samples, SILENCE_AFTER])
        lines = transcriber.transcribe_without_streaming(samples.tolist(), 2 * SAMPLE_RATE).lines
        yield modern(" ".join(line.text.strip() for line in lines))

    return handle


if __name__ == "__main__":
    serve(load, nice=NICE)
