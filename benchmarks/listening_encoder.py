"""Moonshine tiny-en's encoder, as torch can teach it. Its weights lie in moonshine-voice's wheel (MIT).

Useful Sensors' own code (transformers' `moonshine`) says what it is: three convolutions, a norm over all of
them, and six layers of attention whose places are told by rotation. Needs torch and onnx.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn

from app.services.listening.spectrogram import Floats

WIDTH, HEADS, HEAD, LAYERS = 288, 8, 36, 6
ROTATED = 32
"""Of the HEAD numbers of each head."""
Turns = tuple[torch.Tensor, torch.Tensor]


class Layer(nn.Module):
    """[N, frames, WIDTH] to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH, bias=False)
        self.queries, self.keys, self.values, self.out = (
            nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4)
        )
        self.before_units = nn.LayerNorm(WIDTH, bias=False)
        self.units, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, frames: torch.Tensor, drop: float = 0.0) -> torch.Tensor:
        dropped = nn.functional.dropout
        # int: for torch's exporter, which loses count otherwise.
        places, normal = int(frames.shape[1]), self.before_attention(frames)
        queries, keys, values = (
            part(normal).reshape(-1, places, HEADS, HEAD).transpose(1, 2)
            for part in (self.queries, self.keys, self.values)
        )
        turns = _turns(places)
        likeness = (_turned(queries, turns) @ _turned(keys, turns).transpose(-1, -2)).float() / HEAD**0.5
        looks = (likeness.softmax(-1).to(values.dtype) @ values).transpose(1, 2).reshape(-1, places, WIDTH)
        frames = frames + dropped(self.out(looks), drop, self.training)
        units = nn.functional.gelu(self.units(self.before_units(frames)))
        return frames + dropped(self.narrow(units), drop, self.training)


class Encoder(nn.Module):
    """With the weights of the wheel."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, WIDTH, 127, 64, bias=False)
        self.norm_of_all = nn.GroupNorm(1, WIDTH)
        self.second, self.third = nn.Conv1d(WIDTH, 2 * WIDTH, 7, 3), nn.Conv1d(2 * WIDTH, WIDTH, 3, 2)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        self.load_state_dict({name: torch.tensor(weight) for name, weight in _weights().items()})

    def forward(self, sound: torch.Tensor, layers: int) -> torch.Tensor:
        """16 kHz [N, samples] to what the first `layers` make of it, [N, frames, WIDTH]."""
        gelu = nn.functional.gelu
        frames = self.norm_of_all(torch.tanh(self.first(sound[:, None])))
        frames = gelu(self.third(gelu(self.second(frames)))).transpose(1, 2)
        for layer in list(self.layers)[:layers]:
            frames = layer(frames)
        return frames


def _turns(frames: int) -> Turns:
    """By what each number of a head is turned at each place: cosines and sines."""
    slower = 10_000 ** (-torch.arange(0, ROTATED, 2).float() / ROTATED)
    angles = torch.outer(torch.arange(frames).float(), slower).repeat_interleave(2, -1)
    return angles.cos(), angles.sin()


def _turned(heads: torch.Tensor, turns: Turns) -> torch.Tensor:
    turned, rest = heads[..., :ROTATED], heads[..., ROTATED:]
    crossed = torch.stack([-turned[..., 1::2], turned[..., 0::2]], -1).reshape(
        -1, HEADS, len(turns[0]), ROTATED
    )
    cosines, sines = turns
    return torch.cat([(turned * cosines + crossed * sines).to(rest.dtype), rest], -1)


def _weights() -> dict[str, Floats]:
    """By the names of `Encoder`'s parameters."""
    graph = _graph()
    given = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    by_node = {node.name: node for node in graph.node}
    weights: dict[str, npt.NDArray[np.generic]] = {
        "first.weight": given["conv1.weight_add_tensor"],
        "norm_of_all.weight": given["onnx::Mul_2080"][:, 0],
        "norm_of_all.bias": given["onnx::Add_2081"][:, 0],
        "norm.weight": given["layer_norm.weight"],
    }
    for name, theirs in (("second", "conv2"), ("third", "conv3")):
        weights[f"{name}.weight"] = given[f"{theirs}.weight_add_tensor"]
        weights[f"{name}.bias"] = given[f"{theirs}.bias"]
    for n in range(LAYERS):
        for name, theirs in (("queries", "q"), ("keys", "k"), ("values", "v"), ("out", "o")):
            node = by_node[f"/layers.{n}/self_attn/{theirs}_proj/MatMul_quant"]
            weights[f"layers.{n}.{name}.weight"] = _widened(node, given)
        for name, theirs in (("units", "fc1"), ("narrow", "fc2")):
            node = by_node[f"/layers.{n}/mlp/{theirs}/MatMul_quant"]
            weights[f"layers.{n}.{name}.weight"] = _widened(node, given)
            weights[f"layers.{n}.{name}.bias"] = given[node.input[4]]
        weights[f"layers.{n}.before_attention.weight"] = given[f"layers.{n}.input_layernorm.weight"]
        weights[f"layers.{n}.before_units.weight"] = given[f"layers.{n}.post_attention_layernorm.weight"]
    return {name: np.array(weight, np.float32) for name, weight in weights.items()}


def _widened(node: onnx.NodeProto, given: dict[str, npt.NDArray[np.generic]]) -> Floats:
    """The weights of a product of bytes, [out, in]."""
    first_of = {"MatMulIntegerToFloat": (1, 3, 5), "DynamicQuantizeMatMul": (1, 2, 3)}
    weight, scale, zero = (node.input[n] for n in first_of[node.op_type])
    widened: Floats = (given[weight].astype(np.float32) - given[zero].astype(np.float32)) * given[scale]
    return widened.T


def _graph() -> onnx.GraphProto:
    """The network in the wheel, out of the format of onnxruntime's own."""
    spec = find_spec("moonshine_voice")
    [wheel] = spec.submodule_search_locations or [] if spec else []
    path = Path(wheel) / "assets" / "tiny-en" / "encoder_model.ort"
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.save_model_format", "ONNX")
        options.optimized_model_filepath = str(Path(folder) / "encoder.onnx")
        onnxruntime.InferenceSession(str(path), options)
        return onnx.load(options.optimized_model_filepath).graph
