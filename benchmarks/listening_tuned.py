"""One network of benchmarks/listening.py: a recogniser's encoder, whose last layers are taught anew, and the
head of listening_recogniser.py behind them.

The layers before stay as they are: what they make of a sound is computed once. Needs torch and onnx, and
moonshine-voice 0.1.0, whose wheel carries the encoder.
"""

from __future__ import annotations

from functools import cache
from multiprocessing import Pool
from pathlib import Path
from tempfile import NamedTemporaryFile

import listening_teaching as teaching
import numpy as np
import numpy.typing as npt
import onnx
import torch
from listening_encoder import Encoder
from listening_recogniser import Judge as Head
from listening_teaching import Given
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from app.services.listening.interface import HEARD_BYTES
from app.services.listening.level import levelled
from app.services.listening.recogniser import FRAMES, WIDTH
from app.services.listening.spectrogram import Floats
from app.services.samples import doubled

NAME = "tuned.onnx"
KEPT = 3
"""Layers that stay."""
EPOCHS, NOISE = 3, 0.05
LAYER_RATE, HEAD_RATE = 2e-4, 1.5e-3
"""Of learning, at most: what is pretrained moves less."""


def given(heard: npt.NDArray[np.uint8]) -> Given:
    """What the layers that stay make of rows of HEARD_BYTES: 18 kB each, so they lie in a file."""
    with NamedTemporaryFile() as file, Pool() as pool:
        shape = (len(heard), FRAMES, WIDTH)
        made = np.memmap(file, np.float16, "w+", shape=shape)
        done = 0
        for rows in pool.imap(_encoded, np.array_split(heard, 1 + len(heard) // 500)):
            made[done : done + len(rows)] = rows
            done += len(rows)
    return made


def _encoded(heard: npt.NDArray[np.uint8]) -> Given:
    torch.set_num_threads(1)
    sounds = np.array([doubled(levelled(row.tobytes())) for row in heard])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        frames: Given = _encoder()(torch.from_numpy(sounds), KEPT).float().numpy().astype(np.float16)
    return frames


@cache
def _encoder() -> nn.Module:
    """Once in every process."""
    return Encoder().eval()


class Judge(nn.Module):
    """From what the layers that stay have made, to a logit."""

    def __init__(self, some: torch.Tensor) -> None:
        """`some` of what it will be given tells how far apart its numbers are."""
        super().__init__()
        encoder = Encoder()
        self.layers, self.norm = encoder.layers[KEPT:], encoder.norm
        with torch.no_grad():
            frames = self._encoded(some)
        self.head = Head(frames.mean((0, 1)).numpy(), frames.std((0, 1)).numpy() + 1e-3)

    def _encoded(self, frames: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            frames = layer(frames, 0.1)
        encoded: torch.Tensor = self.norm(frames)
        return encoded

    def forward(self, given: torch.Tensor, seconds: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self._encoded(given).float(), seconds)
        return logits


def teach(given: Given, seconds: Floats, listens: Floats, weights: Floats, *, order: int) -> nn.Module:
    torch.manual_seed(order)
    judge = Judge(torch.from_numpy(given[:: 1 + len(given) // 300].astype(np.float32)))
    paces = [
        {"params": [*judge.layers.parameters(), *judge.norm.parameters()], "lr": LAYER_RATE},
        {"params": judge.head.parameters(), "lr": HEAD_RATE},
    ]
    return teaching.teach(
        judge, paces, given, seconds, listens, weights,
        epochs=EPOCHS, noise=NOISE, order=order, half=True,
    )  # fmt: skip


class _Whole(nn.Module):
    """As it is asked: 16 kHz [1, samples] and [1, 1] to a probability [1, 1]."""

    def __init__(self, judge: nn.Module) -> None:
        super().__init__()
        self.encoder, self.judge = Encoder(), judge

    def forward(self, sound: torch.Tensor, seconds: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.judge(self.encoder(sound, KEPT), seconds[:, 0]))[:, None]


def write(judge: nn.Module, path: Path) -> None:
    torch.onnx.export(
        _Whole(judge).eval(),
        (torch.zeros(1, 2 * HEARD_BYTES), torch.zeros(1, 1)),
        str(path),
        input_names=["sound", "seconds"],
        output_names=["listens"],
        opset_version=17,
        dynamo=False,
    )
    # As moonshine's own: products of bytes. The rest is halved.
    quantize_dynamic(
        path, path, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True
    )
    model = onnx.load(path)
    teaching.halve(model.graph)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
