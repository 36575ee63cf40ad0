"""Export with open sizes of images: what ONNX can say runs at all of them, everything else is refused."""
import numpy as np
import pytest
from function_module import Function
from onnx_tools import compare, export_and_compare

import fastnet
from fastnet import nn
from fastnet.functional.quantized import quantize, quantized_max_pool
from fastnet.onnx import ExportError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

rng = np.random.default_rng(0)
OPEN = {"input": {0: "n", 2: "h", 3: "w"}}


def normal(*shape):
    return fastnet.tensor(rng.standard_normal(shape).astype(np.float32))


def scaled(**options):
    return Function(lambda x: nn.functional.interpolate(x, **options))


MODELS = {
    "max": nn.MaxPool2d(2), "max padded": nn.MaxPool2d(3, 2, 1, dilation=2), "average": nn.AvgPool2d(2),
    "average padded": nn.AvgPool2d(3, 2, 1), "average inside": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "average by a divisor": nn.AvgPool2d(2, divisor_override=3), "global": nn.AdaptiveAvgPool2d(1),
    "global max": nn.AdaptiveMaxPool2d(1), "rows": nn.AdaptiveAvgPool2d((None, 1)),
    "rows of maxima": nn.AdaptiveMaxPool2d((1, None)),
    "a window of the image": Function(lambda x: nn.functional.avg_pool2d(x, x.shape[2:])),
    "a window of maxima": Function(lambda x: nn.functional.max_pool2d(x, x.shape[2:])),
    "a window of int8": Function(lambda x: quantized_max_pool(quantize(x, 0.1, 0), x.shape[2:])),
    "twice": nn.Upsample(scale_factor=2), "by 1.5": nn.Upsample(scale_factor=1.5),
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
    "bilinear to a size": nn.Upsample((7, 9), mode="bilinear", align_corners=True), "to a size": nn.Upsample((7, 9)),
    "bicubic": scaled(scale_factor=0.5, mode="bicubic"),
    "to other sizes": Function(lambda x: nn.functional.interpolate(x, (x.shape[2] * 2, x.shape[3]))),
    "variance": Function(lambda x: x.var((2, 3))),
    "deviation": Function(lambda x: x.std(-1, correction=0, keepdim=True)),
    "after a stride": Function(lambda x: nn.functional.avg_pool2d(x, 1, 2).var((2, 3))),
    "all": Function(lambda x: x.var()), "mean": Function(lambda x: x.mean((2, 3))),
    "network": nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                             nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1),
                             nn.Flatten(), nn.Linear(4, 2)),
}


@pytest.mark.parametrize("name", MODELS)
def test_open_sizes(name, tmp_path):
    path = tmp_path / "m.onnx"
    export_and_compare(MODELS[name].eval(), normal(2, 3, 8, 12), path, input_names=["input"], dynamic_axes=OPEN)
    for shape in ((1, 3, 11, 9), (3, 3, 5, 6), (2, 3, 16, 24)):         # windows and scales that leave a rest, too
        compare(path, MODELS[name], (normal(*shape),))


def test_one_open_size(tmp_path):
    path, axes = tmp_path / "m.onnx", {"input": {2: "h"}}
    for model in (nn.AdaptiveAvgPool2d((1, 2)), nn.AdaptiveAvgPool2d((1, 5)), nn.AdaptiveMaxPool2d((None, 5)),
                  nn.MaxPool2d((2, 3), 2, (0, 1))):
        export_and_compare(model, normal(2, 3, 8, 12), path, dynamic_axes=axes)
        compare(path, model, (normal(2, 3, 7, 12),))


def test_a_variance_of_one_element(tmp_path):
    path, model = tmp_path / "m.onnx", Function(lambda x: x.var(2))
    export_and_compare(model, normal(1, 2, 4), path, input_names=["input"], dynamic_axes={"input": {2: "time"}})
    found = fastnet.onnx.load(path)(normal(1, 2, 1))
    assert found.isnan().all() and model(normal(1, 2, 1)).isnan().all()


def test_a_pool_that_was_loaded(tmp_path):
    first, second = tmp_path / "a.onnx", tmp_path / "b.onnx"
    fastnet.onnx.export(nn.MaxPool2d(3, 2, 1), normal(1, 3, 8, 8), first, input_names=["input"], dynamic_axes=OPEN)
    fastnet.onnx.export(fastnet.onnx.load(first), normal(1, 3, 8, 8), second, input_names=["input"], dynamic_axes=OPEN)
    compare(second, nn.MaxPool2d(3, 2, 1), (normal(1, 3, 11, 7),))


@pytest.mark.parametrize("model, message", [
    (nn.MaxPool2d(2, ceil_mode=True), "use ceil_mode=False, or leave only the batch open"),
    (nn.AvgPool2d(3, 2, ceil_mode=True), "use ceil_mode=False"),
    (nn.MaxPool2d(2, return_indices=True), "indices of maxima need a fixed size"),
    (nn.AdaptiveAvgPool2d(2), "ONNX has no adaptive pooling, .* except for an output of size 1"),
    (nn.AdaptiveMaxPool2d(2), "ONNX has no adaptive pooling"),
    (scaled(scale_factor=0.7), "needs a scale_factor that is a float32 number"),
    (Function(lambda x: nn.functional.interpolate(nn.functional.max_pool2d(x, 2), x.shape[2:])), "use scale_factor"),
    (scaled(scale_factor=0.5, mode="bilinear", antialias=True), "needs a fixed size of the images"),
    (Function(lambda x: nn.functional.avg_pool2d(x, x.shape[2:], padding=1)), "its windows follow from an open size"),
    (Function(lambda x: nn.functional.max_pool2d(x, x.shape[2:], padding=1)), "its windows follow from an open size"),
    (Function(lambda x: nn.functional.avg_pool2d(x, x.shape[2:], divisor_override=3)), "ONNX has no divisor"),
    (Function(lambda x: x.var(3, correction=2)), "a correction of more than 1 needs a fixed size")])
def test_what_onnx_cannot_say_is_refused(model, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        fastnet.onnx.export(model.eval(), normal(1, 3, 10, 10), tmp_path / "m.onnx",
                            input_names=["input"], dynamic_axes={"input": {2: "h", 3: "w"}})
