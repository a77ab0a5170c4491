"""How the networks of benchmarks/listening.py are taught, and made smaller. Needs torch and onnx."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from lines import OLDEST
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from app.services.listening.spectrogram import Floats

Given = npt.NDArray[np.float16]
"""What the layers that stay as they are make of each moment."""

BATCH = 256
LASTS = 0.999
"""A weight of what is kept is the mean of its last 1 / (1 - LASTS) steps, or so."""
AGE_SCALE = 4.0
"""Brings seconds to about 1."""


def age(seconds: torch.Tensor) -> torch.Tensor:
    """As the networks want it, of [N]."""
    return seconds.clamp(max=OLDEST) * AGE_SCALE


def teach(
    judge: nn.Module,
    paces: list[dict[str, Any]],
    given: Given,
    seconds: Floats,
    listens: Floats,
    weights: Floats,
    *,
    epochs: int,
    noise: float,
    order: int,
    half: bool = False,
) -> nn.Module:
    """Returns the judge as it was on the mean over its last steps: a logit for [N, ...] and [N] seconds.

    `paces` are AdamW's groups of parameters, with the rate of each; `noise` is what is added to `given`, in
    parts of its own spread; `order` decides in which all is shown; `half`: with half the precision.
    """
    torch.manual_seed(order)
    steps = epochs * (len(given) // BATCH)
    adam = torch.optim.AdamW(paces, weight_decay=2e-2)
    pace = torch.optim.lr_scheduler.OneCycleLR(
        adam, [group["lr"] for group in paces], total_steps=steps, pct_start=0.1
    )
    kept, step = copy.deepcopy(judge), 0
    for epoch in range(epochs):
        judge.train()
        shuffled, loss_sum = torch.randperm(len(given)).numpy(), 0.0
        for begin in range(0, len(given) - BATCH + 1, BATCH):
            rows = np.sort(shuffled[begin : begin + BATCH])
            seen = torch.from_numpy(given[rows].astype(np.float32))
            seen += noise * seen.std() * torch.randn_like(seen)
            at = torch.from_numpy(seconds[rows]) + 0.02 * torch.randn(BATCH)
            goal = torch.from_numpy(listens[rows]) * 0.96 + 0.02
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = judge(seen, at)
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits.float(), goal, weight=torch.from_numpy(weights[rows])
            )
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
            adam.step()
            pace.step()
            loss_sum += float(loss)
            step += 1
            lasts = min(LASTS, step / (step + 10))
            with torch.no_grad():
                for mean, now in zip(kept.parameters(), judge.parameters(), strict=True):
                    mean.lerp_(now, 1 - lasts)
        print(f"  epoch {epoch + 1} of {epochs}: {loss_sum / (len(given) // BATCH):.3f}", flush=True)
    return kept


def judged(judge: nn.Module, given: Given, seconds: Floats) -> Floats:
    """Probabilities."""
    judge.eval()
    parts = []
    with torch.no_grad():
        for n in range(0, len(given), 1024):
            seen = torch.from_numpy(given[n : n + 1024].astype(np.float32))
            parts.append(torch.sigmoid(judge(seen, torch.from_numpy(seconds[n : n + 1024]))).numpy())
    return np.concatenate(parts)


def halve(graph: onnx.GraphProto) -> None:
    """Half the precision is half the file; onnxruntime widens it once, when it loads."""
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 200:
            name, halved = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(halved, f"{name} half"))
            graph.node.insert(0, helper.make_node("Cast", [f"{name} half"], [name], to=TensorProto.FLOAT))
