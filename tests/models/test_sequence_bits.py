"""Training steps of models of sequences: the same bits eagerly, recorded, and on any number of threads."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn

pytestmark = pytest.mark.skipif(fastnet.backend.backend() != "compiled", reason="threads of the compiled kernels")
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape, np.float32)


def adaptive_loss(model, x, y):
    return model(x, y).loss


def usual_loss(model, x, y):
    out = model(x)
    return nn.functional.mse_loss(out, y) if y.dtype.kind == "f" else nn.functional.cross_entropy(out, y)


CASES = {
    "gru_kws": (lambda: models.gru_kws(10, 1, 20, 24), normal(16, 1, 31, 20), RNG.integers(0, 10, 16), usual_loss),
    "lstm": (lambda: models.forecaster("lstm", 20, 3, 6, 2, (24,)), normal(64, 20, 3), normal(64, 6, 2), usual_loss),
    "tcn": (lambda: models.forecaster("tcn", 20, 3, 6, 1, (16, 16)), normal(64, 20, 3), normal(64, 6), usual_loss),
    "adaptive": (lambda: nn.AdaptiveLogSoftmaxWithLoss(16, 1000, [10, 100]), normal(300, 16),
                 RNG.integers(0, 1000, 300), adaptive_loss),
}


def trained(name, compiled):
    """The losses and the weights of three steps."""
    make, x, y, loss_of = CASES[name]
    fastnet.manual_seed(0)
    model = make()
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.05)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model, x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()
    run = fastnet.compile(step) if compiled else step
    losses = [run(fastnet.from_numpy(x), fastnet.from_numpy(y)).item() for _ in range(3)]
    return losses, [p.detach().numpy() for p in model.parameters()]


@pytest.mark.parametrize("name", CASES)
def test_same_bits(name):
    before, expected = fastnet.get_num_threads(), None
    try:
        for threads in (1, 2, 3, 8):
            fastnet.set_num_threads(threads)
            for compiled in (False, True):
                losses, weights = trained(name, compiled)
                expected = expected or (losses, weights)
                assert losses == expected[0], (threads, compiled)
                for a, b in zip(weights, expected[1]):
                    np.testing.assert_array_equal(a, b)
    finally:
        fastnet.set_num_threads(before)
