"""The networks to train, and who trains them: NumPy by hand, fastnet eager and compiled, PyTorch if it is there."""
from dataclasses import dataclass
from itertools import cycle, pairwise

import numpy as np

import fastnet

from . import numpy_network
from .timing import Timed

try:
    import torch
except ImportError:                     # compared with where it is installed
    torch = None

# Timed steps keep the weights where they are: a network that has learnt its batches has gradients of zero.
TIMED_LR = 1e-9
CHECKED_STEPS = 5


@dataclass(frozen=True)
class Net:
    """One training step: dims of a perceptron, its activation, optimizer and batch."""
    name: str
    dims: tuple
    activation: str
    optimizer: str
    lr: float
    batch: int

    @property
    def label(self):
        return f"{'-'.join(map(str, self.dims))} {self.activation}, {self.optimizer}, batch {self.batch}"


NETS = (
    Net("one sample", (784, 128, 10), "sigmoid", "SGD", 0.1, 1),
    Net("tiny", (20, 64, 64, 2), "relu", "AdamW", 1e-3, 32),
    Net("mnist", (784, 512, 256, 10), "relu", "AdamW", 1e-3, 128),
)


def nets(text=""):
    """The networks whose name or label has `text` in it."""
    return [net for net in NETS if text in f"{net.name} {net.label}"]


def batches(net, count=8):
    """`count` different batches of noise, (x, labels): a step never finds its last batch in the cache."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.standard_normal((net.batch, net.dims[0]), np.float32), rng.integers(0, net.dims[-1], net.batch)


def first_weights(net):
    """The same start for all: (weight, bias) of each layer, in PyTorch's layout."""
    rng = np.random.default_rng(1)
    return [(rng.standard_normal((n, m), np.float32) * np.float32(m**-0.5),
             rng.standard_normal(n, np.float32) * np.float32(0.1)) for m, n in pairwise(net.dims)]


# ---- trainers: batch(x, y) converts once, step(x, y) returns the loss, set_lr ----------------------------------------

class ByHand:
    """numpy_network.Network."""

    def __init__(self, net):
        self.optimizer = getattr(numpy_network, net.optimizer)(net.lr)
        network = numpy_network.Network(first_weights(net), net.activation, self.optimizer, net.batch)
        self.step = network.step

    def batch(self, x, y):
        return x, y

    def set_lr(self, lr):
        self.optimizer.lr = lr


class Framework:
    """The same network as anyone writes it under PyTorch's names; the loss is read in every step.

    Args:
        t: fastnet, or torch.
        wrap: makes the step that runs of the step as written.
        options: more for the optimizer.
    """

    def __init__(self, net, t, wrap=lambda step: step, **options):
        self.t = t
        self.model = build(net, t)
        self.optimizer = getattr(t.optim, net.optimizer)(self.model.parameters(), lr=net.lr, **options)
        self.run = wrap(self.whole_step)

    def whole_step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.t.nn.functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def step(self, x, y):
        return float(self.run(x, y))

    def batch(self, x, y):
        return self.t.from_numpy(x), self.t.from_numpy(y)

    def set_lr(self, lr):
        for group in self.optimizer.param_groups:
            group["lr"] = lr


TRAINERS = {
    "NumPy": ByHand,
    "eager": lambda net: Framework(net, fastnet),
    "compiled": lambda net: Framework(net, fastnet, fastnet.compile),
}
if torch is not None:
    TRAINERS["PyTorch"] = lambda net: Framework(net, torch, fused=True)


def build(net, t):
    """The network in framework `t`, with the common first weights."""
    activation = {"relu": t.nn.ReLU, "sigmoid": t.nn.Sigmoid}[net.activation]
    layers = [layer for m, n in pairwise(net.dims) for layer in (t.nn.Linear(m, n), activation())][:-1]
    for linear, (weight, bias) in zip(layers[::2], first_weights(net)):
        linear.load_state_dict({"weight": t.from_numpy(weight), "bias": t.from_numpy(bias)})
    return t.nn.Sequential(*layers)


def prepare(net, name):
    """(Timed, the losses of the first steps): one training step of a trainer, by its name in TRAINERS."""
    trainer = TRAINERS[name](net)
    data = [trainer.batch(x, y) for x, y in batches(net)]
    losses = [trainer.step(x, y) for x, y in data[:CHECKED_STEPS]]
    trainer.set_lr(TIMED_LR)
    turns = cycle(data)
    return Timed(lambda: trainer.step(*next(turns))), losses


def check_losses(net, losses, expected):
    """Refuse to time what does other work: from the same weights, the same losses.

    Raises:
        AssertionError: they differ by more than rounding explains.
    """
    np.testing.assert_allclose(losses, expected, rtol=2e-4, atol=1e-5, err_msg=f"{net.label}: losses differ")
