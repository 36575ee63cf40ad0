"""Open dimensions: integers that depend on them, runs at other lengths, and dependences that a graph cannot hold."""
import copy

import pytest

import fastnet
from fastnet import nn
from fastnet.graph import Dim, GraphModule, trace
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.function = function

    def forward(self, *args):
        return self.function(self, *args)


def traced(function, *example, axes=None):
    example = example or (fastnet.ones(2, 4),)
    return trace(Net(function), *example, dynamic=axes or {"args.0": {0: "n"}})


def shape_text(value):
    return repr(value.shape)


def test_shapes_and_arguments():
    graph = traced(lambda m, x: m.linear(x.reshape(x.shape[0] * 2, 2).reshape(-1, 4)))
    assert [shape_text(node.outputs[0]) for node in graph.nodes] == ["(2*n, 2)", "(n, 4)", "(n, 3)"]
    assert repr(graph.nodes[0].arguments["shape"]) == "(2*n, 2)"
    assert graph.outputs[0].nbytes == 24                            # of the example
    assert graph.run(fastnet.ones(7, 4)).shape == (7, 3)


def test_products_of_dimensions():
    graph = traced(lambda m, x: m.linear(x.reshape(x.shape[0] * x.shape[1], 4)), fastnet.ones(2, 5, 4),
                   axes={"args.0": {0: "batch", 1: "time"}})
    assert repr(graph) .splitlines()[1:3] == [
        "  view_1 (batch*time, 4) = view(args.0, shape=(batch*time, 4))",
        "  linear: linear_1 (batch*time, 3) = linear(view_1, linear.weight, linear.bias)"]
    assert graph.run(fastnet.ones(3, 7, 4)).shape == (21, 3)


def test_an_example_of_one_row():
    graph = traced(lambda m, x: m.linear(x).sum(0), fastnet.ones(1, 4))
    assert graph.inputs[0].shape == (1, 4) and graph.sizes == {"n": 1}
    assert (graph.run(fastnet.ones(1, 4)) * 3 - graph.run(fastnet.ones(3, 4))).abs().max() < 1e-5


def test_tensors_that_forward_makes():
    def forward(m, x):
        n = len(x)
        return x + fastnet.zeros(n, 4) + fastnet.arange(n).unsqueeze(1) + fastnet.ones(n, n).tril().sum(1, keepdim=True)
    graph = traced(forward)
    x = fastnet.randn(6, 4)
    assert fastnet.equal(graph.run(x), forward(None, x))
    assert [node.operation for node in graph.nodes].count("arange") == 1
    assert {value.data.size for value in graph.constants.values()} == {1, 4}


def test_two_inputs_of_one_length():
    graph = traced(lambda m, x, y: x + y, fastnet.ones(2, 4), fastnet.ones(2, 1),
                   axes={"args.0": [0], "args.1": {0: "args_0_0"}})
    assert repr(graph.inputs[1].shape) == "(args_0_0, 1)"
    with pytest.raises(RuntimeError, match=r"\(args_0_0, 1\) with args_0_0=3, got float32 \(4, 1\)"):
        graph.run(fastnet.ones(3, 4), fastnet.ones(4, 1))


def test_negative_axes_and_halved_lengths():
    graph = trace(nn.MaxPool1d(2), fastnet.ones(1, 3, 8), dynamic={"input": {-1: "length"}})
    assert repr(graph.outputs[0].shape) == "(1, 3, length/2)"
    assert graph.run(fastnet.ones(1, 3, 20)).shape == (1, 3, 10)
    with pytest.raises(ValueError, match="expected length/2 to be an integer, got 7/2"):
        graph.run(fastnet.ones(1, 3, 7))


def test_modules_of_graphs():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    module = GraphModule(trace(model, fastnet.ones(1, 3, 4, 4), dynamic={"input": [0]}))
    x = fastnet.randn(5, 3, 4, 4)
    assert fastnet.equal(module(x), model(x))


def test_a_dim_is_an_integer():
    dim = Dim(9, "n", 2, 1)
    assert dim == 9 and hash(dim) == hash(9) and dim + 1 == 10 and f"{dim} {dim!r}" == "2*n+1 2*n+1"
    assert repr(Dim(3, "n", 1, -2)) == "n-2" and repr(copy.deepcopy(dim)) == "2*n+1"


# ---- what a graph cannot hold ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("function, message", [
    (lambda m, x: m.linear(x) if len(x) < 4 else m.linear(x).relu(), "relu is not always called"),
    (lambda m, x: x.exp() if len(x) % 2 else x.sin(), "it calls sin or exp"),
    (lambda m, x: x * (1 / len(x)), "argument y of mul is not linear"),
    (lambda m, x: x.reshape(len(x)**2 if len(x) % 2 == 0 else len(x), -1), "argument shape of view"),
    (lambda m, x: x + fastnet.tensor([float(i * i) for i in range(len(x))]).unsqueeze(1), "elements depend on the"),
    (lambda m, x: sum(x[i] for i in range(len(x))), "operations|not always called"),
], ids=["count", "other", "float", "square", "table", "loop"])
def test_other_dependences_are_errors(function, message):
    with pytest.raises(RuntimeError, match=message):
        traced(function)


def test_the_module_is_named():
    model = nn.Sequential(nn.Identity(), Net(lambda m, x: x * (1 / len(x))))
    with pytest.raises(RuntimeError, match=r"argument y of mul in module '1' is not linear in .* n=2,3,4: 0.5, 0.33"):
        trace(model, fastnet.ones(2, 4), dynamic={"input": {0: "n"}})


def test_a_number_that_an_operation_reads_may_be_open():
    assert (traced(lambda m, x: x.sum(0) / len(x)).run(fastnet.ones(9, 4)) == 1).all()


@pytest.mark.parametrize("dynamic, message", [
    ({"x": {0: "n"}}, r"to name an input \(input\), got 'x'"), ({"input": {2: "n"}}, "has 2 dimensions, dynamic names"),
    ({"input": {0: "a b"}}, "to be an identifier"), ({"input": {0: "n", 1: "n"}}, "has length 2 in one input, and 4"),
])
def test_wrong_names(dynamic, message):
    with pytest.raises(ValueError, match=message):
        trace(nn.ReLU(), fastnet.ones(2, 4), dynamic=dynamic)


def test_an_empty_example():
    with pytest.raises(ValueError, match="length 0"):
        trace(nn.ReLU(), fastnet.ones(0, 4), dynamic={"input": [0]})


def test_functional_padding_of_open_lengths():
    graph = trace(Net(lambda m, x: F.pad(x, (0, 0, 0, 3))), fastnet.ones(2, 4), dynamic={"args.0": {0: "n"}})
    assert repr(graph.outputs[0].shape) == "(n+3, 4)" and graph.run(fastnet.ones(5, 4)).shape == (8, 4)


def test_an_open_dimension_that_a_weight_fixes():
    with pytest.raises(RuntimeError, match=r"an input of shape \(2, 16\) .*traced with c=16, to see what depends on"):
        fastnet.graph.trace(nn.Linear(8, 2), fastnet.ones(2, 8), dynamic={"input": {1: "c"}})
