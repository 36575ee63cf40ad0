"""Optimizers in compiled functions: the same bits as eager steps while rates, states and groups change."""
import numpy as np
import pytest
from optim_tools import bits, over_rules, parameters, values, whole_state
from program_tools import trainer

import fastnet
from fastnet import nn, optim
from fastnet.optim import lr_scheduler

pytestmark = pytest.mark.usefixtures("backend")

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
    run = trainer(model, optimizer, compiled=compiled)
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
    assert len(recorded[3]) == 1                # new rates are read at each replay, without a new recording
    assert eager[2] != [0.03, kw["lr"]]         # the rates do change


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
