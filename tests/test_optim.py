"""Optimizers: PyTorch's numbers over 20 steps; penalties, copies, arenas, recordings and errors."""
import copy
import functools
import itertools
import json
import pickle

import numpy as np
import pytest

import fastnet
from fastnet import memory, nn, optim
from fastnet.backend import K
from fastnet.optim import lr_scheduler

pytestmark = pytest.mark.usefixtures("backend")

STEPS = 20
SHAPES = [(), (5,), (3, 7), (2, 1, 9), (0, 4), (1,), (129,)]
SOMETIMES = 2                                   # the parameter that gets no gradient in some steps
DTYPES = pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-11), ("float32", 3e-5)], ids=["double", "float"])


def options(rule, **choices):
    """Every combination of the choices."""
    for values in itertools.product(*choices.values()):
        chosen = dict(zip(choices, values))
        if not (chosen.get("nesterov") and (not chosen["momentum"] or chosen["dampening"])):
            yield rule, chosen


COMBINATIONS = [
    *options("SGD", lr=[0.05], momentum=[0, 0.9], dampening=[0, 0.3], nesterov=[False, True], weight_decay=[0, 0.1],
             maximize=[False, True]),
    *options("Adam", lr=[0.05], betas=[(0.9, 0.999), (0.5, 0.8)], weight_decay=[0, 0.1], amsgrad=[False, True],
             maximize=[False, True]),
    *options("AdamW", lr=[0.05], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], amsgrad=[False, True],
             maximize=[False, True]),
    *options("RMSprop", lr=[0.02], alpha=[0.99, 0.7], momentum=[0, 0.9], centered=[False, True], weight_decay=[0, 0.1],
             maximize=[False, True]),
    *options("Adagrad", lr=[0.1], lr_decay=[0, 0.2], initial_accumulator_value=[0, 0.5], weight_decay=[0, 0.1],
             maximize=[False, True]),
]
RULES = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}, "Adam": {"lr": 0.05, "amsgrad": True},
    "AdamW": {"lr": 0.05}, "RMSprop": {"lr": 0.02, "momentum": 0.9, "centered": True},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1}}
over_rules = pytest.mark.parametrize("rule, kw", RULES.items(), ids=RULES)


@pytest.fixture(name="torch")
def _torch():
    return pytest.importorskip("torch")


def values(dtype, seed=0, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


@functools.cache
def noise(dtype, i, shapes):
    return values(dtype, 100 + i, shapes)


def parameters(arrays, arena=True):
    """The arrays as parameters: neighbours in an arena, or leaves anywhere."""
    return [nn.Parameter(a) if arena else fastnet.tensor(a, requires_grad=True) for a in arrays]


def gradients(arrays, i):
    """The gradients of step i at these values: some that pull back, and some noise; None where there is none."""
    return [None if k == SOMETIMES and i % 3 == 1 else np.asarray(a * a.dtype.type(0.3) + n, a.dtype)
            for k, (a, n) in enumerate(zip(arrays, noise(arrays[0].dtype, i, tuple(a.shape for a in arrays))))]


def step_on(params, optimizer, i):
    """One step of fastnet, whose gradients arrive as backward() leaves them."""
    optimizer.zero_grad()
    for p, g in zip(params, gradients([p.detach().numpy() for p in params], i)):
        if g is not None:
            p.backward(fastnet.tensor(g))
    optimizer.step()


def torch_step_on(torch, params, optimizer, i):
    for p, g in zip(params, gradients([p.detach().numpy() for p in params], i)):
        p.grad = None if g is None else torch.tensor(g)
    optimizer.step()


def assert_close(ours, theirs, tolerance):
    for k, (p, q) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance,
                                   err_msg=f"parameter {k} of shape {p.shape}")


def bits(params):
    return [p.detach().numpy().tobytes() for p in params]


def whole_state(optimizer):
    """The state in comparable form: {number: {name: bytes}}."""
    return {k: {name: np.asarray(t).tobytes() for name, t in entry.items()}
            for k, entry in optimizer.state_dict()["state"].items()}


# ---- as in PyTorch --------------------------------------------------------------------------------------------------

@DTYPES
@pytest.mark.parametrize("rule, kw", COMBINATIONS, ids=[
    f"{rule}-" + "-".join(f"{k}={v}".replace(" ", "") for k, v in kw.items() if v) for rule, kw in COMBINATIONS])
def test_agrees_with_torch(torch, rule, kw, dtype, tolerance):
    start = values(dtype)
    ours, theirs = parameters(start), [torch.tensor(a, requires_grad=True) for a in start]
    optimizer, other = getattr(optim, rule)(ours, **kw), getattr(torch.optim, rule)(theirs, **kw)
    for i in range(STEPS):
        step_on(ours, optimizer, i)
        torch_step_on(torch, theirs, other, i)
    assert_close(ours, theirs, tolerance)
    for p, q in zip(ours, theirs):
        for name, value in other.state[q].items():
            if value is not None:
                np.testing.assert_allclose(np.asarray(optimizer.state[p][name]), np.asarray(value), rtol=tolerance,
                                           atol=tolerance, err_msg=name)


@pytest.mark.parametrize("rule", RULES)
def test_defaults_are_torchs(torch, rule):
    ours = getattr(optim, rule)([fastnet.ones(1, requires_grad=True)]).defaults
    theirs = getattr(torch.optim, rule)([torch.ones(1, requires_grad=True)]).defaults
    assert {k: theirs[k] for k in ours if k != "l1"} == {k: v for k, v in ours.items() if k != "l1"}
    assert ours["l1"] == 0


@DTYPES
@over_rules
def test_groups_have_options_of_their_own(torch, rule, kw, dtype, tolerance):
    start = values(dtype)

    def groups(params):
        return [{"params": params[:2]}, {"params": params[2:5], "lr": 0.01, "weight_decay": 0.2},
                {"params": params[5], "maximize": True}]
    ours, theirs = parameters(start), [torch.tensor(a, requires_grad=True) for a in start]
    optimizer, other = getattr(optim, rule)(groups(ours), **kw), getattr(torch.optim, rule)(groups(theirs), **kw)
    for o, params in ((optimizer, ours), (other, theirs)):
        o.add_param_group({"params": params[6:], "lr": 0.001})
    for i in range(STEPS):
        if i == 7:
            for o in (optimizer, other):
                o.param_groups[1]["lr"] = 0.1
        step_on(ours, optimizer, i)
        torch_step_on(torch, theirs, other, i)
    assert_close(ours, theirs, tolerance)
    assert [len(g["params"]) for g in optimizer.param_groups] == [2, 3, 1, 1]


@DTYPES
@pytest.mark.parametrize("rule, kw", [*RULES.items(), ("SGD", {"lr": 0.05}), ("Adam", {"lr": 0.05, "eps": 1e-4})])
def test_goes_on_from_torchs_state_and_back(torch, rule, kw, dtype, tolerance):
    start = values(dtype)
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    other = getattr(torch.optim, rule)(theirs, **kw)
    for i in range(5):
        torch_step_on(torch, theirs, other, i)
    ours = parameters([p.detach().numpy() for p in theirs])
    optimizer = getattr(optim, rule)(ours, lr=7.0)          # the options come with the state
    optimizer.load_state_dict(other.state_dict())
    for i in range(5, 10):
        step_on(ours, optimizer, i)
        torch_step_on(torch, theirs, other, i)
    assert_close(ours, theirs, tolerance)
    back = [torch.tensor(p.detach().numpy(), requires_grad=True) for p in ours]
    again = getattr(torch.optim, rule)(back, lr=7.0)
    saved = optimizer.state_dict()
    again.load_state_dict({"param_groups": saved["param_groups"], "state": {
        k: {name: torch.tensor(t.numpy()) for name, t in entry.items()} for k, entry in saved["state"].items()}})
    for i in range(10, 15):
        torch_step_on(torch, back, again, i)
        torch_step_on(torch, theirs, other, i)
    assert_close(back, theirs, tolerance)


def test_adam_and_adamw_do_not_take_each_others_state(torch):
    w = torch.ones(1, requires_grad=True)
    optimizer = optim.Adam([fastnet.ones(1, requires_grad=True)])
    with pytest.raises(ValueError, match="decoupled_weight_decay"):
        optimizer.load_state_dict(torch.optim.AdamW([w]).state_dict())
    assert "decoupled_weight_decay" not in optimizer.param_groups[0]


# ---- penalties ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("maximize", [False, True])
@over_rules
def test_l1_penalty(rule, kw, maximize):
    """The penalty's gradient is l1 * sign(p), none at 0, and is not turned round by maximize."""
    l1 = 0.25
    start = values("float64")
    start[1][:2] = 0.0, -0.0
    penalised, by_hand = parameters(start), parameters(start)
    ours = getattr(optim, rule)(penalised, l1=l1, maximize=maximize, **kw)
    other = getattr(optim, rule)(by_hand, maximize=maximize, **kw)
    for i in range(STEPS):
        step_on(penalised, ours, i)
        for p, g in zip(by_hand, gradients([p.detach().numpy() for p in by_hand], i)):
            if g is None:
                p.grad = None
            else:
                p.grad = fastnet.tensor(g + (-l1 if maximize else l1) * np.sign(p.detach().numpy()))
        other.step()
    assert_close(penalised, by_hand, 1e-12)


def test_l1_and_weight_decay_of_plain_sgd():
    start = np.array([2.0, -3.0, 0.0])
    [p] = parameters([start])
    p.grad = fastnet.tensor(np.array([1.0, 1.0, 1.0]))
    optim.SGD([p], lr=0.1, l1=0.5, weight_decay=0.25).step()
    np.testing.assert_allclose(p.detach().numpy(), start - 0.1 * (1 + 0.5 * np.sign(start) + 0.25 * start), rtol=1e-15)


def test_l1_makes_weights_small():
    [p] = parameters([np.array([1.0, -1.0])])
    optimizer = optim.AdamW([p], lr=0.05, l1=1.0, weight_decay=0)
    for _ in range(100):
        p.grad = fastnet.zeros(2, dtype="float64")
        optimizer.step()
    assert np.abs(p.detach().numpy()).max() < 0.06


# ---- one step -------------------------------------------------------------------------------------------------------

def test_zero_grad():
    p = nn.Parameter([1.0, 2.0])
    other = nn.Parameter([1.0])
    optimizer = optim.SGD([p, other], lr=0.5)
    (p * 3).sum().backward()
    kept = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept and p.grad.tolist() == [0, 0] and other.grad is None
    (p * 3).sum().backward()
    assert p.grad.tolist() == [3, 3]
    optimizer.zero_grad()
    assert p.grad is None and kept.tolist() == [3, 3]
    optimizer.step()                            # without gradients there is nothing to do
    assert p.tolist() == [1, 2] and not optimizer.state
    (p * 2).sum().backward()
    assert kept.tolist() == [3, 3] and p.grad.tolist() == [2, 2]


def test_zeros_and_no_gradient_differ():
    """A gradient of zeros is a step: momentum goes on and counts. No gradient is none."""
    zeros, none = nn.Parameter([1.0]), nn.Parameter([1.0])
    for p, set_to_none in ((zeros, False), (none, True)):
        optimizer = optim.SGD([p], lr=1.0, momentum=0.5)
        p.sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=set_to_none)
        optimizer.step()
        assert int(optimizer.state[p]["step"]) == 1 + (not set_to_none)
    assert zeros.tolist() == [-0.5] and none.tolist() == [0.0]


def test_closure():
    p = nn.Parameter([3.0])
    optimizer = optim.SGD([p], lr=0.25)
    calls = []

    def closure():
        calls.append(fastnet.is_grad_enabled())
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss
    with fastnet.no_grad():
        assert float(optimizer.step(closure)) == 9 and not fastnet.is_grad_enabled()
    assert calls == [True] and p.tolist() == [1.5]
    assert optimizer.step() is None


def test_stepping_writes_in_place():
    """What backward() saved before a step is refused after it; and a graph-free view follows."""
    p = nn.Parameter([1.0, 2.0])
    p.grad = fastnet.ones(2)
    view = p.detach()
    out = (p * p).sum()
    optim.SGD([p], lr=1.0).step()
    assert view.tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="changed in place"):
        out.backward()


@pytest.mark.parametrize("layout", ["transposed", "every second", "unaligned", "reversed", "expanded"])
@over_rules
def test_parameters_and_gradients_of_any_layout(rule, kw, layout):
    def laid_out(a):
        if layout == "transposed":
            return np.asfortranarray(a)
        if layout == "every second":
            return np.repeat(a, 2, axis=1)[:, ::2]
        if layout == "expanded":                # what ones(1).expand(...) gives: read-only, and no memory of its own
            return np.broadcast_to(a[:1, :1], a.shape) if a is not start else a.copy()
        if layout == "reversed":
            return a[::-1, ::-1].copy()[::-1, ::-1]
        raw = np.zeros(a.nbytes + 1, np.uint8)
        raw[1:] = a.reshape(-1).view(np.uint8)
        return raw[1:].view(a.dtype).reshape(a.shape)
    rng = np.random.default_rng(0)
    start, *steps = rng.standard_normal((4, 5, 6)).astype("float32")
    results = []
    for change in (lambda a: laid_out(a).copy(order="C"), laid_out):
        p = fastnet.from_numpy(change(start)).requires_grad_()
        optimizer = getattr(optim, rule)([p], **kw)
        for g in steps:
            p.grad = fastnet.from_numpy(change(g))
            optimizer.step()
        results.append(p.detach().numpy())
    assert not results[1].flags.c_contiguous or layout in ("unaligned", "expanded")
    assert results[0].tobytes() == np.ascontiguousarray(results[1]).tobytes() != start.tobytes()


def test_each_parameter_counts_its_own_steps():
    """A counter shared by neighbours parts when one of them has no gradient; groups never share one."""
    a, b, c = (nn.Parameter(np.ones(3)) for _ in range(3))
    optimizer = optim.Adam([{"params": [a, b]}, {"params": [c]}])

    def step(*with_gradient):
        optimizer.zero_grad()
        for p in with_gradient:
            p.backward(fastnet.ones(3, dtype="float64"))
        optimizer.step()
        return [int(optimizer.state[p]["step"]) if p in optimizer.state else 0 for p in (a, b, c)]
    assert step(a, b) == [1, 1, 0]
    assert step(a, c) == [2, 1, 1]
    assert step(a, b, c) == [3, 2, 2]
    assert step(b, c) == [3, 3, 3]
    optimizer.load_state_dict(optimizer.state_dict())
    assert step(a, b, c) == [4, 4, 4]
    assert step(c, b) == [4, 5, 5]


def test_momentum_may_be_switched_on_and_off(torch):
    start = values("float64")
    ours, theirs = parameters(start), [torch.tensor(a, requires_grad=True) for a in start]
    optimizer, other = optim.SGD(ours, lr=0.05, dampening=0.3), torch.optim.SGD(theirs, lr=0.05, dampening=0.3)
    for i in range(12):
        for o in (optimizer, other):
            o.param_groups[0]["momentum"] = (0, 0.9, 0, 0.5)[i // 3]
        step_on(ours, optimizer, i)
        torch_step_on(torch, theirs, other, i)
    assert_close(ours, theirs, 1e-12)


def test_state_may_be_dropped():
    p = nn.Parameter([1.0])
    optimizer = optim.Adam([p], lr=1.0)
    for drop in (lambda: None, lambda: optimizer.state.clear(), lambda: optimizer.state.pop(p)):
        drop()
        p.grad = fastnet.ones(1)
        optimizer.step()
        assert int(optimizer.state[p]["step"]) == 1


def test_training_goes_on_in_another_dtype():
    """The state follows a model that was turned into another dtype, in values and in memory."""
    start = values("float32")
    ours, other = Holder(start), Holder(start)
    optimizer, plain = (optim.Adam(list(m.parameters()), lr=0.05) for m in (ours, other))
    for i in range(4):
        step_on(list(ours.parameters()), optimizer, i)
        step_on(list(other.parameters()), plain, i)
    ours.double()
    for i in range(4, 8):
        step_on(list(ours.parameters()), optimizer, i)
        step_on(list(other.parameters()), plain, i)
    assert {p.dtype for p in ours.parameters()} == {t.dtype for p in ours.parameters() for name, t in
                                                    optimizer.state[p].items() if name != "step"}
    assert_close(ours.parameters(), other.parameters(), 1e-5)


class Holder(nn.Module):
    """A module of parameters with these values."""

    def __init__(self, arrays):
        super().__init__()
        for i, a in enumerate(arrays):
            setattr(self, f"p{i}", nn.Parameter(a))


# ---- saving and copying ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arena", [True, False], ids=["arena", "leaves"])
@over_rules
def test_state_dict_round_trip(rule, kw, arena):
    params = parameters(values("float32"), arena)
    optimizer = getattr(optim, rule)([{"params": params[:3], "lr": 0.01}, {"params": params[3:]}], **kw)
    for i in range(5):
        step_on(params, optimizer, i)
    saved = optimizer.state_dict()
    again = parameters([p.detach().numpy() for p in params], arena)
    other = getattr(optim, rule)([{"params": again[:3]}, {"params": again[3:]}], lr=9.0)
    other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == 0.01 and whole_state(other) == whole_state(optimizer)
    for i in range(5, 10):
        step_on(params, optimizer, i)
        step_on(again, other, i)
    assert bits(params) == bits(again) and whole_state(other) == whole_state(optimizer)
    assert {int(entry["step"]) for entry in saved["state"].values()} == {3, 5}        # a copy, not a view


def test_state_dict_is_torchs_form():
    p, q = nn.Parameter([1.0]), nn.Parameter([[1.0, 2.0]])
    optimizer = optim.AdamW([{"params": [q], "lr": 0.5}, {"params": [p]}])
    assert optimizer.state_dict()["state"] == {}
    p.grad = fastnet.ones(1)
    optimizer.step()
    saved = optimizer.state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1]]
    assert [g["lr"] for g in saved["param_groups"]] == [0.5, 1e-3]
    assert list(saved["state"]) == [1] and set(saved["state"][1]) == {"step", "exp_avg", "exp_avg_sq"}
    json.dumps(saved["param_groups"])


def test_a_state_that_does_not_fit_changes_nothing():
    params = parameters(values("float64"))
    optimizer = optim.Adam(params, lr=0.25)
    step_on(params, optimizer, 0)
    before = whole_state(optimizer), [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    saved = optimizer.state_dict()

    def changed(**change):
        new = copy.deepcopy(saved)
        for path, value in change.items():
            target = new
            *way, last = [int(k) if k.isdigit() else k for k in path.split("__")]
            for key in way:
                target = target[key]
            target[last] = value
        return new
    with pytest.raises(ValueError, match=r"groups of \[2\] parameters, the optimizer of \[7\]"):
        optimizer.load_state_dict(changed(param_groups__0__params=[0, 1]))
    with pytest.raises(ValueError, match=r"exp_avg of parameter 1 has shape \(3,\), the parameter \(5,\)"):
        optimizer.load_state_dict(changed(param_groups__0__lr=3.0, state__1__exp_avg=fastnet.zeros(3)))
    with pytest.raises(ValueError, match="parameter 12"):
        optimizer.load_state_dict(changed(param_groups__0__lr=3.0, state__12=saved["state"][0]))
    with pytest.raises(ValueError, match=r"invalid lr: .* got -3"):
        optimizer.load_state_dict(changed(param_groups__0__lr=-3.0))
    assert before == (whole_state(optimizer),
                      [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups])


@pytest.mark.parametrize("how", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))], ids=["copy", "pickle"])
@over_rules
def test_copies_keep_training_to_the_same_bits(rule, kw, how):
    fastnet.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2))
    optimizer = getattr(optim, rule)([{"params": model[0].parameters(), "lr": 0.03},
                                      {"params": [*model[1].parameters(), *model[3].parameters()]}], **kw)
    inputs = fastnet.randn(12, 8, 3)

    def train(model, optimizer, steps):
        for i in steps:
            optimizer.zero_grad()
            model(inputs[i]).square().sum().backward()
            optimizer.step()
    train(model, optimizer, range(4))
    model2, optimizer2 = how((model, optimizer))
    assert optimizer2.param_groups[0]["params"][0] is model2[0].weight is not model[0].weight
    assert whole_state(optimizer2) == whole_state(optimizer)
    train(model, optimizer, range(4, 12))
    middle = bits(model2.parameters())
    assert middle != bits(model.parameters())           # a copy of its own
    train(model2, optimizer2, range(4, 12))
    assert bits(model2.parameters()) == bits(model.parameters()) != middle
    assert whole_state(optimizer2) == whole_state(optimizer)


def test_attributes_of_a_subclass_are_copied():
    class Mine(optim.SGD):
        def __init__(self, params):
            super().__init__(params, lr=1.0)
            self.note = [1]
    optimizer = Mine([nn.Parameter([1.0])])
    made = copy.deepcopy(optimizer)
    assert made.note == [1] and made.note is not optimizer.note
    made.param_groups[0]["params"][0].grad = fastnet.ones(1)
    made.step()
    assert made.param_groups[0]["params"][0].tolist() == [0]


# ---- arenas ---------------------------------------------------------------------------------------------------------

@pytest.fixture
def fresh_arena(monkeypatch):
    monkeypatch.setattr(memory, "_arenas", {})


@pytest.fixture
def adam_calls(monkeypatch):
    """The sizes of the calls of Adam's kernel."""
    calls = []
    kernel = K.adam_

    def counted(p, *args, **attrs):
        calls.append(p.size)
        kernel(p, *args, **attrs)
    monkeypatch.setattr(K, "adam_", counted)
    return calls


@pytest.mark.usefixtures("fresh_arena")
def test_neighbours_are_updated_in_one_call(adam_calls):
    params = parameters(values("float32"))
    optimizer = optim.AdamW(params, lr=0.1)
    for i in (0, 2):
        step_on(params, optimizer, i)
    assert len(adam_calls) == 2
    first, last = params[0], params[-1]
    assert adam_calls[0] == (last.data_ptr() - first.data_ptr()) // 4 + last.numel()
    adam_calls.clear()
    step_on(params, optimizer, 1)               # one without a gradient parts the stretch
    assert len(adam_calls) == 2


@pytest.mark.usefixtures("fresh_arena")
@over_rules
def test_the_bits_do_not_depend_on_the_arena(rule, kw):
    start = values("float32", shapes=[*SHAPES, (4097,), (2,)])
    inside, outside = parameters(start), parameters(start, arena=False)
    rules = [getattr(optim, rule)(params, **kw) for params in (inside, outside)]
    for i in range(STEPS):
        step_on(inside, rules[0], i)
        step_on(outside, rules[1], i)
    assert bits(inside) == bits(outside)
    assert whole_state(rules[0]) == whole_state(rules[1])


@pytest.mark.usefixtures("fresh_arena")
def test_a_frozen_parameter_in_between_stays(adam_calls):
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5), nn.Linear(5, 2))
    model[1].requires_grad_(False)
    frozen, free = bits(model[1].parameters()), bits([*model[0].parameters(), *model[2].parameters()])
    optimizer = optim.AdamW(model.parameters(), lr=0.1)
    model(fastnet.ones(2, 3)).sum().backward()
    optimizer.step()
    assert len(adam_calls) == 2 and adam_calls[1] == 16 + 2
    assert bits(model[1].parameters()) == frozen
    assert all(a != b for a, b in zip(free, bits([*model[0].parameters(), *model[2].parameters()])))
    assert len(optimizer.state) == 4


@pytest.mark.usefixtures("fresh_arena")
def test_a_stretch_ends_with_its_chunk(adam_calls, monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 256)
    start = [np.full(24, i, np.float32) for i in range(6)] + [np.ones(1000, np.float32), np.ones(3, np.float32)]
    params = parameters(start)
    optimizer = optim.Adam(params, lr=1.0)
    for p in params:
        p.backward(fastnet.ones(*p.shape))
    optimizer.step()
    assert sorted(adam_calls) == [3, 56, 56, 56, 1000]      # 24 elements take 128 bytes, 32 elements, of a chunk
    for p, a in zip(params, start):
        np.testing.assert_allclose(p.detach().numpy(), a - 1, atol=1e-6)


@pytest.mark.usefixtures("fresh_arena")
def test_a_gradient_that_was_set_by_hand_is_used():
    params = parameters([np.zeros(3, np.float32) for _ in range(3)])
    optimizer = optim.SGD(params, lr=1.0)
    for p in params:
        p.backward(fastnet.ones(3))
    params[1].grad = fastnet.full((3,), 5.0)
    optimizer.step()
    assert [p.tolist() for p in params] == [[-1] * 3, [-5] * 3, [-1] * 3]


@pytest.mark.usefixtures("fresh_arena")
def test_two_optimizers_on_one_model(torch):
    start = values("float64")
    ours, theirs = parameters(start), [torch.tensor(a, requires_grad=True) for a in start]

    def make(package, params):
        return [package.AdamW(params[::2], lr=0.02), package.SGD(params[1::2], lr=0.1, momentum=0.9),
                package.RMSprop(params[1:4], lr=0.01)]
    both = make(optim, ours), make(torch.optim, theirs)
    for i in range(STEPS):
        for optimizer, other in zip(*both):
            step_on(ours, optimizer, i)
            torch_step_on(torch, theirs, other, i)
            for p in ours:
                p.grad = None
    assert_close(ours, theirs, 1e-11)


# ---- recordings -----------------------------------------------------------------------------------------------------

SCHEDULES = {
    "step": lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5),
    "multi_step": lambda o: lr_scheduler.MultiStepLR(o, [2, 5], gamma=0.3),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 8),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.05, total_steps=12, cycle_momentum="alpha" not in o.defaults
                                                   and "lr_decay" not in o.defaults),
    "linear": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=5),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.ExponentialLR(o, 0.8)], [3]),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.3, patience=0, threshold=0.5),
}


def network():
    fastnet.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def trained(rule, kw, schedule, compiled, steps=12):
    model = network()
    optimizer = getattr(optim, rule)([{"params": model[0].parameters(), "lr": 0.03}, {"params": model[2].parameters()}],
                                     **kw)
    scheduler = schedule(optimizer)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss
    run = fastnet.compile(step) if compiled else step
    rng = np.random.default_rng(0)
    for _ in range(steps):
        loss = run(fastnet.tensor(rng.standard_normal((6, 4)).astype("float32")), fastnet.tensor(rng.integers(0, 3, 6)))
        scheduler.step(float(loss)) if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else scheduler.step()
    return bits(model.parameters()), whole_state(optimizer), [g["lr"] for g in optimizer.param_groups], run


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@over_rules
def test_schedules_in_recorded_steps(rule, kw, schedule):
    eager, recorded = (trained(rule, kw, schedule, compiled) for compiled in (False, True))
    assert eager[:3] == recorded[:3]
    assert len(recorded[3]) == 1                # the rates are read anew, not recorded anew
    assert eager[2] != [0.03, kw["lr"]]         # and they do change


def both_ways(run):
    """The results of run(compile) with and without compiling."""
    return run(lambda fn: fn), run(fastnet.compile)


@pytest.mark.parametrize("arena", [True, False], ids=["arena", "leaves"])
@over_rules
def test_a_loaded_state_reaches_recorded_steps(rule, kw, arena):
    def run(compile):
        params = parameters(values("float64"), arena)
        optimizer = getattr(optim, rule)(params, **kw)

        def step():
            optimizer.zero_grad()
            sum((p * p).sum() for p in params).backward()
            optimizer.step()
        step = compile(step)
        step()
        saved = optimizer.state_dict()
        step(), step()
        optimizer.load_state_dict(saved)
        step(), step()
        optimizer.state.clear()
        step(), step()
        return bits(params), whole_state(optimizer)
    eager, recorded = both_ways(run)
    assert eager == recorded


@over_rules
def test_recorded_steps_with_and_without_some_gradients(rule, kw):
    """Two heads on one trunk, trained by two recordings with one optimizer."""
    def run(compile):
        fastnet.manual_seed(0)
        trunk, heads = nn.Linear(4, 4), [nn.Linear(4, 1), nn.Linear(4, 2)]
        params = [p for m in (trunk, *heads) for p in m.parameters()]
        optimizer = getattr(optim, rule)(params, **kw)

        def step(x, which):
            optimizer.zero_grad()
            sum(heads[i](trunk(x)).square().sum() for i in which).backward()
            optimizer.step()
        step = compile(step)
        x = fastnet.ones(2, 4)
        for which in ((0, 1), (0, 1), (0,), (0,), (1,), (0, 1), (0,), (1,), (0, 1)):
            step(x, which)
        return bits(params), whole_state(optimizer), [int(optimizer.state[p]["step"]) for p in params]
    eager, recorded = both_ways(run)
    assert eager == recorded
    assert eager[2] == [9, 9, 7, 7, 6, 6]


def test_options_switched_between_recorded_steps():
    def run(compile):
        params = parameters(values("float64"))
        optimizer = optim.SGD(params, lr=0.1)

        def step():
            optimizer.zero_grad()
            sum((p * p).sum() for p in params).backward()
            optimizer.step()
        step = compile(step)
        for momentum, nesterov in ((0, False), (0.9, False), (0.9, True), (0, False), (0.5, False), (0.9, True)):
            optimizer.param_groups[0].update(momentum=momentum, nesterov=nesterov)
            step(), step()
        return bits(params), whole_state(optimizer)
    eager, recorded = both_ways(run)
    assert eager == recorded


def test_a_group_added_between_recorded_steps():
    def run(compile):
        p, q = parameters([np.ones(3), np.ones(2)])
        optimizer = optim.Adam([p], lr=0.1)

        def step():
            optimizer.zero_grad()
            ((p * p).sum() + (q * q).sum()).backward()
            optimizer.step()
        step = compile(step)
        step(), step()
        optimizer.add_param_group({"params": q, "lr": 0.5})
        step(), step()
        return bits([p, q])
    eager, recorded = both_ways(run)
    assert eager == recorded != bits([fastnet.ones(3), fastnet.ones(2)])


# ---- errors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rule, kw, message", [
    *((rule, {"lr": -0.1}, "invalid lr: .* got -0.1") for rule in RULES),
    *((rule, {"lr": float("nan")}, "invalid lr: .* got nan") for rule in RULES),
    *((rule, {"weight_decay": -1}, "invalid weight_decay: .* got -1") for rule in RULES),
    *((rule, {"l1": -1}, "invalid l1: .* got -1") for rule in RULES),
    *((rule, {"eps": -1e-8}, "invalid eps") for rule in RULES if rule != "SGD"),
    ("SGD", {"momentum": -0.5}, "invalid momentum"), ("RMSprop", {"momentum": -0.5}, "invalid momentum"),
    ("SGD", {"nesterov": True}, "nesterov needs a momentum above 0 .* got momentum 0"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "dampening 0.1"),
    *((rule, {"betas": betas}, match) for rule in ("Adam", "AdamW") for betas, match in (
        ((1.0, 0.999), "invalid beta1: .* got 1.0"), ((-0.1, 0.999), "invalid beta1"), ((0.9, 1.0), "invalid beta2"),
        ((0.9, -1), "invalid beta2"), ((0.9,), "invalid betas: expected two"), ((0.9, 0.9, 0.9), "invalid betas"))),
    ("RMSprop", {"alpha": -0.1}, "invalid alpha"), ("RMSprop", {"alpha": 1.5}, "invalid alpha"),
    ("Adagrad", {"lr_decay": -1}, "invalid lr_decay"),
    ("Adagrad", {"initial_accumulator_value": -1}, "invalid initial_accumulator_value"),
])
def test_options_out_of_range(rule, kw, message):
    make = getattr(optim, rule)
    with pytest.raises(ValueError, match=message):
        make([nn.Parameter([1.0])], **kw)
    optimizer = make([nn.Parameter([1.0])], lr=0.1)
    if "initial_accumulator_value" not in kw:
        with pytest.raises(ValueError, match=message):
            optimizer.add_param_group({"params": nn.Parameter([1.0])} | kw)
    assert len(optimizer.param_groups) == 1


def test_bad_parameters():
    p = nn.Parameter([1.0, 2.0])
    with pytest.raises(TypeError, match=r"got one tensor; pass \[tensor\]"):
        optim.SGD(p)
    with pytest.raises(ValueError, match="no parameters"):
        optim.SGD([])
    with pytest.raises(ValueError, match="no parameters"):
        optim.SGD(nn.ReLU().parameters())
    with pytest.raises(ValueError, match=r"shape \(2,\) is in the optimizer twice"):
        optim.SGD([p, p])
    optimizer = optim.SGD([p])
    with pytest.raises(ValueError, match="twice"):
        optimizer.add_param_group({"params": [p]})
    with pytest.raises(ValueError, match="twice"):
        optim.SGD([{"params": p}, {"params": [nn.Parameter([1.0]), p]}])
    with pytest.raises(ValueError, match=r"must be leaves; one of shape \(2,\) is the result of <mul backward>"):
        optim.SGD([p * 2])
    with pytest.raises(TypeError, match="must be tensors, got ndarray"):
        optim.SGD([np.ones(2)])
    with pytest.raises(TypeError, match="must be tensors, got str"):
        optim.SGD({"params": [p]})
    assert len(optimizer.param_groups) == 1


def test_repr():
    text = repr(optim.Adam([{"params": nn.Linear(2, 2).parameters()}, {"params": nn.Parameter([1.0]), "lr": 0.5}]))
    assert text.startswith("Adam (\ngroup 0: 2 parameters\n    amsgrad: False\n    betas: (0.9, 0.999)")
    assert "group 1: 1 parameters" in text and "lr: 0.5" in text


def test_gradients_that_were_exchanged_reach_the_parameters_they_were_given_to():
    a, b = fastnet.nn.Parameter(fastnet.zeros(16)), fastnet.nn.Parameter(fastnet.zeros(16))
    (a.sum() + 2 * b.sum()).backward()
    a.grad, b.grad = b.grad, a.grad
    fastnet.optim.SGD([a, b], lr=1.0).step()
    assert a.tolist() == [-2.0] * 16 and b.tolist() == [-1.0] * 16
