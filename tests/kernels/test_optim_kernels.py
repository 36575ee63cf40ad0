"""The update rules against PyTorch's, for 20 steps with a learning rate that changes, and replayed from a recording."""
from typing import ClassVar

import numpy as np
import pytest
from kernel_tools import built, launch

from fastnet.backend import K, use_backend

STEPS = 20
N = 1000


class Rule:
    """One rule with its options, called as an optimizer would. `hyper` stays one array, as a recording needs it."""

    defaults: ClassVar = {}
    state: tuple = ()
    numbers: tuple = ()

    def __init__(self, **options):
        self.options = {"lr": 0.05, "weight_decay": 0.0, "maximize": False, "l1": 0.0} | self.defaults | options
        self.hyper = np.empty(len(self.numbers))
        self.step = np.array(0, np.int64)
        self.arrays = {}

    def set_lr(self, lr):
        self.hyper[:] = [self.options[name] for name in self.numbers]
        self.hyper[0] = lr

    def __call__(self, p, g):
        K.increment_(self.step)
        self.update(p, g, *(self.array(name, p) for name in self.state), self.hyper, self.step)

    def array(self, name, like):
        needed = self.options.get({"buf": "momentum", "largest": "amsgrad", "mean": "centered"}.get(name), True)
        return self.arrays.setdefault(name, np.zeros_like(like)) if needed else None


class SGD(Rule):
    defaults: ClassVar = {"momentum": 0.0, "dampening": 0.0, "nesterov": False}
    numbers = ("lr", "momentum", "dampening", "weight_decay", "l1")
    state = ("buf",)

    def update(self, *args):
        K.sgd_(*args, nesterov=self.options["nesterov"], maximize=self.options["maximize"])


class Adam(Rule):
    defaults: ClassVar = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "amsgrad": False}
    numbers = ("lr", "beta1", "beta2", "eps", "weight_decay", "l1")
    state = ("m", "v", "largest")
    decoupled = False

    def update(self, *args):
        K.adam_(*args, decoupled=self.decoupled, maximize=self.options["maximize"])


class AdamW(Adam):
    decoupled = True


class RMSprop(Rule):
    defaults: ClassVar = {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False}
    numbers = ("lr", "alpha", "eps", "weight_decay", "momentum", "l1")
    state = ("sq", "buf", "mean")

    def update(self, *args):
        K.rmsprop_(*args, maximize=self.options["maximize"])


class Adagrad(Rule):
    defaults: ClassVar = {"lr_decay": 0.0, "eps": 1e-10}
    numbers = ("lr", "lr_decay", "eps", "weight_decay", "l1")
    state = ("acc",)

    def update(self, *args):
        K.adagrad_(*args, maximize=self.options["maximize"])


CASES = [
    (SGD, {}), (SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    (SGD, {"momentum": 0.9, "dampening": 0.3, "maximize": True}),
    (SGD, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    (Adam, {}), (Adam, {"beta1": 0.5, "beta2": 0.9, "weight_decay": 0.1, "maximize": True}),
    (Adam, {"amsgrad": True, "eps": 1e-3}), (AdamW, {"weight_decay": 0.1}),
    (AdamW, {"weight_decay": 0.1, "amsgrad": True, "maximize": True}),
    (RMSprop, {}), (RMSprop, {"centered": True, "alpha": 0.9}),
    (RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.1, "maximize": True}),
    (Adagrad, {}), (Adagrad, {"lr_decay": 0.1, "weight_decay": 0.1}),
]
over_cases = pytest.mark.parametrize("rule, options", CASES, ids=[f"{rule.__name__}-{i}" for i, (rule, _) in
                                                                  enumerate(CASES)])


def torch_optimizer(torch, rule, options, p):
    options = dict(options)
    betas = [options.pop(name, default) for name, default in (("beta1", 0.9), ("beta2", 0.999))]
    if issubclass(rule, Adam):
        options["betas"] = tuple(betas)
    return getattr(torch.optim, rule.__name__)([p], **({"lr": 0.05, "weight_decay": 0} | options))


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 3e-5), (np.float64, 1e-11)], ids=["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", pytest.param("compiled", marks=built)])
@over_cases
def test_agrees_with_torch(rule, options, backend, dtype, tolerance):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(len(options))
    p = rng.standard_normal(N).astype(dtype)
    theirs = torch.tensor(p, requires_grad=True)
    optimizer = torch_optimizer(torch, rule, options, theirs)
    update = rule(**options)
    with use_backend(backend):
        for i in range(STEPS):
            lr = 0.05 * (1 + np.sin(i) / 2)
            g = (rng.standard_normal(N) + 0.3 * p).astype(dtype)
            update.set_lr(lr)
            update(p, g)
            optimizer.param_groups[0]["lr"] = lr
            theirs.grad = torch.tensor(g)
            optimizer.step()
    np.testing.assert_allclose(p, theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


@built
@over_cases
def test_a_replay_follows_the_schedule(rule, options):
    """The numbers and the step are read at each replay: the bits are those of as many eager steps."""
    start, g = np.random.default_rng(0).standard_normal((2, N)).astype(np.float32)
    results = []
    for replayed in (False, True):
        p, update = start.copy(), rule(**options, l1=1e-3)
        launches = launch.LaunchList([])
        with use_backend("compiled"):
            for i in range(5):
                update.set_lr(0.05 / (1 + i))
                if not replayed:
                    update(p, g)
                elif i:
                    assert launches.replay(()) == -1
                else:
                    launches.record(update, (p, g), {})
        results.append(p.tobytes())
    assert results[0] == results[1]
