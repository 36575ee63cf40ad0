"""Graphs of all networks: the bits of the model, any batch and length, passes, and plans of memory."""
import numpy as np
import pytest
from small_models import EVERY_MODEL, flat, small_model

import fastnet
from fastnet.graph import (
    fold_batch_norm,
    fold_constants,
    fold_shapes,
    fuse,
    live_bytes,
    optimize,
    plan_memory,
    remove_dead_code,
    share_subexpressions,
    trace,
)

EXACT = [remove_dead_code, fold_constants, lambda graph: fold_constants(graph, freeze=True), fold_shapes, fuse,
         share_subexpressions, lambda graph: optimize(optimize(graph, exact=True), exact=True)]


def assert_same(found, expected):
    for a, b in zip(flat(found), flat(expected), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def traced(model, inputs):
    """The graph for any batch."""
    return trace(model, *inputs, dynamic={x.name: {0: "batch"} for x in trace(model, *inputs).inputs})


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_a_run_has_the_bits_of_the_model(name):
    model, inputs = small_model(name)
    with fastnet.no_grad():
        assert_same(trace(model, *inputs).run(*inputs), model(*inputs))


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_any_batch(name):
    model, inputs = small_model(name)
    graph = traced(model, inputs)
    assert all(x.shape[0].name == "batch" for x in graph.inputs) and graph.sizes == {"batch": 2}
    given = [fastnet.tensor(np.concatenate([x.numpy()] * 3)[:5]) for x in inputs]
    with fastnet.no_grad():
        assert_same(graph.run(*given), model(*given))


@pytest.mark.parametrize("name", ["gpt", "bert", "lstm_classifier", "ctc_recognizer", "tcn", "unet"])
def test_any_length(name):
    model, (x,) = small_model(name)
    [given] = trace(model, x).inputs
    axis = {"ctc_recognizer": 2, "tcn": 2, "unet": 3}.get(name, 1)
    example = x[:, :4].contiguous() if axis == 1 else x
    graph = trace(model, example, dynamic={given.name: {0: "batch", axis: "time"}})
    part = (x[:1, :7] if axis == 1 else x[:1, ..., :{"unet": 24, "tcn": 27}.get(name, 36)]).contiguous()
    with fastnet.no_grad():
        assert_same(graph.run(part), model(part))


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_passes(name):
    """The bits where nothing is re-associated, else the same outputs to 1e-5."""
    model, inputs = small_model(name)
    graph = traced(model, inputs)
    with fastnet.no_grad():
        expected = model(*inputs)
        for exact in EXACT:
            assert_same(exact(graph).run(*inputs), expected)
        for changed in (fold_batch_norm(graph), optimize(graph)):
            for a, b in zip(flat(changed.run(*inputs)), flat(expected), strict=True):
                np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5 * max(1, np.abs(b.numpy()).max()))
    if name in ("resnet18", "mobilenet_v2", "unet", "ds_cnn"):
        assert not [node for node in changed.nodes if node.operation in ("batch_norm", "relu", "hardtanh")]


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_plans_of_memory(name):
    """The largest number of bytes in use, plus at most what alignment takes."""
    model, inputs = small_model(name)
    for graph in (trace(model, *inputs), optimize(trace(model, *inputs))):
        plan = plan_memory(graph, align=16)
        assert plan.live <= plan.size <= plan.live + 512
        assert plan.live <= live_bytes(graph)
