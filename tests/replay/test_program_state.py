"""`fastnet.compile` and state outside the function: gradients, versions, optimizers, arguments, results."""
import copy
import gc
import pickle
import time
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def ones(n=2):
    return fastnet.ones(n)


class Regression:
    """w * x trained to be small, eagerly or compiled."""

    def __init__(self, make=fastnet.optim.Adam, sizes=(3, 2)):
        fastnet.manual_seed(0)
        self.weights = [nn.Parameter(fastnet.randn(n)) for n in sizes]
        self.optimizer = make(self.weights, lr=0.1)

    def step(self, x):
        self.optimizer.zero_grad()
        loss = sum((w.square() * x).sum() for w in self.weights)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def values(self):
        return [w.detach().numpy().copy() for w in self.weights]


def assert_alike(a, b):
    for x, y in zip(a.values(), b.values()):
        np.testing.assert_array_equal(x, y)


# ---- gradients ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("hold", [lambda g: g, lambda g: g.detach(), lambda g: g.numpy(), lambda g: g.numpy()[1:]],
                         ids=["tensor", "detached", "array", "view"])
def test_a_gradient_that_somebody_holds_keeps_its_values(hold):
    eager, replayed = Regression(), Regression()
    step = fastnet.compile(replayed.step)
    held, expected = [], []
    for i in range(5):
        eager.step(ones(1) + i)
        step(ones(1) + i)
        held.append(hold(replayed.weights[0].grad))
        expected.append(np.asarray(hold(eager.weights[0].grad)).copy())
        for h, e in zip(held, expected):
            np.testing.assert_array_equal(np.asarray(h), e)
    assert_alike(eager, replayed)


def test_a_held_gradient_costs_no_recording():
    model = Regression()
    step = fastnet.compile(model.step)
    held = []
    for _ in range(5):
        step(ones(1))
        held.append(model.weights[0].grad)
    assert len(step) == 1 and len({h.tolist()[0] for h in held}) == 5


def test_eager_steps_between_replays():
    eager, mixed = Regression(), Regression()
    step = fastnet.compile(mixed.step)
    for i in range(8):
        eager.step(ones(1) * i)
        (step if i % 3 else mixed.step)(ones(1) * i)
    assert_alike(eager, mixed)


# ---- versions -------------------------------------------------------------------------------------------------------

def test_replays_count_as_writes():
    w = fastnet.ones(2, requires_grad=True)
    buffer = fastnet.zeros(2)

    @fastnet.compile
    def update(x):
        with fastnet.no_grad():
            w.mul_(2)
        buffer.add_(1)
        x.add_(1)
    for _ in range(3):
        x = ones()
        y = (w * w).sum(), (w * buffer).sum(), (w * x).sum()
        before = w._version, buffer._version, x._version
        update(x)
        assert (w._version, buffer._version, x._version) == tuple(v + 1 for v in before)
        for loss in y:
            with pytest.raises(RuntimeError, match="changed in place"):
                loss.backward()
    assert len(update) == 1


# ---- requires_grad --------------------------------------------------------------------------------------------------

def frozen_steps(wrap, freeze):
    """The weights of a generator after six steps, through a judge whose parameters `freeze` sets."""
    fastnet.manual_seed(0)
    generator, judge = nn.Linear(2, 2), nn.Linear(2, 1)
    optimizer = fastnet.optim.SGD(generator.parameters(), lr=0.1)

    def step(z):
        for flag in freeze:
            if flag is None:
                optimizer.zero_grad()
                judge(generator(z)).sum().backward()
                optimizer.step()
            else:
                judge.requires_grad_(flag)
    run = wrap(step)
    for i in range(6):
        run(fastnet.ones(3, 2) * i)
    return run, [p.tolist() for p in generator.parameters()], [p.requires_grad for p in judge.parameters()], [
        None if p.grad is None else p.grad.tolist() for p in judge.parameters()]


@pytest.mark.parametrize("freeze, recordings", [
    ((False, None, True), 1), ((True, None, False), 2), ((False, None), 2), ((None, False), 2),
    ((None, False, True), 2), ((False, None, True, None), 2)])      # the second time, gradients are added to others
def test_requires_grad_is_set_within_the_step(freeze, recordings):
    compiled, *got = frozen_steps(fastnet.compile, freeze)
    _, *expected = frozen_steps(lambda step: step, freeze)
    assert got == expected
    assert len(compiled) == recordings


def test_replays_set_requires_grad():
    w = fastnet.ones(2, requires_grad=True)

    @fastnet.compile
    def freeze(x):
        y = (w * x).sum()
        w.requires_grad_(False)
        return y.detach()
    for _ in range(3):
        w.requires_grad_(True)
        freeze(ones())
        assert not w.requires_grad
    assert len(freeze) == 1


# ---- arguments ------------------------------------------------------------------------------------------------------

def test_an_argument_that_is_captured_as_well_is_refused():
    w = ones()
    f = fastnet.compile(lambda x: x + w)
    with pytest.raises(RuntimeError, match="shares memory with an argument"):
        f(w)
    assert f(ones() * 2).tolist() == [3, 3]


def test_numpy_numbers_are_told_apart_by_their_bits():
    f = fastnet.compile(lambda x, s: x / s)
    for s in (0.0, -0.0):
        assert float(f(ones(1), np.float64(s))) == np.copysign(np.inf, s)
    for _ in range(3):
        f(ones(1), np.float64("nan"))
    assert len(f) == 3


def test_a_captured_numpy_array_is_refused():
    a = np.ones(2, np.float32)
    with pytest.raises(RuntimeError, match="Make it a tensor outside"):
        fastnet.compile(lambda x: fastnet.matmul(x, x) * fastnet.Tensor._wrap(a))(ones())


def test_a_failed_replay_restores_arguments():
    table = fastnet.zeros(3, 1)

    @fastnet.compile
    def step(x, index):
        x.add_(1)
        return F.embedding((index + x.long()), table)
    x = fastnet.zeros(1)
    step(x, fastnet.tensor([0]))
    with pytest.raises(IndexError):
        step(x, fastnet.tensor([5]))
    assert x.tolist() == [1]


# ---- results --------------------------------------------------------------------------------------------------------

def test_results_that_replays_cannot_make_are_refused():
    class Holder:
        pass
    for make in (lambda x: Holder(), lambda x: {x}, lambda x: (v for v in x), lambda x: defaultdict(list)):
        with pytest.raises(TypeError, match="a replay cannot make"):
            fastnet.compile(make)(ones())


def test_results_keep_their_structure():
    f = fastnet.compile(lambda x: OrderedDict(a=x * 2, b=(x.max(0), None, "text", 3, True)))
    for k in (1, 2):
        result = f(ones() * k)
        assert result["a"].tolist() == [2 * k, 2 * k] and result["b"][0].values.tolist() == k
        assert result["b"][1:] == (None, "text", 3, True)


def test_what_is_still_held_is_named_by_its_shape():
    kept = []
    with pytest.raises(RuntimeError, match=r"1 tensor.*of shape \(2, 3\)"):
        fastnet.compile(lambda x: kept.append(x * 2) or x.sum())(fastnet.ones(2, 3))


# ---- optimizers -----------------------------------------------------------------------------------------------------

def test_moments_given_by_the_user_are_used():
    apart, together = Regression(sizes=(3, 2, 4)), Regression(sizes=(3, 2, 4))
    step = fastnet.compile(together.step)
    for i in range(6):
        for model in (apart, together):
            if i in (2, 4):
                p = model.weights[i // 2 - 1]
                model.optimizer.state[p]["exp_avg"] = fastnet.full(p.shape, float(i))
        for w in apart.weights:                 # one optimizer step, its parameters updated one by one
            w._slot = None
        apart.step(ones(1))
        step(ones(1))
        assert_alike(apart, together)
    assert together.optimizer.state[together.weights[0]]["exp_avg"]._data.base is not None and len(step) == 3


def test_parameters_taken_from_a_group_stay_as_they_are():
    model = Regression(fastnet.optim.SGD)
    step = fastnet.compile(model.step)
    step(ones(1))
    model.optimizer.param_groups[0]["params"].pop()
    before = model.values()
    step(ones(1))
    after = model.values()
    assert (before[0] != after[0]).all() and (before[1] == after[1]).all()


def test_a_number_that_is_none_is_an_error():
    model = Regression(fastnet.optim.SGD)
    for run in (model.step, fastnet.compile(model.step)):
        model.optimizer.param_groups[0]["lr"] = None
        with pytest.raises(TypeError, match="lr: expected a number, got None"):
            run(ones(1))
        model.optimizer.param_groups[0]["lr"] = 0.1
    assert all(np.isfinite(v).all() for v in model.values())


def test_a_learning_rate_in_a_tensor_is_read_at_every_replay():
    model = Regression(fastnet.optim.SGD, sizes=(1,))
    rate = model.optimizer.param_groups[0]["lr"] = fastnet.tensor(0.0)
    step = fastnet.compile(model.step)
    step(ones(1))
    before = model.values()[0].copy()
    step(ones(1))
    assert model.values()[0] == before
    rate.fill_(0.5)
    step(ones(1))
    assert model.values()[0] == 0 and len(step) == 1


def test_schedules_and_optimizers_inside_are_refused():
    model = Regression()
    schedule = fastnet.optim.lr_scheduler.ExponentialLR(model.optimizer, 0.5)
    with pytest.raises(RuntimeError, match="a schedule's step"):
        fastnet.compile(lambda: schedule.step())()
    with pytest.raises(RuntimeError, match="creating an optimizer"):
        fastnet.compile(lambda: fastnet.optim.SGD(model.weights) and None)()


# ---- the wrapper ----------------------------------------------------------------------------------------------------

class Scaler:
    def __init__(self, factor):
        self.factor = factor

    @fastnet.compile
    def scale(self, x):
        return x * self.factor


@fastnet.compile
def double(x):
    return x * 2


def test_methods_can_be_compiled():
    a, b = Scaler(2.0), Scaler(3.0)
    for _ in range(2):
        assert a.scale(ones()).tolist() == [2, 2] and b.scale(ones()).tolist() == [3, 3]
    assert len(Scaler.scale) >= 2


def test_compiled_functions_are_pickled_by_name_and_modules_by_value():
    assert pickle.loads(pickle.dumps(double)) is double and copy.deepcopy(double) is double
    model = fastnet.compile(nn.Linear(2, 2), max_recordings=3)
    with fastnet.no_grad():
        again = pickle.loads(pickle.dumps(model))
        assert again.max_recordings == 3 and len(again) == 0
        assert again(ones()).tolist() == model(ones()).tolist()
        assert copy.deepcopy(model).weight is not model.weight


def test_attributes_of_a_compiled_module_are_the_modules():
    dropout = nn.Dropout(0.5)
    f = fastnet.compile(dropout)
    f.training = False
    assert not dropout.training and f(ones()).tolist() == [1, 1]
    assert repr(f) == f"Compiled(fn={dropout!r}, recordings=1, calls=1)"


class WithoutAttributes:
    factor = 1.0


def test_attributes_that_an_empty_object_gets_later():
    plain = WithoutAttributes()
    step = fastnet.compile(lambda x: x * plain.factor + (plain.shift if hasattr(plain, "shift") else 0.0))
    assert step(fastnet.ones(1)).item() == 1.0
    plain.factor = 3.0
    assert step(fastnet.ones(1)).item() == 3.0
    plain.shift = 10.0
    assert step(fastnet.ones(1)).item() == 13.0


def test_attributes_of_functions():
    def scaled(x):
        return x * scaled.factor

    scaled.factor = 1.0
    step = fastnet.compile(scaled)
    assert step(fastnet.ones(1)).item() == 1.0
    scaled.factor = 3.0
    assert step(fastnet.ones(1)).item() == 3.0


def test_keys_of_param_groups_from_variables():
    optimizer, key = fastnet.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.5), "lr"
    step = fastnet.compile(lambda x: x * optimizer.param_groups[0][key])
    assert step(fastnet.ones(1)).item() == 0.5
    optimizer.param_groups[0]["lr"] = 0.25
    assert step(fastnet.ones(1)).item() == 0.25


def test_the_momentum_of_batch_norm():
    norm = nn.BatchNorm1d(1)
    step = fastnet.compile(lambda x: norm(x).detach())
    step(fastnet.ones(2, 1))
    norm.momentum = 1.0
    step(fastnet.full((2, 1), 5.0))
    assert norm.running_mean.item() == 5.0


def test_generators_that_the_garbage_collector_closes():
    """Their code is not the function's, though it is entered while the function runs."""
    def ticking():
        try:
            yield
        finally:
            time.perf_counter()

    def leave_garbage(begun):
        waiting = [ticking()]
        waiting.append(waiting)
        if begun:
            next(waiting[0])

    for begun in (True, False):
        double = fastnet.compile(lambda x: (gc.collect(), x * 2)[1])
        leave_garbage(begun)
        double(ones())
        assert len(double.recordings) == 1 and "perf_counter" not in double.explain()
