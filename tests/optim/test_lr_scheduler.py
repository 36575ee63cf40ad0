"""Learning-rate schedules: compared with PyTorch step by step, and tests that need no PyTorch."""
import json
import math

import pytest
from hypothesis import given, strategies as st

import fastnet
from fastnet.optim import lr_scheduler

STEPS = 40
CLOSED = {
    "step": lambda s, o: s.StepLR(o, 7, gamma=0.5),
    "multi_step": lambda s, o: s.MultiStepLR(o, [11, 3, 11, 30], gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=6),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.8, total_iters=12),
    "linear_default": lambda s, o: s.LinearLR(o),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 10, eta_min=1e-3),
    "polynomial": lambda s, o: s.PolynomialLR(o, 7, 2.0),
    "cosine_long": lambda s, o: s.CosineAnnealingLR(o, T_max=100),
}
ALL = CLOSED | {
    "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (1 + epoch), lambda epoch: epoch // 5]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], 4, 3),
    "cyclic_lower": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, mode="triangular2", base_momentum=0.7),
    "cyclic_power": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, mode="exp_range", gamma=0.9, cycle_momentum=False),
    "cyclic_function": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, scale_fn=lambda n: 1 / n),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2, eta_min=1e-3),
    "restarts_equal": lambda s, o: s.CosineAnnealingWarmRestarts(o, 6),
    "one_cycle": lambda s, o: s.OneCycleLR(o, max_lr=[0.5, 1.0], total_steps=STEPS),
    "one_cycle_linear": lambda s, o: s.OneCycleLR(o, 0.5, epochs=8, steps_per_epoch=5, anneal_strategy="linear",
                                                  base_momentum=[0.7, 0.8], max_momentum=0.9),
    "one_cycle_three": lambda s, o: s.OneCycleLR(o, 0.5, STEPS, pct_start=0.25, three_phase=True, div_factor=10.0,
                                                 final_div_factor=100.0),
    "one_cycle_rate": lambda s, o: s.OneCycleLR(o, 0.5, STEPS, cycle_momentum=False),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, total_iters=5), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 10)], milestones=[5, 20]),
    "sequential_restarts": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 4), s.CosineAnnealingWarmRestarts(o, 7)], [4]),
}
CHAINS = {
    "exponential, multi_step": [CLOSED["exponential"], CLOSED["multi_step"]],
    "linear, cosine": [CLOSED["linear"], CLOSED["cosine"]],
    "constant, step, exponential": [CLOSED["constant"], CLOSED["step"], CLOSED["exponential"]],
}
RULES = {"SGD": {"momentum": 0.9}, "Adam": {"betas": (0.8, 0.99)}}


def over(table):
    return pytest.mark.parametrize("make", table.values(), ids=table.keys())


def optimizer_of(package, rule="SGD"):
    """An optimizer of fastnet or torch with two groups."""
    groups = [{"params": [package.ones(2, requires_grad=True)], "lr": lr} for lr in (0.1, 0.03)]
    return getattr(package.optim, rule)(groups, **RULES[rule])


def numbers(optimizer):
    return [(g["lr"], g.get("momentum"), g.get("betas")) for g in optimizer.param_groups]


def advance(optimizer, *schedules):
    optimizer.step()                        # without gradients; PyTorch expects it before the first schedule step
    for schedule in schedules:
        schedule.step()


def flat(values):
    return [x for group in values for part in group if part is not None
            for x in (part if isinstance(part, tuple) else (part,))]


@pytest.fixture(name="torch")
def _torch():
    return pytest.importorskip("torch")


# ---- compared with PyTorch ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rule", RULES)
@over(ALL)
def test_agrees_with_torch(torch, make, rule):
    ours, theirs = optimizer_of(fastnet, rule), optimizer_of(torch, rule)
    mine, other = make(lr_scheduler, ours), make(torch.optim.lr_scheduler, theirs)
    for _ in range(STEPS):
        assert flat(numbers(ours)) == pytest.approx(flat(numbers(theirs)), rel=1e-12, abs=1e-15)
        assert mine.get_last_lr() == [g["lr"] for g in ours.param_groups]
        assert mine.last_epoch == other.last_epoch
        advance(ours, mine)
        advance(theirs, other)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_chained_schedules_agree_with_torch(torch, chain):
    ours, theirs = optimizer_of(fastnet), optimizer_of(torch)
    mine = [make(lr_scheduler, ours) for make in chain]
    other = [make(torch.optim.lr_scheduler, theirs) for make in chain]
    for _ in range(STEPS):
        assert flat(numbers(ours)) == pytest.approx(flat(numbers(theirs)), rel=1e-12)
        advance(ours, *mine)
        advance(theirs, *other)


@over(CLOSED)
def test_epoch_agrees_with_torch(torch, make):
    ours, theirs = optimizer_of(fastnet), optimizer_of(torch)
    mine, other = make(lr_scheduler, ours), make(torch.optim.lr_scheduler, theirs)
    theirs.step()
    for epoch in (3, 11, 0, 35, 12):
        for schedule in (mine, other):
            with pytest.warns(UserWarning, match="epoch"):
                schedule.step(epoch)
        assert mine.get_last_lr() == pytest.approx(other.get_last_lr(), rel=1e-12)


@over(CLOSED)
def test_resuming_by_last_epoch_agrees_with_torch(torch, make):
    """A schedule with last_epoch needs an optimizer that already has initial_lr."""
    def resumed(package, scheduler, **last):
        optimizer = optimizer_of(package)
        for group in optimizer.param_groups:
            group["initial_lr"], group["lr"] = group["lr"], group["lr"] / 2

        class Bound:                        # passes last_epoch to the schedule that `make` creates
            def __getattr__(self, name):
                return lambda o, *args, **kw: getattr(scheduler, name)(o, *args, **kw, **last)
        return optimizer, make(Bound(), optimizer)
    ours, mine = resumed(fastnet, lr_scheduler, last_epoch=4)
    theirs, other = resumed(torch, torch.optim.lr_scheduler, last_epoch=4)
    for _ in range(STEPS):
        assert flat(numbers(ours)) == pytest.approx(flat(numbers(theirs)), rel=1e-12)
        advance(ours, mine)
        advance(theirs, other)


def test_restarts_take_fractional_epochs_as_torch_does(torch):
    ours, theirs = optimizer_of(fastnet), optimizer_of(torch)
    for make in (ALL["restarts"], ALL["restarts_equal"]):
        mine, other = make(lr_scheduler, ours), make(torch.optim.lr_scheduler, theirs)
        for epoch in (0.25, 3, 4.75, 5, 14.5, 15, 34.9, 35.5, 2, None, None):
            mine.step(epoch)
            other.step(epoch)
            assert mine.get_last_lr() == pytest.approx(other.get_last_lr(), rel=1e-12)


METRICS = {
    "falling": [1 / (1 + i) for i in range(STEPS)],
    "flat": [1.0] * STEPS,
    "bumpy": [2 + math.sin(i * 1.7) - i * 0.01 for i in range(STEPS)],
    "negative": [-abs(math.sin(i)) for i in range(STEPS)],
    "nan": [math.nan if i % 5 else 1.0 / (1 + i) for i in range(STEPS)],
}


@pytest.mark.parametrize("metrics", METRICS.values(), ids=METRICS.keys())
@pytest.mark.parametrize("options", [
    {"patience": 2}, {"mode": "max", "patience": 1, "factor": 0.5}, {"threshold_mode": "abs", "threshold": 0.1},
    {"patience": 0, "cooldown": 3, "min_lr": [1e-2, 1e-3]}, {"mode": "max", "threshold_mode": "abs", "patience": 3},
    {"patience": 0, "eps": 1e-3, "min_lr": 1e-4}])
def test_plateau_agrees_with_torch(torch, metrics, options):
    ours, theirs = optimizer_of(fastnet), optimizer_of(torch)
    mine = lr_scheduler.ReduceLROnPlateau(ours, **options)
    other = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    for metric in metrics:
        mine.step(metric)
        other.step(metric)
        assert numbers(ours) == numbers(theirs)
        assert (mine.best, mine.num_bad_epochs, mine.cooldown_counter, mine.last_epoch, mine.get_last_lr()) == \
            (other.best, other.num_bad_epochs, other.cooldown_counter, other.last_epoch, other.get_last_lr())


@over(ALL)
def test_loads_the_state_of_torch(torch, make):
    ours, theirs = optimizer_of(fastnet), optimizer_of(torch)
    mine, other = make(lr_scheduler, ours), make(torch.optim.lr_scheduler, theirs)
    for _ in range(9):
        advance(theirs, other)
    take_numbers(ours, theirs)
    mine.load_state_dict(other.state_dict())
    for _ in range(STEPS - 9):
        assert flat(numbers(ours)) == pytest.approx(flat(numbers(theirs)), rel=1e-12, abs=1e-15)
        advance(ours, mine)
        advance(theirs, other)


def take_numbers(to, source):
    """The numbers in the groups of an optimizer, which loading its state restores."""
    for group, given_group in zip(to.param_groups, source.param_groups, strict=True):
        group.update({k: v for k, v in given_group.items() if k in group and k != "params"})


# ---- without PyTorch ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("through", [lambda state: state, lambda state: json.loads(json.dumps(state))],
                         ids=["dict", "json"])
@over(ALL)
def test_state_dict_round_trip(make, through):
    """A schedule that resumes from a saved state gives the rates of an uninterrupted one."""
    whole = optimizer_of(fastnet)
    schedule = make(lr_scheduler, whole)
    for _ in range(9):
        advance(whole, schedule)
    again = optimizer_of(fastnet)
    resumed = make(lr_scheduler, again)
    state = through(schedule.state_dict())
    assert "optimizer" not in state
    again.load_state_dict(whole.state_dict())
    resumed.load_state_dict(state)
    assert resumed.get_last_lr() == schedule.get_last_lr()
    for _ in range(STEPS - 9):
        advance(whole, schedule)
        advance(again, resumed)
        assert numbers(whole) == numbers(again)
        assert schedule.get_last_lr() == resumed.get_last_lr()


def test_plateau_state_dict_round_trip():
    whole, again = optimizer_of(fastnet), optimizer_of(fastnet)
    schedule = lr_scheduler.ReduceLROnPlateau(whole, patience=2, cooldown=1)
    for metric in METRICS["bumpy"][:15]:
        schedule.step(metric)
    resumed = lr_scheduler.ReduceLROnPlateau(again, mode="max")
    again.load_state_dict(whole.state_dict())
    resumed.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    for metric in METRICS["bumpy"][15:]:
        schedule.step(metric)
        resumed.step(metric)
        assert numbers(whole) == numbers(again)


def test_lambda_objects_are_saved():
    class Decay:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, epoch):
            return self.rate**epoch

    schedule = lr_scheduler.LambdaLR(optimizer_of(fastnet), Decay(0.5))
    resumed = lr_scheduler.LambdaLR(optimizer_of(fastnet), Decay(0.9))
    resumed.load_state_dict(schedule.state_dict())
    resumed.step()
    assert resumed.get_last_lr() == pytest.approx([0.05, 0.015])


@given(kind=st.sampled_from(sorted(CLOSED)), steps=st.integers(1, 60))
def test_steps_agree_with_the_closed_form(kind, steps):
    optimizer = optimizer_of(fastnet)
    schedule = CLOSED[kind](lr_scheduler, optimizer)
    for _ in range(steps):
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx(schedule._get_closed_form_lr(), rel=1e-9)


def test_rates_reach_the_update():
    w = fastnet.zeros(3, requires_grad=True)
    optimizer = fastnet.optim.SGD([w], lr=1.0)
    schedule = lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    for _ in range(5):
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        schedule.step()
    assert w.detach().numpy().tolist() == [-(1 + 1 + 0.5 + 0.5 + 0.25)] * 3


def test_one_cycle_whose_rise_is_one_step():
    """PyTorch divides by zero here."""
    optimizer = optimizer_of(fastnet)
    schedule = lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=10, pct_start=0.1)
    assert schedule.get_last_lr() == [0.5, 0.5]
    for _ in range(9):
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([2e-6, 2e-6])


def test_a_users_schedule():
    class Inverse(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [lr / (1 + self.last_epoch) for lr in self.base_lrs]

    schedule = Inverse(optimizer_of(fastnet))
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.015]


# ---- bad arguments --------------------------------------------------------------------------------------------------

BAD = [
    (ValueError, "between 0 and 1", lambda s, o: s.ConstantLR(o, factor=1.5)),
    (ValueError, "start_factor|Starting", lambda s, o: s.LinearLR(o, start_factor=0)),
    (ValueError, "end_factor|Ending", lambda s, o: s.LinearLR(o, end_factor=1.1)),
    (ValueError, "T_0", lambda s, o: s.CosineAnnealingWarmRestarts(o, 0)),
    (ValueError, "T_0", lambda s, o: s.CosineAnnealingWarmRestarts(o, 2.5)),
    (ValueError, "T_mult", lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 0)),
    (ValueError, "eta_min", lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 1, "0")),
    (ValueError, "non-negative", lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1)),
    (ValueError, "total_steps", lambda s, o: s.OneCycleLR(o, 1.0)),
    (ValueError, "total_steps", lambda s, o: s.OneCycleLR(o, 1.0, total_steps=0)),
    (ValueError, "epochs", lambda s, o: s.OneCycleLR(o, 1.0, epochs=1.5, steps_per_epoch=3)),
    (ValueError, "steps_per_epoch", lambda s, o: s.OneCycleLR(o, 1.0, epochs=2, steps_per_epoch=-3)),
    (ValueError, "pct_start", lambda s, o: s.OneCycleLR(o, 1.0, 10, pct_start=1.5)),
    (ValueError, "pct_start", lambda s, o: s.OneCycleLR(o, 1.0, 10, pct_start=1)),
    (ValueError, "anneal_strategy", lambda s, o: s.OneCycleLR(o, 1.0, 10, anneal_strategy="sin")),
    (ValueError, "max_lr", lambda s, o: s.OneCycleLR(o, [1.0], 10)),
    (ValueError, "base_momentum", lambda s, o: s.OneCycleLR(o, 1.0, 10, base_momentum=[1, 2, 3])),
    (ValueError, "lr_lambda", lambda s, o: s.LambdaLR(o, [abs])),
    (ValueError, "1.0|below 1", lambda s, o: s.ReduceLROnPlateau(o, factor=1.0)),
    (ValueError, "mode", lambda s, o: s.ReduceLROnPlateau(o, "least")),
    (ValueError, "threshold", lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="both")),
    (ValueError, "min_lr", lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1])),
    (ValueError, "at least one", lambda s, o: s.SequentialLR(o, [], [])),
    (TypeError, "SequentialLR", lambda s, o: s.SequentialLR(o, [1], [])),
    (ValueError, "ReduceLROnPlateau", lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], [])),
    (ValueError, "number of milestone|milestone", lambda s, o: s.SequentialLR(o, [s.ExponentialLR(o, 0.9)], [3])),
    (KeyError, "initial_lr", lambda s, o: s.ExponentialLR(o, 0.9, last_epoch=3)),
    (TypeError, "an Optimizer", lambda s, o: s.ExponentialLR(o.param_groups, 0.9)),
    (TypeError, "an Optimizer", lambda s, o: s.ReduceLROnPlateau(None)),
]
OURS_ALONE = [                              # PyTorch fails at a later step, or not at all
    (ValueError, "step_size", lambda s, o: s.StepLR(o, 0)),
    (ValueError, "T_max", lambda s, o: s.CosineAnnealingLR(o, 0)),
    (TypeError, "an Optimizer", lambda s, o: s.OneCycleLR(None, 1.0, 10)),
    (TypeError, "an Optimizer", lambda s, o: s.LambdaLR(None, abs)),
]


@pytest.mark.parametrize("number", range(len(BAD + OURS_ALONE)))
def test_bad_arguments(number):
    error, words, make = (BAD + OURS_ALONE)[number]
    with pytest.raises(error, match=words):
        make(lr_scheduler, optimizer_of(fastnet))


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_arguments_are_bad_for_torch_too(torch, number):
    error, words, make = BAD[number]
    with pytest.raises(error, match=words):
        make(torch.optim.lr_scheduler, optimizer_of(torch))


def test_a_step_beyond_the_cycle():
    schedule = lr_scheduler.OneCycleLR(optimizer_of(fastnet), 1.0, total_steps=3)
    for _ in range(3):
        schedule.step()
    with pytest.raises(ValueError, match="3 steps"):
        schedule.step()


def test_cycling_momentum_needs_momentum():
    optimizer = fastnet.optim.Adagrad([fastnet.ones(2, requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        lr_scheduler.OneCycleLR(optimizer, 1.0, 10)
    lr_scheduler.OneCycleLR(optimizer, 1.0, 10, cycle_momentum=False)


def test_sequential_of_another_optimizer():
    with pytest.raises(ValueError, match="another optimizer"):
        lr_scheduler.SequentialLR(optimizer_of(fastnet), [lr_scheduler.ExponentialLR(optimizer_of(fastnet), 0.9)], [])


def test_plateau_after_a_group_was_added():
    for min_lr, error in ((0, None), ([0, 0], RuntimeError)):
        optimizer = optimizer_of(fastnet)
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=min_lr)
        optimizer.add_param_group({"params": [fastnet.ones(1, requires_grad=True)], "lr": 1.0})
        schedule.step(1.0)
        if error:
            with pytest.raises(error, match="3 parameter groups"):
                schedule.step(1.0)
        else:
            schedule.step(1.0)
            assert schedule.get_last_lr() == pytest.approx([0.01, 0.003, 0.1])


def test_repr():
    optimizer = optimizer_of(fastnet)
    step = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    assert repr(step) == "StepLR(step_size=2, gamma=0.5, last_epoch=0, lr=[0.1, 0.03])"
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=3)
    assert repr(plateau) == "ReduceLROnPlateau(mode='max', patience=3, last_epoch=0, lr=[0.1, 0.03])"
    scaled = lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.04 * 0.1)
    assert repr(scaled) == "LambdaLR(lr_lambda=[<lambda>, <lambda>], last_epoch=0, lr=[0.0004, 0.00012])"
    chain = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.ExponentialLR(optimizer, 0.9)], [])
    assert repr(chain) == ("SequentialLR(schedulers=[ExponentialLR(gamma=0.9, last_epoch=0, lr=[0.1, 0.03])], "
                           "milestones=[], last_epoch=0, lr=[0.1, 0.03])")
