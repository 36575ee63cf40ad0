"""Fused nodes compute what their parts compute, and exist where nobody reads the values between them."""
import numpy as np
import pytest
from fuzz_onnx import content, graph, node

import fastnet
from fastnet.nn.fusion import FUSED_ACTIVATIONS
from fastnet.onnx.forms import DataType

RNG = np.random.default_rng(0)
IMAGE = [("x", DataType.FLOAT, [2, 3, 6, 6])]
ROWS = [("x", DataType.FLOAT, [4, 3])]


def array(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def number(x):
    return np.array(x, np.float32)


NORM = {"scale": array(5), "shift": array(5), "mean": array(5), "var": np.abs(array(5)) + 0.5}
HARD = {"three": number(3), "zero": number(0), "six": number(6), "sixth": number(1 / 6)}
ERF = {"root": number(2**0.5), "one": number(1), "half": number(0.5)}
CONV = node("Conv", "x w b", "a", pads=[1, 1, 1, 1])

CASES = {       # nodes, inputs, constants, the operators that remain
    "conv and relu": ([CONV, node("Relu", "a", "y")], IMAGE, {}, ["Conv"]),
    "conv, norm and sigmoid": ([CONV, node("BatchNormalization", "a scale shift mean var", "n", epsilon=1e-3),
                                node("Sigmoid", "n", "y")], IMAGE, NORM, ["Conv"]),
    "conv with a bias of its shape": ([node("Conv", "x w", "a"), node("Add", "a wide", "y")], IMAGE,
                                      {"wide": array(1, 5, 1, 1)}, ["Conv"]),
    "conv, residual and relu": ([CONV, node("Neg", "x", "n"), node("Conv", "n w b", "c", pads=[1, 1, 1, 1]),
                                 node("Add", "a c", "s"), node("Relu", "s", "y")], IMAGE, {}, ["Neg", "Conv", "Conv"]),
    "a residual that broadcasts": ([CONV, node("GlobalAveragePool", "x", "p"), node("Conv", "p w1 b", "c"),
                                    node("Add", "a c", "y")], IMAGE, {"w1": array(5, 3, 1, 1)}, None),
    "conv with uneven padding": ([node("Conv", "x w b", "a", pads=[0, 1, 1, 0], strides=[2, 2]),
                                  node("Clip", "a zero six", "y")], IMAGE, HARD, ["Conv"]),
    "hard swish, divided last": ([CONV, node("Add", "a three", "b1"), node("Clip", "b1 zero six", "c"),
                                  node("Mul", "a c", "d"), node("Div", "d six", "y")], IMAGE, HARD,
                                 ["Conv"]),
    "hard swish, divided first": ([node("Add", "x three", "b1"), node("Clip", "b1 zero six", "c"),
                                   node("Div", "c six", "d"), node("Mul", "x d", "y")], ROWS, HARD, ["HardSwish"]),
    "hard swish by a factor": ([node("Add", "x three", "b1"), node("Clip", "b1 zero six", "c"),
                                node("Mul", "c sixth", "d"), node("Mul", "x d", "y")], ROWS, HARD, ["HardSwish"]),
    "swish": ([node("Sigmoid", "x", "s"), node("Mul", "x s", "y")], ROWS, {}, ["Silu"]),
    "hard sigmoid as a gate": ([node("HardSigmoid", "x", "s", alpha=1 / 6), node("Mul", "s x", "y")], ROWS, {},
                               ["HardSwish"]),
    "gelu": ([node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e one", "o"), node("Mul", "x o", "m"),
              node("Mul", "m half", "y")], ROWS, ERF, ["Gelu"]),
    "gelu, halved first": ([node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e one", "o"),
                            node("Mul", "x half", "m"), node("Mul", "m o", "y")], ROWS, ERF, ["Gelu"]),
    "gelu by tanh": ([node("Mul", "third x", "c1"), node("Mul", "x c1", "c2"), node("Mul", "x c2", "c3"),
                      node("Add", "x c3", "a1"), node("Mul", "scale1 a1", "m1"), node("Tanh", "m1", "t"),
                      node("Add", "one t", "o"), node("Mul", "half o", "h"), node("Mul", "x h", "y")], ROWS,
                     {**ERF, "third": number(0.044715), "scale1": number((2 / np.pi) ** 0.5)}, ["GeluTanh"]),
    "product, bias and tanh": ([node("MatMul", "x m", "p"), node("Add", "p v", "q"), node("Tanh", "q", "y")], ROWS,
                               {"m": array(3, 4), "v": array(4)}, ["Linear"]),
    "gemm and relu": ([node("Gemm", "x m v", "p", transB=1), node("Relu", "p", "y")], ROWS,
                      {"m": array(4, 3), "v": array(4)}, ["Linear"]),
    "a value that is also an output": ([CONV, node("Relu", "a", "y")], IMAGE, {}, ["Conv", "Relu"]),
    "a value that another node reads": ([CONV, node("Relu", "a", "r"), node("Add", "r a", "y")], IMAGE, {},
                                        ["Conv", "Relu", "Add"]),
}


@pytest.mark.parametrize("name", CASES)
def test_fused_nodes_agree_with_their_parts(name):
    nodes, inputs, constants, remaining = CASES[name]
    if inputs is IMAGE:
        constants = {"w": array(5, 3, 3, 3), "b": array(5), **constants}
    outputs = ("y", "a") if "output" in name else ("y",)
    model = fastnet.onnx.load(content(graph(nodes, inputs, outputs, **constants)))
    kinds = [n.operator.name for n in model.inference.nodes]
    assert remaining is None or kinds == remaining
    x = fastnet.tensor(array(*inputs[0][2]) * 3)
    expected = model(x)
    with fastnet.no_grad():
        for run in (model, fastnet.compile(model, freeze=True)):
            for found, y in zip(tuple_of(run(x)), tuple_of(expected)):
                np.testing.assert_allclose(found.numpy(), y.detach().numpy(), rtol=1e-4, atol=1e-5)


class Activation(fastnet.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, x):
        return getattr(fastnet.nn.functional, self.name)(x)


@pytest.mark.parametrize("activation", sorted(FUSED_ACTIVATIONS))
def test_activations_that_kernels_end_with(activation, tmp_path):
    layers = fastnet.nn.Sequential(fastnet.nn.Conv2d(3, 4, 1), Activation(activation)).eval()
    fastnet.onnx.export(layers, fastnet.ones(2, 3, 6, 6), tmp_path / "m.onnx")
    model = fastnet.onnx.load(tmp_path / "m.onnx")
    assert [n.operator.name for n in model.inference.nodes] == ["Conv"]
    x = fastnet.tensor(array(2, 3, 6, 6) * 3)
    with fastnet.no_grad():
        np.testing.assert_allclose(model(x).numpy(), layers(x).numpy(), rtol=1e-4, atol=1e-5)


def tuple_of(x):
    return x if isinstance(x, tuple) else (x,)


def test_training_changes_what_is_fused():
    constants = {"w": array(5, 3, 3, 3), "b": array(5)}
    model = fastnet.onnx.load(content(graph([CONV, node("Relu", "a", "y")], IMAGE, **constants)))
    x = fastnet.tensor(array(2, 3, 6, 6))
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1)
    model(x).square().mean().backward()
    optimizer.step()
    expected = model(x).detach().numpy()
    with fastnet.no_grad():
        np.testing.assert_allclose(model(x).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_parts_of_branches_are_fused():
    branches = {name: graph([node("Conv", "x w b", f"{name}a"), node("Relu", f"{name}a", f"{name}y")],
                            outputs=(f"{name}y",)) for name in ("then_branch", "else_branch")}
    data = content(graph([node("If", "yes", "y", **branches)], [*IMAGE, ("yes", DataType.BOOL, [])],
                         w=array(5, 3, 3, 3), b=array(5)))
    model = fastnet.onnx.load(data)
    [choice] = model.inference.nodes
    assert [n.operator.name for n in choice.attribute("then_branch").nodes] == ["Conv"]
    x, yes = fastnet.tensor(array(2, 3, 6, 6)), fastnet.tensor(True)
    expected = model(x, yes).detach().numpy()
    with fastnet.no_grad():
        np.testing.assert_allclose(model(x, yes).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_convolution_that_computes_the_scale_of_a_norm_is_not_fused():
    model = fastnet.onnx.load(content(graph(
        [node("Conv", "x w", "c"), node("BatchNormalization", "rows c shift mean var", "y")], IMAGE,
        rows=array(2, 5), w=array(5, 3, 1, 1), **{name: NORM[name] for name in ("shift", "mean", "var")})))
    assert [made.operator.name for made in model.inference.nodes] == ["Conv", "BatchNormalization"]


def test_a_norm_in_float32_after_a_convolution_in_float16():
    model = fastnet.onnx.load(content(graph(
        [node("Conv", "x w", "c"), node("BatchNormalization", "c scale shift mean var", "y")],
        [("x", DataType.FLOAT16, [1, 3, 4, 4])], w=array(5, 3, 1, 1).astype(np.float16), **NORM)))
    x = fastnet.tensor(array(1, 3, 4, 4), dtype=fastnet.float16)
    expected = model(x).detach().numpy()
    with fastnet.no_grad():
        np.testing.assert_allclose(model(x).numpy(), expected, atol=1e-2)
