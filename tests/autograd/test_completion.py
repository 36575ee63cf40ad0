"""Watchers learn during backward() which gradients are complete, eagerly and in replays."""
import gc

import pytest

import fastnet
from fastnet import nn
from fastnet.autograd.completion import GradientWatcher, call_after_backward, is_watched, progress, watch_gradients

pytestmark = pytest.mark.usefixtures("backend")


class Watcher(GradientWatcher):
    """Notes the group, and the other leaves that have a gradient at that time."""

    def __init__(self, *groups):
        self.groups, self.noted, self.fixed = groups, [], True
        watch_gradients(self)

    def is_fixed(self, number):
        return self.fixed

    def ready(self, number):
        here = {id(leaf) for leaf in self.groups[number]}
        rest = [leaf for group in self.groups for leaf in group if id(leaf) not in here]
        assert all(leaf.grad is not None for leaf in self.groups[number])
        self.noted.append((number, sum(leaf.grad is not None for leaf in rest)))


@pytest.fixture
def layers():
    fastnet.manual_seed(0)
    return [nn.Linear(3, 3) for _ in range(3)]


@pytest.fixture
def watcher(layers):
    return Watcher(*[list(layer.parameters()) for layer in layers[::-1]])


def loss(layers, x=None):
    x = fastnet.ones(2, 3) if x is None else x
    for layer in layers:
        x = layer(x).tanh()
    return x.sum()


def test_groups_are_announced_in_the_order_of_backward(layers, watcher):
    loss(layers).backward()
    assert watcher.noted == [(0, 0), (1, 2)]            # the last gradients of all are those of the first layer


def test_a_shared_leaf_is_complete_after_its_last_use(layers, watcher):
    loss([layers[0], layers[2], layers[1], layers[2]]).backward()       # layer 2 is used first and last
    assert watcher.noted == [(1, 2), (0, 2)]


def test_groups_without_all_gradients_and_with_hooks_are_not_announced(layers, watcher):
    loss(layers[::2]).backward()
    assert watcher.noted == [(0, 0)]
    with layers[2].bias.register_hook(lambda g: g * 2):
        loss(layers).backward()
    assert watcher.noted == [(0, 0), (1, 4)]
    fastnet.grad(loss(layers), list(layers[2].parameters()))
    loss(layers).backward(inputs=list(layers[2].parameters()))
    assert len(watcher.noted) == 2


def test_replays_announce_again(layers, watcher):
    @fastnet.compile
    def step(x):
        for layer in layers:
            layer.zero_grad()
        result = loss(layers, x)
        result.backward()
        return result.detach()
    gradients, numbers = [], []
    watcher.ready = numbers.append              # the code of a function would be watched for what it reads and changes
    for scale in (1.0, 2.0, 3.0):
        numbers.clear()
        step(fastnet.full((2, 3), scale))
        assert numbers == [0, 1]
        gradients.append([p.grad.tolist() for layer in layers for p in layer.parameters()])
    assert len(step) == 1
    for layer in layers:
        layer.zero_grad()
    loss(layers, fastnet.full((2, 3), 3.0)).backward()
    assert gradients[2] == [p.grad.tolist() for layer in layers for p in layer.parameters()] != gradients[1]


def test_what_does_not_stay_in_its_place_is_not_announced(layers, watcher):
    watcher.fixed = False
    loss(layers).backward()
    assert watcher.noted == []


def test_an_error_of_a_watcher_ends_backward(layers, watcher):
    def broken(number):
        raise ValueError("broken")
    watcher.ready = broken
    with pytest.raises(ValueError, match="broken"):
        loss(layers).backward()
    assert progress.depth == 0


def test_backward_inside_backward(layers, watcher):
    """A hook may call backward(), but not for gradients that were announced. Then nothing more is announced."""
    other = nn.Linear(3, 1)

    @fastnet.enable_grad()
    def inner(g, reached=other):
        reached(fastnet.ones(1, 3)).sum().backward()
    hidden = layers[0](fastnet.ones(2, 3))
    handle = hidden.register_hook(inner)
    layers[2](layers[1](hidden)).sum().backward()
    assert watcher.noted == [(0, 0), (1, 2)] and other.weight.grad is not None

    watcher.noted.clear()
    handle.remove()
    hidden = layers[1](layers[0](fastnet.ones(2, 3)))
    hidden.register_hook(inner)
    layers[2](hidden).sum().backward()
    assert watcher.noted == [(0, 4)]

    hidden = layers[0](fastnet.ones(2, 3))
    hidden.register_hook(lambda g: inner(g, layers[2]))
    with pytest.raises(RuntimeError, match="adds to a gradient that"):
        layers[2](layers[1](hidden)).sum().backward()
    assert progress.depth == 0 and not progress.announced


def test_functions_after_backward(layers):
    calls = []

    def hook(g):
        call_after_backward(lambda: calls.append("done"), lambda: calls.append("failed"))
    hidden = layers[0](fastnet.ones(2, 3))
    hidden.register_hook(hook)
    hidden.sum().backward()
    assert calls == ["done"]

    def broken(g):
        raise ValueError("broken")
    x = fastnet.ones(2, 3, requires_grad=True)
    before = x * 1
    before.register_hook(broken)
    hidden = layers[0](before)
    hidden.register_hook(hook)
    with pytest.raises(ValueError, match="broken"):
        hidden.sum().backward()
    assert calls == ["done", "failed"]
    layers[1](fastnet.ones(2, 3)).sum().backward()
    assert calls == ["done", "failed"]


def test_a_watcher_that_is_gone_watches_no_more(layers):
    watcher = Watcher(list(layers[0].parameters()))
    assert is_watched()
    del watcher
    gc.collect()
    assert not is_watched()
