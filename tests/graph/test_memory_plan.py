"""Lifetimes of values, and plans of one arena: nothing overlaps, chains are exact, networks come near their bound."""
import itertools

import numpy as np
import pytest
from graph_tools import traced
from hypothesis import given, settings, strategies as st
from small_models import small_model

import fastnet
from fastnet.graph import optimize, plan_memory, trace
from fastnet.graph.memory_plan import Block, place


def test_lifetimes():
    graph = traced(lambda m, x: (y := m.linear(x), y.view(6).exp() + y.view(6)[None])[1])
    times = {value.name: time for value, time in graph.lifetimes().items()}
    assert (times["args.0"].first, times["args.0"].last) == (-1, 0)
    assert (times["linear_1"].first, times["linear_1"].last) == (0, 5)          # by its views
    assert times["view_2"].owner.name == "linear_1"
    assert (times["add_1"].first, times["add_1"].last) == (5, 6)                # an output


def test_in_place():
    graph = traced(lambda m, x: (m.linear(x).exp() + x).sum(0))
    found = {value.name: time.in_place and time.in_place.name for value, time in graph.lifetimes().items()}
    assert found == {"args.0": None, "linear_1": None, "exp_1": "linear_1", "add_1": "exp_1", "sum_1": None}
    graph = traced(lambda m, x: (y := m.linear(x), y.exp() + y)[1])
    assert {value.name: time.in_place and time.in_place.name for value, time in graph.lifetimes().items()} == {
        "args.0": None, "linear_1": None, "exp_1": None, "add_1": "exp_1"}


def test_memory_that_a_result_cannot_have():
    """That of a value in another order of memory, or of one that is read in two orders."""
    for forward in (lambda m, x: m.linear(x).t().exp(), lambda m, x: (y := m.linear(x), y + y.t())[1],
                    lambda m, x: m.linear(x)[::2].exp()):
        graph = traced(forward, fastnet.ones(3, 3))
        assert graph.lifetimes()[graph.outputs[0]].in_place is None
    graph = traced(lambda m, x: (y := m.linear(x).view(9).exp()) + y, fastnet.ones(3, 3))
    assert [time.in_place is not None for time in graph.lifetimes().values()] == [False, False, False, True, True]


def test_views_of_parameters_need_no_memory():
    graph = traced(lambda m, x: x @ m.linear.weight.t())
    assert [value.name for value in graph.lifetimes()] == ["args.0", "mm_1"]


def overlaps(blocks, offsets):
    return [(i, j) for i, j in itertools.combinations(range(len(blocks)), 2)
            if blocks[i].first <= blocks[j].last and blocks[j].first <= blocks[i].last
            and offsets[i] < offsets[j] + blocks[j].size and offsets[j] < offsets[i] + blocks[i].size]


def size_of(blocks, offsets):
    return max(offset + block.size for offset, block in zip(offsets, blocks))


BLOCKS = st.lists(st.builds(lambda size, first, length: Block(size, first, first + length), st.integers(1, 60),
                            st.integers(0, 12), st.integers(0, 5)), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(BLOCKS, st.sampled_from([1, 16]))
def test_nothing_overlaps(blocks, align):
    offsets = place(blocks, align)
    assert not overlaps(blocks, offsets) and all(offset % align == 0 and offset >= 0 for offset in offsets)
    live = max(sum(b.size for b in blocks if b.first <= t <= b.last) for t in range(20))
    assert live <= size_of(blocks, offsets) <= 1.6 * live + align * len(blocks)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12))
def test_chains_are_exact(sizes):
    blocks = [Block(size, i, i + 1) for i, size in enumerate(sizes)]
    offsets = place(blocks)
    assert not overlaps(blocks, offsets)
    assert size_of(blocks, offsets) == max(map(sum, zip(sizes, [*sizes[1:], 0])))


def test_views_and_scratch_memory_and_values_outside():
    graph = traced(lambda m, x: m.linear(x).view(6) + 1)
    plan = plan_memory(graph, 1, in_place=False)
    assert plan.offsets[graph.nodes[0].outputs[0]] == plan.offsets[graph.nodes[1].outputs[0]] and plan.size == 48
    assert plan_memory(graph, 1, in_place=False, scratch={0: 100}).size == 124
    assert plan_memory(graph, 1, in_place=False, outside=(*graph.inputs, *graph.outputs)).size == 24
    assert plan_memory(graph, 1, in_place=False, outside=()).size == 48
    assert plan_memory(traced(lambda m, x: x)).size == 0
    with pytest.raises(ValueError, match="align to be 1 or more"):
        plan_memory(graph, 0)


def test_a_run_in_the_arena_gives_the_outputs():
    """A run whose results are all copied to their planned places before the next node reads them."""
    model, inputs = small_model("resnet8")
    graph = optimize(trace(model, *inputs))
    plan = plan_memory(graph)
    arena = np.zeros(plan.size, np.uint8)

    def put(value, array):
        start = plan.offsets[value]
        arena[start:start + value.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    def get(value):
        start = plan.offsets[value]
        return fastnet.tensor(arena[start:start + value.nbytes].view(value.dtype).reshape(value.shape).copy())
    known = dict(zip(graph.inputs, inputs))
    from fastnet.graph.running import Program, members_of
    known |= members_of(graph)
    with fastnet.no_grad():
        for step in Program(graph).steps:
            reads = {v: known[v] if v in known else get(v)
                     for node in graph.nodes if node.outputs == step.outputs for v in node.inputs}
            put(step.outputs[0], step.run(reads, {})[0].numpy())
        np.testing.assert_allclose(get(graph.outputs[0]).numpy(), model(*inputs).numpy(), atol=1e-4)
