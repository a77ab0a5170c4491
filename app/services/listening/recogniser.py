"""What a recogniser makes of a sound before it puts it into words: moonshine tiny-en's encoder (MIT).

It lies in moonshine-voice's wheel, whose own program knows it only together with the decoder.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.services import one_thread
from app.services.listening.interface import HEARD_BYTES
from app.services.samples import Samples, doubled

FRAMES, WIDTH = 31, 288
"""One of 288 numbers every FRAME_SECONDS, of HEARD_BYTES."""
FRAME_SECONDS, FIRST_SECONDS = 0.024, 0.028
"""Between two of them; and until the middle of what the first has heard (convolutions of 127, 7 and 3 steps
of 64, 192 and 384 samples)."""

Heard = npt.NDArray[np.float32]


class Recogniser:
    """One for all: it keeps nothing."""

    def __init__(self) -> None:
        """Raises:
        FileNotFoundError: moonshine-voice is missing, or lacks its model (as of 0.1.1).
        """
        self._network = one_thread.session(_encoder())

    def hear(self, samples: Samples) -> Heard:
        """FRAMES rows of WIDTH, of HEARD_BYTES samples of 8 kHz. Takes 7 ms."""
        sound = doubled(samples)[np.newaxis]
        assert sound.shape[1] == 2 * HEARD_BYTES
        given = {"input_values": sound, "attention_mask": np.ones(sound.shape, np.int64)}
        heard: Heard = self._network.run(None, given)[0][0]
        return heard


def _encoder() -> Path:
    # Not importlib.resources.files: that would import the package, and load 42 MB of its library.
    spec = find_spec("moonshine_voice")
    folders = spec and spec.submodule_search_locations
    path = Path(folders[0] if folders else "") / "assets" / "tiny-en" / "encoder_model.ort"
    if not path.is_file():
        raise FileNotFoundError("moonshine-voice has no encoder, 0.1.0 has: pip install 'offhook[listening]'")
    return path
