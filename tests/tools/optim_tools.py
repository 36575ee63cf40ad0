"""What the tests of optimizers share: rules with their options, parameters, gradients, and steps."""
import functools
import itertools

import numpy as np
import pytest

import fastnet
from fastnet import nn

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


class Holder(nn.Module):
    """A module of parameters with these values."""

    def __init__(self, arrays):
        super().__init__()
        for i, a in enumerate(arrays):
            setattr(self, f"p{i}", nn.Parameter(a))
