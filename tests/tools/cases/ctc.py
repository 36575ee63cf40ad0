import numpy as np

from . import Case, garbage, real

# steps, samples, classes, the longest target
SIZES = ((1, 1, 2, 0), (0, 2, 3, 1), (3, 1, 2, 1), (5, 3, 4, 2), (12, 4, 7, 5), (40, 5, 17, 9), (60, 2, 33, 20),
         (200, 9, 5, 40))


def sample(rng, dtype, size):
    t, n, c, longest = size
    x = real(rng, (t, n, c), dtype, special=False)
    x -= np.log(np.exp(x).sum(2, keepdims=True)).astype(dtype)
    lengths = rng.integers(0, longest + 1, n)
    steps = rng.integers(0, t + 1, n)
    steps[:1], lengths[:1] = t, longest
    targets = rng.integers(1, max(c, 2), (n, longest))
    starts = np.arange(n) * longest
    return x, targets.reshape(-1), starts, steps, lengths


def loss(rng, dtype, size):
    x, *rest = sample(rng, dtype, size)
    t, n, _, longest = size
    return (garbage(n, dtype), garbage((n, t, 2 * longest + 1), dtype), x, *rest), {"blank": 0}


def backward(zero_infinity):
    def make(rng, dtype, size):
        from fastnet._kernels.reference.ctc import ctc_loss
        (losses, alpha, x, *rest), _ = loss(rng, dtype, size)
        ctc_loss(losses, alpha, x, *rest, 0)
        dy = real(rng, losses.shape, dtype, special=False)
        return (garbage(x.shape, dtype), x, *rest, losses, alpha, dy), {"blank": 0, "zero_infinity": zero_infinity}
    return make


SUMS = {"rtol": (1e-4, 1e-11), "atol": (1e-4, 1e-11)}

CASES = [
    Case("ctc_loss", loss, SIZES, (200, 16, 40, 30), **SUMS),
    Case("ctc_loss_backward", backward(False), SIZES, (200, 16, 40, 30), **SUMS),
    Case("ctc_loss_backward", backward(True), SIZES, None, note="zero_infinity", **SUMS),
]
