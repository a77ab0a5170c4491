"""Networks too small to share between threads."""

from __future__ import annotations

from pathlib import Path

import onnxruntime  # type: ignore[import-untyped]


def session(model: Path) -> onnxruntime.InferenceSession:
    """A network in a file, on one thread of the processor: more would cost others more than they gain."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
