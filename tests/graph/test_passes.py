"""Passes: the same outputs for all networks, to the bit where nothing is re-associated, and what each pass removes."""
import dataclasses

import numpy as np
import pytest
from graph_tools import Net, traced
from small_models import flat, small_model

import fastnet
from fastnet import nn
from fastnet.graph import (
    GraphModule,
    fold_batch_norm,
    fold_constants,
    fold_shapes,
    fuse,
    optimize,
    remove_dead_code,
    share_subexpressions,
    trace,
)
from fastnet.graph.passes import fuse_linear
from fastnet.graph.rewriting import check

pytestmark = pytest.mark.usefixtures("backend")


def operations(graph):
    return [node.operation for node in graph.nodes]


def test_a_graph_is_unchanged_by_passes():
    model, inputs = small_model("resnet8")
    graph = trace(model, *inputs)
    text, weights = repr(graph), {key: x.clone() for key, x in model.state_dict().items()}
    optimize(graph)
    assert repr(graph) == text and all(fastnet.equal(x, weights[key]) for key, x in model.state_dict().items())


# ---- dead code, constants, common subexpressions --------------------------------------------------------------------

def test_dead_code():
    graph = remove_dead_code(traced(lambda m, x: (m.linear(x).exp(), x * 2)[1]))
    assert operations(graph) == ["mul"] and not graph.parameters
    assert [call.path for call in graph.calls] == [""]


def test_updates_of_statistics_stay():
    model = nn.BatchNorm1d(3)

    class Unread(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = model

        def forward(self, x):
            self.norm(x)
            return x
    assert operations(remove_dead_code(trace(Unread(), fastnet.randn(4, 3), training=True))) == ["batch_norm"]
    assert operations(remove_dead_code(trace(Unread(), fastnet.randn(4, 3)))) == []


def test_constants():
    def forward(m, x):
        return x @ (m.linear.weight * 2).t() + fastnet.arange(3.0).exp().expand(2, 3)
    graph = traced(forward)
    assert operations(fold_constants(graph)) == ["mul", "transposed", "mm", "expanded", "add"]
    frozen = fold_constants(graph, freeze=True)
    assert operations(frozen) == ["mm", "expanded", "add"] and len(frozen.constants) == 2 and not frozen.parameters
    assert fastnet.equal(frozen.run(fastnet.ones(2, 3)), graph.run(fastnet.ones(2, 3)))


def test_random_numbers_and_open_dimensions_are_no_constants():
    graph = fold_constants(traced(lambda m, x: x + fastnet.bernoulli(fastnet.full((3,), 0.5))))
    assert operations(graph) == ["bernoulli", "add"]
    graph = fold_constants(trace(Net(lambda m, x: x + fastnet.ones(len(x), 3)), fastnet.ones(2, 3),
                                 dynamic={"args.0": [0]}))
    assert operations(graph) == ["expanded", "add"]


def test_common_subexpressions():
    def forward(m, x):
        return x.sum(1) + x.sum(1) + x.sum(0).sum() + x.sum(1, keepdim=True).sum()
    graph = share_subexpressions(traced(forward))
    assert operations(graph).count("sum") == 5
    draws = share_subexpressions(traced(lambda m, x: nn.functional.dropout(x) + nn.functional.dropout(x)))
    assert operations(draws).count("dropout") == 2


def test_equal_constants_are_one():
    graph = traced(lambda m, x: x + fastnet.ones(3) * 1 + fastnet.ones(3) * 1)
    assert operations(share_subexpressions(graph)) == ["mul", "add", "add"]


# ---- batch norm -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("layers, shape", [
    ((nn.Conv1d(4, 6, 3, groups=2), nn.BatchNorm1d(6)), (2, 4, 9)),
    ((nn.Conv3d(2, 4, 2, bias=False), nn.BatchNorm3d(4, affine=False)), (2, 2, 3, 4, 5)),
    ((nn.ConvTranspose2d(4, 6, 3, 2, groups=2), nn.BatchNorm2d(6)), (2, 4, 5, 5)),
    ((nn.Linear(3, 5), nn.BatchNorm1d(5)), (4, 3)),
], ids=["conv1d", "conv3d", "transposed", "linear"])
def test_batch_norm_folding(layers, shape):
    model, x = nn.Sequential(*layers), fastnet.randn(*shape)
    with fastnet.no_grad():
        for _ in range(3):
            model(x)
    model.eval()
    graph = fold_batch_norm(trace(model, x))
    assert len(graph.nodes) == 1 and list(graph.parameters) == ["0.weight", "0.bias"] and not graph.buffers
    np.testing.assert_allclose(graph.run(x).numpy(), model(x).detach().numpy(), atol=1e-5)
    assert list(GraphModule(graph).state_dict()) == ["0.weight", "0.bias"]


def test_batch_norms_that_stay():
    norm = nn.BatchNorm1d(3)
    for forward in (lambda m, x: (m.linear(x), norm(m.linear(x))[0]),                 # (two calls: folded once)
                    lambda m, x: (y := m.linear(x)) + norm(y),                        # two readers
                    lambda m, x: norm(m.linear(x).relu()),
                    lambda m, x: norm(m.linear(x[..., None].expand(2, 3, 3)))):       # channels are not the last
        norm.eval()
        graph = traced(forward)
        changed = fold_batch_norm(graph)
        x = fastnet.randn(2, 3)
        for a, b in zip(flat(changed.run(x)), flat(graph.run(x))):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
    assert "batch_norm" in operations(changed)


def test_shared_weights_are_folded_for_one_call():
    norm = nn.BatchNorm1d(3).eval()
    with fastnet.no_grad():
        norm.running_var.fill_(4)
    graph = traced(lambda m, x: m.linear(norm(m.linear(x))))
    changed = fold_batch_norm(graph)
    assert list(changed.parameters) == ["linear.weight_2", "linear.bias_2", "linear.weight", "linear.bias"]
    x = fastnet.ones(2, 3)
    np.testing.assert_allclose(changed.run(x).numpy(), graph.run(x).numpy(), atol=1e-6)


# ---- fusion ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Hardswish(),
                                        nn.Hardsigmoid()], ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("layer", [nn.Linear(3, 4), nn.Conv1d(3, 4, 3)], ids=["linear", "conv"])
def test_activations(layer, activation):
    model = nn.Sequential(layer, activation)
    x = fastnet.randn(*((2, 3) if isinstance(layer, nn.Linear) else (2, 3, 7)))
    graph = fuse(trace(model, x))
    assert operations(graph) == ["linear_activated" if isinstance(layer, nn.Linear) else "conv_normed"]
    with fastnet.no_grad():
        np.testing.assert_array_equal(graph.run(x).numpy(), model(x).numpy())


class Block(nn.Module):
    """relu(norm(conv(x)) + x), with its parts in any order."""

    def __init__(self, kernel, swapped, conv=True):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, kernel, padding=kernel // 2) if conv else nn.Identity()
        self.norm, self.swapped = nn.BatchNorm2d(4), swapped

    def forward(self, x):
        y = self.norm(self.conv(x))
        return (x + y if self.swapped else y + x).relu()


@pytest.mark.parametrize("kernel, swapped, conv", [(3, False, True), (1, True, True), (3, True, False)])
def test_residual_blocks(kernel, swapped, conv):
    model, x = Block(kernel, swapped, conv).eval(), fastnet.randn(2, 4, 9, 9)
    with fastnet.no_grad():
        model.norm.running_mean.copy_(fastnet.randn(4))
    graph = fuse(trace(model, x))
    assert operations(graph) == (["conv_normed"] if conv else ["batch_norm"])
    with fastnet.no_grad():
        np.testing.assert_array_equal(graph.run(x).numpy(), model(x).numpy())


def test_what_is_not_fused():
    graph = fuse(traced(lambda m, x: (y := m.linear(x)).relu() + y))                   # another reader
    assert operations(graph) == ["linear", "relu", "add"]
    assert operations(fuse(traced(lambda m, x: (m.linear(x), m.linear(x).relu())[1]))) == ["linear", "linear_activated"]
    assert operations(fuse(traced(lambda m, x: (y := m.linear(x), y.relu())))) == ["linear", "relu"]     # an output
    assert operations(fuse(trace(nn.Hardtanh(), fastnet.ones(2)))) == ["hardtanh"]
    graph = fuse(trace(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), fastnet.randn(2, 3, 4, 4), training=True))
    assert operations(graph) == ["conv", "batch_norm"]


def test_a_fused_graph_refuses_gradients_that_it_does_not_have():
    module = GraphModule(fuse(trace(nn.Sequential(nn.Conv1d(3, 4, 1), nn.ReLU()), fastnet.ones(1, 3, 5))))
    with pytest.raises(RuntimeError, match="conv_normed: a fused operation without a gradient"):
        module(fastnet.ones(1, 3, 5))
    module = GraphModule(fuse(trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), fastnet.ones(1, 3))))
    module(fastnet.ones(1, 3)).sum().backward()


# ---- shapes ---------------------------------------------------------------------------------------------------------

def test_chains_of_views():
    def forward(m, x):
        y = x.reshape(3, 2).reshape(1, 6).reshape(2, 3).permute(1, 0).contiguous().permute(1, 0).clone().float()
        return y.expand(2, 3) + 1
    graph = fold_shapes(traced(forward))
    assert operations(graph) == ["add"]
    x = fastnet.randn(2, 3)
    assert fastnet.equal(graph.run(x), x + 1)


def test_transpositions_are_joined():
    graph = fold_shapes(traced(lambda m, x: x.permute(2, 0, 1).permute(-2, -1, 0).exp(), fastnet.ones(2, 3, 4)))
    assert graph.nodes[0].arguments["order"] == (0, 1, 2) if len(graph.nodes) > 1 else operations(graph) == ["exp"]
    graph = fold_shapes(traced(lambda m, x: x.permute(2, 0, 1).permute(2, 1, 0).exp(), fastnet.ones(2, 3, 4)))
    x = fastnet.randn(2, 3, 4)
    assert operations(graph) == ["transposed", "exp"]
    assert fastnet.equal(graph.run(x), x.permute(2, 0, 1).permute(2, 1, 0).exp())


def test_outputs_are_no_inputs():
    graph = fold_shapes(traced(lambda m, x: x.clone()))
    x = fastnet.ones(2, 3)
    assert operations(graph) == ["clone"] and graph.run(x) is not x


def test_open_views():
    graph = trace(Net(lambda m, x: x.reshape(len(x) * 3).reshape(-1, 3).exp()), fastnet.ones(2, 3),
                  dynamic={"args.0": {0: "n"}})
    changed = fold_shapes(graph)
    assert operations(changed) == ["exp"] and changed.run(fastnet.ones(5, 3)).shape == (5, 3)


# ---- linear layers ---------------------------------------------------------------------------------------------------

def test_products_with_a_matrix_become_linear_layers():
    graph = traced(lambda m, x: (x @ m.linear.weight).relu() @ m.linear.weight)
    fused = fuse_linear(graph)
    assert operations(fused) == ["linear", "relu", "linear"]
    np.testing.assert_allclose(fused.run(fastnet.ones(2, 3)).numpy(), graph.run(fastnet.ones(2, 3)).numpy(), rtol=1e-5)


@pytest.mark.parametrize("other", [
    lambda w: w, lambda w: w.t(), lambda w: w * 2, lambda w: w.t().exp(), lambda w: w.t() @ w,
    lambda w: nn.functional.linear(w.t(), fastnet.ones(2, 3)), lambda w: nn.functional.linear(w.t(), w.t())],
    ids=["output", "transposed output", "factor", "transposed factor", "product", "input of a layer", "both"])
def test_a_matrix_with_another_use_keeps_its_form(other):
    graph = traced(lambda m, x: (x @ m.linear.weight, other(m.linear.weight)))
    fused = fuse_linear(graph)
    assert operations(fused)[0] == "mm"
    for found, expected in zip(fused.run(fastnet.ones(2, 3)), graph.run(fastnet.ones(2, 3)), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5)


def test_a_matrix_whose_transposed_form_is_not_read_keeps_its_form():
    graph = traced(lambda m, x: (m.linear.weight.t(), x @ m.linear.weight)[1])
    assert operations(fuse_linear(graph)) == ["transposed", "mm"]


# ---- the check ------------------------------------------------------------------------------------------------------

def test_a_broken_graph_is_refused():
    graph = traced(lambda m, x: m.linear(x).relu())
    for broken, message in (({"nodes": graph.nodes[::-1]}, "reads linear_1 before it is defined"),
                            ({"nodes": graph.nodes[:1]}, "the output relu_1 is not defined"),
                            ({"nodes": (*graph.nodes, graph.nodes[0])}, "computes linear_1 again"),
                            ({"parameters": {}}, "reads linear.weight before"),
                            ({"inputs": (*graph.inputs, dataclasses.replace(graph.inputs[0]))}, "two values")):
        with pytest.raises(ValueError, match=message):
            check(dataclasses.replace(graph, **broken))
