"""The models that the package onnx comes with: exports of PyTorch, and nine large networks."""
import numpy as np
import pytest

import fastnet
from fastnet.onnx import load

pytest.importorskip("onnx")
from onnx_cases import array_in, given_input, light_case, light_files, pytorch_folders


@pytest.mark.parametrize("folder", pytorch_folders(), ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_exports_of_pytorch(folder):
    model = load(folder / "model.onnx")
    data = sorted(folder.glob("test_data_set_*"))
    assert data
    for part in data:
        inputs = [given_input(array_in(part / f"input_{i}.pb")) for i in range(len(list(part.glob("input_*.pb"))))]
        with fastnet.no_grad():
            results = model(*inputs)
        for i, y in enumerate(results if isinstance(results, tuple) else (results,)):
            np.testing.assert_allclose(y.numpy(), array_in(part / f"output_{i}.pb"), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("path", light_files(), ids=lambda path: path.stem)
def test_large_networks(path):
    if path.stem == "light_squeezenet" and fastnet.backend.backend() == "numpy":
        pytest.skip("its 1,000 equal outputs differ by the order in which NumPy's BLAS adds, which softmax enlarges")
    model = load(path)
    x, expected = light_case(path)
    with fastnet.no_grad():
        y = model(fastnet.from_numpy(x))
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-3, atol=1e-6)
