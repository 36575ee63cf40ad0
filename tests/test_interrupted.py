"""Exceptions from outside (Ctrl-C, a signal's handler, a debugger), wherever they fall: nothing is left behind."""
import gc
import random

import numpy as np
import pytest
from interrupt_tools import interrupted, length
from program_tools import OPTIMIZERS, batch, network, trainer

import fastnet
from fastnet.state import state

pytestmark = pytest.mark.usefixtures("backend")


class Training:
    """A training step that is recorded, with its network and optimizer: the same one each time."""

    def __init__(self, compiled=True):
        self.model = network(dropout=0.5, norm=True)
        self.step = trainer(self.model, OPTIMIZERS["adam"](self.model.parameters()), compiled=compiled)
        self.batch = batch()

    def run(self):
        """Two steps: what is recorded, and a replay."""
        return [float(self.step(*self.batch)) for _ in range(2)]


def require_sound():
    """The thread records nothing, has its gradient mode, and its memory comes from the shared pool."""
    assert state.recorder is None
    assert fastnet.is_grad_enabled()
    x = fastnet.ones(3)
    assert (x * 2).tolist() == [2, 2, 2]
    assert fastnet.memory.root((x * 2)._data).pool is fastnet.memory.shared


def sweep(places, seed=0):
    """Interrupt recordings, each at another place."""
    total = length(__file__, Training().run)
    expected = Training().run()
    if places < total:
        places = sorted(random.Random(seed).sample(range(1, total + 1), places))
    else:
        places = [1 + i % total for i in range(places)]
    for i, at in enumerate(places):
        training = Training()
        if interrupted(at, __file__, training.run):
            require_sound()
        if i % 50 == 0:
            gc.collect()
            assert all(np.isfinite(p.detach().numpy()).all() for p in training.model.parameters())
            training.run()
            assert Training().run() == expected


def test_interrupted_recordings():
    sweep(100)


@pytest.mark.interrupts
def test_ten_thousand_interrupted_recordings():
    sweep(10_000)
