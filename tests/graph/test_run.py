"""Graphs run: the bits of the model, checked inputs, modules of graphs, and operations by name."""
import numpy as np
import pytest
from graph_tools import traced
from small_models import small_model

import fastnet
from fastnet import nn
from fastnet.autograd.tape import OPERATIONS
from fastnet.graph import GraphModule, operation, trace

pytestmark = pytest.mark.usefixtures("backend")


def test_a_run_follows_the_weights_of_the_model():
    model = nn.Linear(3, 2)
    graph = trace(model, fastnet.ones(4, 3))
    with fastnet.no_grad():
        model.weight.fill_(2)
        model.bias.zero_()
    assert (graph.run(fastnet.ones(4, 3)) == 6).all()


@pytest.mark.parametrize("ran_before", [False, True])
def test_a_recorded_run_follows_the_weights_of_the_model(ran_before):
    model, x = nn.Linear(256, 256), fastnet.rand(8, 256)
    model.register_buffer("scale", fastnet.from_numpy(np.ones(256, np.float32)))        # in NumPy's memory
    model.register_forward_pre_hook(lambda module, args: args[0] * module.scale)
    graph = trace(model, x)
    if ran_before:
        graph.run(x)
    for freeze in (False, True):
        recorded = fastnet.compile(graph.run, freeze=freeze)
        with fastnet.no_grad():
            recorded(x)
            for tensor in (model.weight, model.scale):
                tensor.mul_(2)
                assert fastnet.equal(recorded(x), graph.run(x))


def test_inputs_are_checked():
    graph = trace(nn.Bilinear(3, 3, 2), fastnet.ones(4, 3), fastnet.ones(4, 3))
    with pytest.raises(TypeError, match=r"expected 2 inputs \(input1, input2\), got 1"):
        graph.run(fastnet.ones(4, 3))
    with pytest.raises(RuntimeError, match=r"input2 to be a tensor float32 \(4, 3\), got float32 \(5, 3\)"):
        graph.run(fastnet.ones(4, 3), fastnet.ones(5, 3))
    with pytest.raises(RuntimeError, match="got float64"):
        graph.run(fastnet.ones(4, 3), fastnet.ones(4, 3).double())
    with pytest.raises(RuntimeError, match="got ndarray"):
        graph.run(np.ones((4, 3), np.float32), fastnet.ones(4, 3))


def test_outputs():
    x = fastnet.ones(2, 3)
    assert traced(lambda m, x: x).run(x) is x
    first, second = traced(lambda m, x: {"a": x * 2, "b": [x + 1]}).run(x)
    assert (first == second).all() and (first == 2).all()


def test_gradients_flow_to_inputs():
    x = fastnet.ones(2, 3, requires_grad=True)
    traced(lambda m, x: x * x).run(x).sum().backward()
    assert (x.grad == 2).all()


def test_an_operation_of_the_user():
    @fastnet.autograd.op
    def relu(x):                                                    # the name of one of fastnet's
        return x * 10, None
    graph = traced(lambda m, x: relu(x).relu())
    assert (graph.run(fastnet.ones(2, 3)) == 10).all()
    assert graph.nodes[0].function is not None and graph.nodes[1].function is None


def test_indices_of_a_pool_are_a_node():
    graph = traced(lambda m, x: nn.functional.max_unpool1d(*nn.functional.max_pool1d(x, 2, return_indices=True), 2),
                   fastnet.tensor([[1.0, 2.0, 4.0, 3.0]]))
    assert graph.run(fastnet.tensor([[5.0, 2.0, 0.0, 3.0]])).tolist() == [[5, 0, 0, 3]]


def test_an_input_with_the_name_of_a_parameter():
    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(fastnet.full((2,), 3.0))

        def forward(self, x):
            return x * self.x
    graph = trace(Same(), fastnet.ones(2))
    assert [x.name for x in graph.inputs] == ["x_"] and graph.run(fastnet.ones(2)).tolist() == [3, 3]


# ---- modules of graphs ----------------------------------------------------------------------------------------------

def test_a_module_of_a_graph_learns():
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    copy = GraphModule(trace(model, fastnet.ones(4, 3)))
    assert list(copy.state_dict()) == list(model.state_dict())
    x, y = fastnet.randn(4, 3), fastnet.randn(4, 1)
    losses = []
    for module in (model, copy):
        optimizer = fastnet.optim.SGD(module.parameters(), lr=0.1)
        for _ in range(3):
            loss = nn.functional.mse_loss(module(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[:3] == losses[3:]
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(copy.state_dict()[key].numpy(), value.numpy())


class Chosen(nn.Module):
    """A layer and what is taken of its result."""

    def __init__(self, layer, chosen=lambda y: y):
        super().__init__()
        self.layer, self.chosen = layer, chosen

    def forward(self, x):
        return self.chosen(self.layer(x))


SAVING = {
    "max pool": (Chosen(nn.Conv1d(3, 4, 1), lambda y: nn.functional.max_pool1d(y, 2)), (2, 3, 6)),
    "recurrent layer": (Chosen(nn.LSTM(3, 4), lambda y: y[0]), (5, 2, 3)),
    "recurrent cell": (nn.GRUCell(3, 4), (2, 3)),
    "linear cross-entropy": (Chosen(nn.Linear(3, 3), lambda y: nn.functional.linear_cross_entropy(
        y, fastnet.ones(4, 3), fastnet.tensor([1, 0]))), (2, 3)),
}


@pytest.mark.parametrize("name", SAVING)
def test_operations_that_save_for_their_gradient(name):
    model, shape = SAVING[name]
    x = fastnet.randn(*shape)
    copy = GraphModule(trace(model, x))
    for module in (model, copy):
        module.zero_grad()
        module(x).square().sum().backward()
    for (_, p), (_, q) in zip(model.named_parameters(), copy.named_parameters(), strict=True):
        np.testing.assert_array_equal(q.grad.numpy(), p.grad.numpy())


def test_a_module_of_a_graph_owns_its_weights_and_loads_those_of_the_model(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    copy = GraphModule(trace(model, fastnet.ones(4, 3)))
    x = fastnet.randn(4, 3)
    before = copy(x).detach().clone()
    with fastnet.no_grad():
        model[0].weight.mul_(2)
    assert fastnet.equal(copy(x), before)
    model.eval().save(tmp_path / "model.safetensors")
    state = fastnet.load_file(tmp_path / "model.safetensors")
    copy.load_state_dict({key: value for key, value in state.items() if key in copy.state_dict()})
    assert fastnet.equal(copy(x), model(x))


def test_a_module_of_a_graph_is_saved_as_weights(tmp_path):
    graph = trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), fastnet.ones(4, 3))
    first, second, x = GraphModule(graph), GraphModule(graph), fastnet.randn(4, 3)
    with fastnet.no_grad():
        first(x)
        dict(first.named_parameters())["0.weight"].mul_(2)
    with pytest.warns(UserWarning, match="the weights, but not the architecture .*GraphModule"):
        first.save(tmp_path / "g.safetensors")
    assert fastnet.equal(fastnet.load(tmp_path / "g.safetensors", second)(x), first(x))


def test_a_module_of_a_graph_is_compiled():
    model, inputs = small_model("resnet8")
    copy = GraphModule(trace(model, *inputs)).eval()
    fast = fastnet.compile(copy)
    with fastnet.no_grad():
        found = [fast(*inputs) for _ in range(3)]
        assert all(fastnet.equal(y, model(*inputs)) for y in found)
    assert len(fast.recordings) == 1


def test_constants_are_no_state():
    copy = GraphModule(traced(lambda m, x: m.linear(x) + fastnet.arange(3.0)))
    assert list(copy.state_dict()) == ["linear.weight", "linear.bias"]
    assert fastnet.equal(copy(fastnet.ones(2, 3)), copy.graph.run(fastnet.ones(2, 3)))


# ---- operations by name ---------------------------------------------------------------------------------------------

def test_operations():
    assert operation("conv") is OPERATIONS["conv"] and len(OPERATIONS) > 200
    assert operation("airy_values") is OPERATIONS["airy_values"]        # of a module that is imported late
    with pytest.raises(KeyError, match="fastnet has no operation 'nothing'"):
        operation("nothing")
