"""What the tests of ONNX export share: a model is exported, checked by the package onnx, and run by ONNX Runtime."""
import numpy as np
import pytest

import fastnet

LIMIT = 1e-5                            # of the largest value of an output


def tensors_in(x):
    """The tensors in a result, in order."""
    if isinstance(x, fastnet.Tensor):
        return [x]
    entries = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else []
    return [t for entry in entries for t in tensors_in(entry)]


def checked(path):
    """The onnx.ModelProto of a file that onnx's checker accepts, shapes and dtypes included."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def session(path):
    """A session of ONNX Runtime on one thread."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def results(path, example):
    """The outputs that ONNX Runtime computes from tensors or arrays, in the order of the file's inputs."""
    run = session(path)
    arrays = [np.ascontiguousarray(x.numpy() if isinstance(x, fastnet.Tensor) else x) for x in example]
    return run.run(None, {x.name: array for x, array in zip(run.get_inputs(), arrays, strict=True)})


def compare(path, model, example, limit=LIMIT):
    """Compare ONNX Runtime's outputs with the model's: shapes, dtypes, and values to `limit` of the largest."""
    model.eval()
    with fastnet.no_grad():
        expected = tensors_in(model(*example))
    found = results(path, tensors_in(example))
    assert [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in expected]
    for got, wanted in zip(found, expected):
        wanted = wanted.detach().numpy()
        if wanted.dtype.kind != "f":
            np.testing.assert_array_equal(got, wanted)
            continue
        scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-30)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=limit * scale)


def export_and_compare(model, example, path, limit=LIMIT, **options):
    """Export a model, check the file, and compare results; returns the onnx.ModelProto."""
    example = example if isinstance(example, tuple) else (example,)
    fastnet.onnx.export(model.eval(), example, path, **options)
    made = checked(path)
    compare(path, model, example, limit)
    return made
