"""Random nodes, computed by fastnet and by ONNX Runtime: options that ONNX's own tests leave out."""
import numpy as np
import pytest

import fastnet
from fastnet.onnx import load

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import onnxruntime
from onnx import TensorProto, helper

ROUNDS = 8
TYPES = {"f": TensorProto.FLOAT, "i": TensorProto.INT32}


class Draw:
    """Random numbers of a seed."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def between(self, low, high):
        return int(self.generator.integers(low, high + 1))

    def one_of(self, *choices):
        return choices[self.between(0, len(choices) - 1)]

    def array(self, *shape):
        return self.generator.standard_normal(shape).astype(np.float32)

    def maybe(self, *shape):
        return self.one_of(None, self.array(*shape))

    def windows(self):
        """Attributes of windows over two dimensions, and the sizes of these."""
        kernel = [self.between(1, 3) for _ in range(2)]
        found = {"kernel_shape": kernel, "strides": [self.between(1, 3) for _ in range(2)],
                 "dilations": [self.between(1, 2) for _ in range(2)]}
        found["pads"] = [self.between(0, k - 1) for k in kernel * 2]
        return found, [self.between(5, 9) for _ in range(2)]

    def layer(self, gates, **attributes):
        """A recurrent layer: attributes and inputs."""
        steps, batch, width, size = (self.between(1, 4) for _ in range(4))
        direction = self.one_of("forward", "reverse", "bidirectional")
        count = 2 if direction == "bidirectional" else 1
        lengths = self.one_of(None, self.generator.integers(1, steps + 1, batch).astype(np.int32))
        inputs = [self.array(steps, batch, width), self.array(count, gates * size, width),
                  self.array(count, gates * size, size), self.maybe(count, 2 * gates * size), lengths,
                  self.maybe(count, batch, size)]
        if gates == 4:
            inputs += [self.maybe(count, batch, size), self.maybe(count, 3 * size)]
        if self.between(0, 3) == 0:
            attributes["clip"] = 0.5
        return {"hidden_size": size, "direction": direction, **attributes}, inputs


def pool(draw):
    attributes, sizes = draw.windows()
    return {**attributes, "ceil_mode": draw.between(0, 1)}, [draw.array(2, 3, *sizes)]


def average(draw):
    attributes, inputs = pool(draw)
    return {**attributes, "count_include_pad": draw.between(0, 1)}, inputs


def conv(draw):
    attributes, sizes = draw.windows()
    groups = draw.one_of(1, 2)
    weight = draw.array(6, 4 // groups, *attributes["kernel_shape"])
    return {**attributes, "group": groups}, [draw.array(2, 4, *sizes), weight, draw.maybe(6)]


def conv_transpose(draw):
    attributes, sizes = draw.windows()
    attributes["output_padding"] = [draw.between(0, s - 1) for s in attributes["strides"]]
    return attributes, [draw.array(2, 4, *sizes), draw.array(4, 3, *attributes["kernel_shape"]), draw.maybe(3)]


def resize(draw):
    mode = draw.one_of("linear", "cubic")
    attributes = {"mode": mode, "coordinate_transformation_mode": draw.one_of(
        "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric")}
    if mode == "cubic":
        attributes |= {"exclude_outside": draw.between(0, 1), "cubic_coeff_a": draw.one_of(-0.5, -0.75)}
    scales = np.array([1, 1, draw.one_of(0.5, 0.7, 1.5, 2), draw.one_of(0.6, 1, 3)], np.float32)
    if attributes["coordinate_transformation_mode"] == "align_corners":     # which rounds lengths in ONNX Runtime alone
        scales = np.maximum(scales.round(), 1)
    return attributes, [draw.array(1, 2, 5, 6), None, scales]


def gemm(draw):
    return ({"alpha": draw.one_of(1.0, 0.5), "beta": draw.one_of(1.0, 0.3), "transB": draw.between(0, 1)},
            [draw.array(3, 4), draw.array(4, 4), draw.one_of(draw.array(4), draw.array(3, 1))])


NODES = {
    "MaxPool": (pool, 1), "AveragePool": (average, 1), "Conv": (conv, 1), "ConvTranspose": (conv_transpose, 1),
    "Resize": (resize, 1),
    "LSTM": (lambda draw: draw.layer(4), 3),
    "GRU": (lambda draw: draw.layer(3, linear_before_reset=draw.between(0, 1)), 2),
    "RNN": (lambda draw: draw.layer(1), 2),
    "Gemm": (gemm, 1),
}


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("name", NODES)
def test_a_node(name, seed):
    make, outputs = NODES[name]
    attributes, inputs = make(Draw(seed))
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    given = {name: x for name, x in zip(names, inputs) if x is not None}
    results = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(name, names, results, **attributes)], "g",
        [helper.make_tensor_value_info(name, TYPES[x.dtype.kind], x.shape) for name, x in given.items()],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, None) for y in results])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9).SerializeToString()
    expected = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, given)
    with fastnet.no_grad():
        found = load(content)(*map(fastnet.from_numpy, given.values()))
    for y, other in zip(found if outputs > 1 else (found,), expected):
        np.testing.assert_allclose(y.numpy(), other, rtol=1e-4, atol=1e-5, err_msg=str(attributes))
