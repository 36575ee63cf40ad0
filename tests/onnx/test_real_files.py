"""Files of public packages agree with ONNX Runtime; they are looked for in the folder FASTNET_ONNX_FILES."""
import os
from pathlib import Path

import numpy as np
import pytest

import fastnet

FILES = sorted(Path(os.environ.get("FASTNET_ONNX_FILES", "no folder")).rglob("*.onnx"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_agrees_with_onnx_runtime(path):
    pytest.importorskip("onnxruntime")
    from benchmarks.onnx_files import TOLERANCE, greatest_error, inputs_of, session_of
    session = session_of(path)
    inputs = inputs_of(path, session, {})
    model, tensors = fastnet.onnx.load(path), {name: fastnet.tensor(x) for name, x in inputs.items()}
    expected = session.run(None, inputs)
    with fastnet.no_grad():
        for run in (model, fastnet.compile(model, freeze=True)):
            for _ in range(2):
                found = run(**tensors)
                results = [found] if isinstance(found, fastnet.Tensor) else found
                assert greatest_error(results, expected) <= TOLERANCE
                assert [np.asarray(x).shape for x in results] == [y.shape for y in expected]
