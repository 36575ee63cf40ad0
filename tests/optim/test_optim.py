"""Optimizers: compared with PyTorch over 20 steps; penalties, single steps and errors."""
import numpy as np
import pytest
from optim_tools import (
    COMBINATIONS,
    DTYPES,
    RULES,
    STEPS,
    Holder,
    assert_close,
    gradients,
    over_rules,
    parameters,
    step_on,
    torch_step_on,
    values,
)

import fastnet
from fastnet import nn, optim

pytestmark = pytest.mark.usefixtures("backend")


# ---- compared with PyTorch ------------------------------------------------------------------------------------------

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
def test_groups_have_separate_options(torch, rule, kw, dtype, tolerance):
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
def test_state_moves_from_torch_and_back(torch, rule, kw, dtype, tolerance):
    start = values(dtype)
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    other = getattr(torch.optim, rule)(theirs, **kw)
    for i in range(5):
        torch_step_on(torch, theirs, other, i)
    ours = parameters([p.detach().numpy() for p in theirs])
    optimizer = getattr(optim, rule)(ours, lr=7.0)          # the state contains the options
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
    """The penalty's gradient is l1 * sign(p), 0 at 0, and maximize does not change its sign."""
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
    """A zero gradient makes a step: momentum acts and the counter increases. A missing gradient makes no step."""
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
    """A step invalidates values saved for backward(), and views without a graph show the new values."""
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
        if layout == "expanded":                # as from ones(1).expand(...): read-only, all elements share memory
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
    """A shared counter is split when one of its parameters has no gradient; groups never share counters."""
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


def test_training_continues_in_another_dtype():
    """The state of a model converted to another dtype is converted, in values and in memory."""
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


def test_swapped_gradients_update_the_parameters_they_are_assigned_to():
    a, b = fastnet.nn.Parameter(fastnet.zeros(16)), fastnet.nn.Parameter(fastnet.zeros(16))
    (a.sum() + 2 * b.sum()).backward()
    a.grad, b.grad = b.grad, a.grad
    fastnet.optim.SGD([a, b], lr=1.0).step()
    assert a.tolist() == [-2.0] * 16 and b.tolist() == [-1.0] * 16


# ---- errors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rule, kw, message", [
    *((rule, {"lr": -0.1}, "invalid lr: .* got -0.1") for rule in RULES),
    *((rule, {"lr": float("nan")}, "invalid lr: .* got nan") for rule in RULES),
    *((rule, {"weight_decay": -1}, "invalid weight_decay: .* got -1") for rule in RULES),
    *((rule, {"l1": -1}, "invalid l1: .* got -1") for rule in RULES),
    *((rule, {"eps": -1e-8}, "invalid eps") for rule in RULES if rule != "SGD"),
    ("SGD", {"momentum": -0.5}, "invalid momentum"), ("RMSprop", {"momentum": -0.5}, "invalid momentum"),
    ("SGD", {"nesterov": True}, "nesterov: expected momentum > 0 .* got momentum 0"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "dampening 0.1"),
    *((rule, {"betas": betas}, match) for rule in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam") for betas, match in (
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
    with pytest.raises(TypeError, match=r"of tensors, such as model.parameters\(\), got Linear"):
        optim.SGD(fastnet.nn.Linear(1, 1))
    with pytest.raises(TypeError, match=r"of tensors, such as model.parameters\(\), got ndarray"):
        optim.SGD([np.ones(2)])
    with pytest.raises(TypeError, match=r"of tensors, such as model.parameters\(\), got str"):
        optim.SGD({"params": [p]})
    for make in (optim.SGD, optim.Adam):
        with pytest.raises(TypeError, match=r"expected lr to be a number, got '0\.1'"):
            make([p], lr="0.1")
    assert len(optimizer.param_groups) == 1


def test_repr():
    text = repr(optim.Adam([{"params": nn.Linear(2, 2).parameters()}, {"params": nn.Parameter([1.0]), "lr": 0.5}]))
    assert text.startswith("Adam (\nParameter Group 0: 2 parameters\n    amsgrad: False\n    betas: (0.9, 0.999)")
    assert "Parameter Group 1: 1 parameters" in text and "lr: 0.5" in text
