"""One network of benchmarks/listening.py: what stands behind a recogniser's encoder, which stays as it is.

Needs torch and onnx.
"""

from __future__ import annotations

from multiprocessing import Pool
from pathlib import Path

import listening_teaching as teaching
import numpy as np
import numpy.typing as npt
import torch
from listening_teaching import AGE_SCALE, Given
from torch import nn

from app.services.listening.interface import HEARD_BYTES
from app.services.listening.level import levelled
from app.services.listening.recogniser import FIRST_SECONDS, FRAME_SECONDS, FRAMES, WIDTH, Recogniser
from app.services.listening.spectrogram import Floats
from app.services.samples import SAMPLE_RATE

NAME = "recogniser.onnx"
CHANNELS, HIDDEN, HEADS, CONVOLUTIONS = 96, 128, 4, 2
EPOCHS, RATE, NOISE = 6, 2e-3, 0.1
BEFORE = 0.1
"""Seconds before the voice that it looks at."""


def given(heard: npt.NDArray[np.uint8]) -> Given:
    """What the encoder makes of rows of HEARD_BYTES."""
    with Pool() as pool:
        return np.concatenate(pool.map(_encoded, np.array_split(heard, 1 + len(heard) // 500)))


def _encoded(heard: npt.NDArray[np.uint8]) -> Given:
    recogniser = Recogniser()
    rows = [recogniser.hear(levelled(row.tobytes())).astype(np.float16) for row in heard]
    return np.array(rows, np.float16).reshape(-1, FRAMES, WIDTH)


class Judge(nn.Module):
    """From what the encoder has made to how sure it is that somebody listens only (a logit).

    Every frame is told how long ago the voice began; those before it do not count.
    """

    def __init__(self, mean: Floats, spread: Floats) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("spread", torch.from_numpy(spread))
        ends = HEARD_BYTES / SAMPLE_RATE
        self.register_buffer("times", torch.arange(FRAMES) * FRAME_SECONDS + FIRST_SECONDS - ends)
        self.narrow = nn.Linear(WIDTH + 3, CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(CONVOLUTIONS)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(CHANNELS) for _ in range(CONVOLUTIONS + 1))
        self.attention = nn.Linear(CHANNELS, HEADS)
        self.hidden = nn.Linear((HEADS + 1) * CHANNELS + 1, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1)

    def forward(self, heard: torch.Tensor, seconds: torch.Tensor) -> torch.Tensor:
        drop, age = nn.functional.dropout, teaching.age(seconds)
        since = self.times[None] + age[:, None] / AGE_SCALE
        counts = (since > -BEFORE).float()
        place = torch.stack([since.clamp(-0.2, 0.9) * 2, (since > 0).float(), counts], -1)
        heard = drop((heard - self.mean) / self.spread, 0.1, self.training)
        frames = torch.relu(self.norms[0](self.narrow(torch.cat([heard, place], -1))))
        for convolution, norm in zip(self.convolutions, list(self.norms)[1:], strict=True):
            more = convolution((frames * counts[..., None]).transpose(1, 2)).transpose(1, 2)
            frames = frames + drop(torch.relu(norm(more)), 0.1, self.training)
        outside = 1e4 * (1 - counts[..., None])
        looks = torch.softmax(self.attention(frames) - outside, 1).transpose(1, 2) @ frames
        most = (frames - outside).amax(1)
        all_of_it = torch.cat([looks.flatten(1), most, age[:, None]], 1)
        hidden = torch.relu(self.hidden(drop(all_of_it, 0.3, self.training)))
        return self.last(drop(hidden, 0.3, self.training))[:, 0]


def teach(given: Given, seconds: Floats, listens: Floats, weights: Floats, *, order: int) -> nn.Module:
    torch.manual_seed(1)
    some = given[::50].astype(np.float32)
    judge = Judge(some.mean(axis=(0, 1)), some.std(axis=(0, 1)) + 1e-3)
    paces = [{"params": judge.parameters(), "lr": RATE}]
    return teaching.teach(
        judge, paces, given, seconds, listens, weights, epochs=EPOCHS, noise=NOISE, order=order
    )


class _Whole(nn.Module):
    """As it is asked: [N, FRAMES, WIDTH] and [N, 1] to probabilities [N, 1]."""

    def __init__(self, judge: nn.Module) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, heard: torch.Tensor, seconds: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.judge(heard, seconds[:, 0]))[:, None]


def write(judge: nn.Module, path: Path) -> None:
    torch.onnx.export(
        _Whole(judge.eval()),
        (torch.zeros(2, FRAMES, WIDTH), torch.zeros(2, 1)),
        str(path),
        input_names=["heard", "seconds"],
        output_names=["listens"],
        dynamic_axes={name: {0: "n"} for name in ("heard", "seconds", "listens")},
        opset_version=17,
        dynamo=False,
    )
