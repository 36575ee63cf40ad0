"""Optimizers saved, loaded, copied and pickled."""
import copy
import json
import pickle

import pytest
from optim_tools import bits, over_rules, parameters, step_on, values, whole_state

import fastnet
from fastnet import nn, optim

pytestmark = pytest.mark.usefixtures("backend")


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
    assert middle != bits(model.parameters())           # an independent copy
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


def weight_after(change, recorded):
    """The weight after a step, a change, and another step of SGD with momentum on a gradient of 1."""
    w = fastnet.zeros(1, requires_grad=True)
    optimizer = fastnet.optim.SGD([w], lr=0.1, momentum=0.9)

    def step():
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
    step = fastnet.compile(step) if recorded else step
    for _ in range(3):
        step()
    change(optimizer, w)
    before = w.item()
    step()
    return w.item() - before


@pytest.mark.parametrize("recorded", [False, True])
def test_replaced_containers_are_seen(recorded):
    def groups(optimizer, w):
        optimizer.param_groups = [{**optimizer.param_groups[0], "lr": 0.0}]

    def state(optimizer, w):
        optimizer.state = type(optimizer.state)(dict)
    assert weight_after(groups, recorded) == 0
    assert weight_after(state, recorded) == pytest.approx(-0.1)


def test_numbers_are_read_again_after_a_step_that_failed():
    v, w = fastnet.zeros(1, requires_grad=True), fastnet.zeros(1, requires_grad=True)
    optimizer = fastnet.optim.SGD([{"params": [v]}, {"params": [w]}], lr=1.0)
    (v + w).sum().backward()
    optimizer.step()
    first, second = optimizer.param_groups
    lr = first["lr"], second["lr"]
    first["lr"], second["lr"] = 100.0, "bad"
    with pytest.raises(TypeError):
        optimizer.step()
    first["lr"], second["lr"] = lr
    before = v.item()
    optimizer.step()
    assert v.item() - before == -1.0


def test_a_loaded_state_replaces_what_schedules_have_added():
    p = fastnet.ones(1, requires_grad=True)
    optimizer = fastnet.optim.SGD([p], lr=0.5)
    state = optimizer.state_dict()
    fastnet.optim.lr_scheduler.ExponentialLR(optimizer, 2.0)
    optimizer.load_state_dict(state)
    assert "initial_lr" not in optimizer.param_groups[0]
    assert optimizer.param_groups[0]["lr"] == 0.5
