"""The graph of a model: its nodes, values and modules, in-place writes, and a model that is unchanged afterwards."""
from types import SimpleNamespace

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.graph import trace

pytestmark = pytest.mark.usefixtures("backend")


class Net(nn.Module):
    """A module whose `forward` is a given function of the module and its arguments."""

    def __init__(self, function):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.register_buffer("scale", fastnet.full((3,), 2.0))
        self.function = function

    def forward(self, x, *args, **kwargs):
        return self.function(self, x, *args, **kwargs)


def traced(function, *example, **named):
    return trace(Net(function), *(example or (fastnet.ones(2, 3),)), **named)


def operations(graph):
    return [node.operation for node in graph.nodes]


def test_a_chain():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    graph = trace(model, fastnet.ones(5, 3))
    assert operations(graph) == ["linear", "relu", "linear"]        # fused layers are separate nodes
    assert [node.module for node in graph.nodes] == ["0", "1", "2.0"]
    assert [call.path for call in graph.calls] == ["", "0", "1", "2", "2.0"]
    assert list(graph.parameters) == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"] == list(model.state_dict())
    assert graph.parameters["0.weight"].data is model[0].weight._data
    assert graph.nodes[1].inputs == graph.nodes[0].outputs and graph.outputs == graph.nodes[2].outputs
    assert [x.shape for x in graph.outputs] == [(5, 2)] and graph.outputs[0].nbytes == 40
    assert graph.nodes_of("2") == graph.nodes[2:] and graph.nodes_of("") == graph.nodes
    assert repr(graph).splitlines()[-1] == "  return linear_2"


def test_attributes_have_the_names_of_the_operations_parameters():
    [node] = traced(lambda m, x: x.sum(1, keepdim=True)).nodes
    assert node.attributes["keepdim"] is True and 1 in (node.attributes["dim"], *np.ravel(node.attributes["dim"]))
    [node] = traced(lambda m, x: 1 - x).nodes
    assert node.operation == "sub" and next(iter(node.arguments.values())) == 1 and len(node.inputs) == 1


def test_inputs_in_containers_and_by_keyword():
    graph = traced(lambda m, x, rest, by=None: fastnet.cat([x, rest[0], by["k"]], 1), fastnet.ones(1, 1),
                   [fastnet.ones(1, 2)], by={"k": fastnet.ones(1, 3)})
    assert [x.name for x in graph.inputs] == ["x", "args.0.0", "kwargs.by.k"]
    assert graph.nodes[0].inputs == graph.inputs


def test_outputs_in_containers():
    graph = traced(lambda m, x: {"a": m.linear(x), "b": (x, [x * m.scale])})
    assert [y.name for y in graph.outputs] == ["linear_1", "x", "mul_1"]
    assert list(graph.buffers) == ["scale"]


def test_constants():
    graph = traced(lambda m, x: x @ fastnet.arange(3.0))
    [constant] = graph.constants.values()
    assert constant.kind == "constant" and constant.data.tolist() == [0, 1, 2]


def test_views_are_marked():
    graph = traced(lambda m, x: (x.view(3, 2), x.t(), x * 2))
    assert [node.is_view for node in graph.nodes] == [True, True, False]


# ---- writes in place ------------------------------------------------------------------------------------------------

def test_a_write_in_place_gives_the_tensor_a_new_value():
    def forward(m, x):
        y = x * 2
        y.relu_()
        y += 1
        y[0] = x[1]
        return y.detach() * 3
    graph = traced(forward)
    assert operations(graph) == ["mul", "relu", "add", "index_view", "put", "mul"]
    for before, after in zip(graph.nodes[:3], (graph.nodes[1], graph.nodes[2], graph.nodes[4])):
        assert after.inputs[0] is before.outputs[0]
    assert graph.nodes[5].inputs == graph.nodes[4].outputs


@pytest.mark.parametrize("layer, operation", [(nn.ReLU(inplace=True), "relu"), (nn.ReLU6(inplace=True), "hardtanh"),
                                              (nn.SiLU(inplace=True), "silu")])
def test_layers_in_place(layer, operation):
    graph = traced(lambda m, x: layer(x * 2))
    assert operations(graph)[-1] == operation and graph.outputs == graph.nodes[-1].outputs


def test_a_constant_may_be_written_before_it_is_used():
    graph = traced(lambda m, x: x + fastnet.zeros(3).fill_(7))
    assert next(iter(graph.constants.values())).data.tolist() == [7, 7, 7]


@pytest.mark.parametrize("forward", [
    lambda m, x: (x * 2).fill_(3),
    lambda m, x: (x * 2).view(-1).relu_(),
    lambda m, x: fastnet.matmul(x, m.linear.weight, out=x * 2),
], ids=["fill", "view", "out"])
def test_other_writes_are_refused(forward):
    with pytest.raises(RuntimeError, match="in place"):
        traced(forward)


@pytest.mark.parametrize("read", [lambda x: x.sum().item(), lambda x: x.numpy(), lambda x: x.tolist(),
                                  lambda x: bool(x.sum() > 0), lambda x: 1.0 in x])
def test_reading_values_is_refused(read):
    with pytest.raises(RuntimeError, match=r"inside fastnet\.graph\.trace"):
        traced(lambda m, x: (read(x), x)[1])


# ---- the model afterwards -------------------------------------------------------------------------------------------

def test_the_model_is_unchanged():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    model[2].eval()
    seen, x = [], fastnet.randn(4, 3)
    handle = model[0].register_forward_hook(lambda *given: seen.append(given))
    state, random = {k: v.clone() for k, v in model.state_dict().items()}, fastnet.get_rng_state()
    graph = trace(model, x, training=True)
    assert operations(graph) == ["linear", "batch_norm", "dropout"] and len(seen) == 1
    assert [m.training for m in model] == [True, True, False] and model.training
    assert all((v == state[k]).all() for k, v in model.state_dict().items())
    assert model[1]._hooks is None and model[0]._hooks is not None
    handle.remove()
    assert operations(trace(model, fastnet.ones(4, 3))) == ["linear", "batch_norm"]
    assert (fastnet.get_rng_state() == random).all()


def test_an_error_leaves_the_model_unchanged():
    def forward(m, x):
        m.linear(x)
        raise ZeroDivisionError
    model = Net(forward)
    with pytest.raises(ZeroDivisionError):
        trace(model, fastnet.ones(2, 3))
    assert model._hooks is None and model.linear._hooks is None and model.training
    model.function = lambda m, x: m.linear(x)
    assert operations(trace(model, fastnet.ones(2, 3))) == ["linear"]


def test_a_compiled_function_is_traced_as_itself():
    double = fastnet.compile(lambda x: x * 2)
    for _ in range(3):
        double(fastnet.ones(2, 3))
    assert operations(traced(lambda m, x: double(x) + 1)) == ["mul", "add"]


def test_errors():
    with pytest.raises(TypeError, match="expected a Module, got function"):
        trace(lambda x: x, fastnet.ones(2))
    with pytest.raises(RuntimeError, match="inside another one"):
        traced(lambda m, x: trace(m.linear, x) and x)
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        trace(Net(lambda m, x: x))


def test_a_module_that_is_called_twice_has_two_calls():
    graph = traced(lambda m, x: m.linear(m.linear(x)))
    assert [call.path for call in graph.calls] == ["", "linear", "linear"]
    assert graph.nodes[0].inputs[1] is graph.nodes[1].inputs[1]


# ---- the hook in both implementations of the runtime ----------------------------------------------------------------

def test_operations_are_noted_only_inside_a_trace(twin):
    def double(x):
        return x * 2, (None,)
    operation = twin.tape.differentiable(double, "double", False, None, lambda *_: None)
    x, notes = twin.tape.wrapped(np.ones(2)), []
    tracer = SimpleNamespace(note_call=lambda *note: notes.append(note))
    operation(x)
    result = twin.state.traced(tracer, operation, x)
    operation(x)
    assert notes == [(double, "double", (x,), {}, result)] and twin.state.state.tracer is None


def test_traces_do_not_nest(twin):
    def fail():
        raise KeyError
    with pytest.raises(RuntimeError, match="inside another one"):
        twin.state.traced(1, twin.state.traced, 2, len, ())
    with pytest.raises(KeyError):
        twin.state.traced(1, fail)
    assert twin.state.state.tracer is None
    assert twin.state.traced(1, lambda: twin.state.state.tracer) == 1


def test_a_tensor_given_twice_is_two_inputs():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(fastnet.ones(3))

        def forward(self, x, y):
            return x - 2 * y + self.weight
    net, x = Net(), fastnet.randn(2, 3)
    for graph in (trace(net, x, x), trace(net, x, net.weight)):
        zeros = fastnet.zeros(graph.inputs[1].shape)
        assert fastnet.equal(graph.run(x, zeros), (x + 1).detach())
