"""The program that hears voices: Silero VAD, for all calls of a server (see `worker_main`).

A request is `(stream, audio)`: the name of a stream and whole windows of its μ-law audio. The answer
is a pair for each window, the probability of speech and the level. No audio: the stream is over.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from app.services import silero
from app.services.samples import WINDOW, to_samples
from app.services.worker_main import Handler, serve


def load() -> Handler:
    network = silero.session()
    streams: dict[str, silero.Stream] = {}

    def handle(body: msgspec.Raw) -> Iterator[list[tuple[float, float]]]:
        stream, audio = msgspec.msgpack.decode(body, type=tuple[str, bytes])
        if audio:
            if stream not in streams:
                streams[stream] = silero.Stream(network)
            samples = to_samples(audio)
            levels = np.sqrt(np.mean(samples.reshape(-1, WINDOW) ** 2, axis=1))
            yield list(zip(streams[stream].speech(samples), levels.tolist(), strict=True))
        else:
            streams.pop(stream, None)

    return handle


if __name__ == "__main__":
    serve(load)
