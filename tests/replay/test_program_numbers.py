"""`fastnet.compile` and float arguments that change: one recording where they only meet tensors, else one for each."""
import math

import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")
VALUES = [0.0, 0.1, -0.0, 2.5, float("inf"), -3.0, float("nan"), 1e30]


def agreed(fn, values=VALUES, **options):
    """Compiled, `fn(x, value)` gives the bits of `fn` itself."""
    compiled, x = fastnet.compile(fn, **options), fastnet.rand(4) - 0.5
    for value in values:
        np.testing.assert_array_equal(compiled(x, value).numpy(), fn(x, value).numpy())
    return len(compiled.recordings)


@pytest.mark.parametrize("fn", [
    lambda x, t: x * t, lambda x, t: t - x, lambda x, t: (x + 2 * t) / (1 - t * 0.3), lambda x, t: x * -t + abs(t),
    lambda x, t: (x * t).sum() * (t / 2) + x.double() * t, lambda x, t: fastnet.where(x > t, x, t),
], ids=range(6))
def test_one_recording_for_all(fn):
    assert agreed(fn) == 2              # the first, for its value alone, and the one for any


@pytest.mark.filterwarnings("ignore:fastnet.compile recorded")
@pytest.mark.parametrize("fn", [
    lambda x, t: x * 2 if t > 0 else x, lambda x, t: x * math.cos(t), lambda x, t: x * float(f"{t:.1f}"),
    lambda x, t: x * max(t, 0.5), lambda x, t: x.clamp(min=t, max=t + 1), lambda x, t: x ** t,
    lambda x, t: x[int(t):], lambda x, t: fastnet.full((4,), t) * x, lambda x, t: x * np.float32(t),
], ids=range(9))
def test_a_value_that_is_read(fn):
    values = [0.5, 1.5, 2.0, 0.25]
    assert 2 <= agreed(fn, values) <= len(values)


def test_it_is_a_float_inside():
    def f(x, t):
        assert isinstance(t, float) and not isinstance(t, int)
        return x * t
    assert agreed(f, [0.5, 1.5, 2.0]) == 2


def test_numbers_come_back_as_floats():
    f = fastnet.compile(lambda x, t: (x * t, t, 2 * t))
    for t in (0.5, 1.0, 1.5):
        _, a, b = f(fastnet.ones(1), t)
        assert (type(a), type(b)) == (float, float) and (a, b) == (t, 2 * t)


def test_by_keyword_and_by_position():
    f = fastnet.compile(lambda x, scale=1.0, *, shift=0.0: x * scale + shift)
    for i in range(6):
        assert f(fastnet.ones(1), i / 2, shift=i / 4).tolist() == [i / 2 + i / 4]
        assert f(fastnet.ones(1), scale=i / 2).tolist() == [i / 2]
        assert f(fastnet.ones(1), i / 2).tolist() == [i / 2]
    assert len(f.recordings) == 6


def test_a_training_with_a_changing_weight():
    def train(compile):
        fastnet.manual_seed(0)
        layer = nn.Linear(3, 1)
        optimizer = fastnet.optim.Adam(layer.parameters(), lr=0.1)

        @compile
        def step(x, weight):
            optimizer.zero_grad()
            loss = (layer(x) * weight).square().mean() + weight * layer.weight.abs().sum()
            loss.backward()
            optimizer.step()
            return loss.detach()
        return [step(fastnet.randn(5, 3), i / 7).item() for i in range(9)], step
    eager, _ = train(lambda fn: fn)
    replayed, step = train(fastnet.compile)
    assert replayed == eager and len(step.recordings) == 2
