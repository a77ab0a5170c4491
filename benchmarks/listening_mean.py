"""The mean of networks that benchmarks/listening.py has taught, weight by weight.

    python benchmarks/listening_mean.py app/services/listening FOLDER FOLDER...

Of each `*.onnx` in the first FOLDER. It errs less often than each of them and takes no longer ("model soups",
Wortsman et al. 2022), if all began alike and went different ways: taught with other data, or with the same in
another `--order`. What a network has learned by itself only, such as the spread of what it was given, is
averaged as well. Needs onnx.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper


def mean(paths: list[Path]) -> onnx.ModelProto:
    """Of networks with the same layers.

    Raises:
        KeyError: one of them has other layers.
    """
    models = [onnx.load(path) for path in paths]
    weights = [
        {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer} for model in models
    ]
    for tensor in models[0].graph.initializer:
        each = np.stack([of[tensor.name] for of in weights])
        if np.issubdtype(each.dtype, np.floating):
            averaged = each.astype(np.float64).mean(axis=0).astype(each.dtype)
            tensor.CopyFrom(numpy_helper.from_array(averaged, tensor.name))
    return models[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("into", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    arguments = parser.parse_args()
    for path in sorted(arguments.folders[0].glob("*.onnx")):
        averaged = mean([folder / path.name for folder in arguments.folders])
        (arguments.into / path.name).write_bytes(averaged.SerializeToString())


if __name__ == "__main__":
    main()
