"""Random draws that have only a NumPy form."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.philox import pairs
from fastnet._kernels.reference.tools.scipy_modules import scipy_module


@kernel()
def randperm(out, state, offset):
    """out = the numbers 0 to n-1 (int64) in the order of n 64-bit draws, by a stable sort."""
    draws = pairs(state, offset, out.size)
    order = np.argsort(draws)                               # five times as fast as the stable sort
    if (np.diff(draws[order]) == 0).any():                  # rare; their order would depend on the machine
        order = np.argsort(draws, kind="stable")
    out[...] = order


@kernel(check=True)
def check_weights(p, least, what="multinomial"):
    """Raise RuntimeError unless each row of p (rows, n) is finite, not negative, and positive at `least` places."""
    high = p.max(axis=1, initial=0)
    if p.min(initial=0) >= 0 and (high < np.inf).all() and least == 1 and (high > 0).all():
        return                                              # NaN compares as false
    bad = ~(np.isfinite(p) & (p >= 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise RuntimeError(f"{what}: expected finite weights of 0 or more, got {p[row, column]} in row {row}, column "
                           f"{column}")
    positive = (p > 0).sum(1)
    if (positive < least).any():
        row = int((positive < least).argmax())
        raise RuntimeError(f"{what}: expected at least {least} positive weights in each row, got {positive[row]} in "
                           f"row {row}")


# ---- counts and waiting times: NumPy's samplers on a separate stream, keyed by the state of the generator --------

def _stream(state, offset):
    """NumPy's generator on Philox4x64 with the key (seed, counter + offset)."""
    seed, counter = (int(v) for v in state)
    return np.random.Generator(np.random.Philox(key=np.array([seed, (counter + offset) % 2**64], np.uint64)))


@kernel()
def random_poisson(out, state, offset, rate):
    """out = draws of the Poisson distribution with the rates `rate`, in out's shape. A rate below 0 raises."""
    if not (rate >= 0).all():
        raise RuntimeError(f"random_poisson: expected rates of 0 or more, got {rate.min()}")
    out[...] = _stream(state, offset).poisson(rate)


@kernel()
def random_binomial(out, state, offset, count, p):
    """out = numbers of successes in `count` trials with probability p; both in out's shape."""
    if not ((count >= 0).all() and (p >= 0).all() and (p <= 1).all()):
        raise RuntimeError("random_binomial: expected counts of 0 or more and probabilities from 0 to 1")
    out[...] = _stream(state, offset).binomial(count.astype(np.int64), p.astype(np.float64))


@kernel()
def random_gamma(out, state, offset, shape):
    """out = draws of the Gamma distribution with rate 1 and the given shapes, in out's shape; above 0."""
    if not (shape > 0).all():
        raise RuntimeError(f"random_gamma: expected positive shapes, got {shape.min()}")
    draws = _stream(state, offset).standard_gamma(shape.astype(np.float64))
    np.maximum(draws, np.finfo(out.dtype).tiny, out=draws)
    out[...] = draws


@kernel()
def gamma_slope(out, shape, x):
    """out = dx/da of a draw x of the Gamma distribution of shape a: -(dF/da) / (dF/dx), where F is the cdf."""
    special = scipy_module("special")
    a, x = shape.astype(np.float64), x.astype(np.float64)
    h = 1e-3 * np.minimum(a, 1 + np.sqrt(a))
    tail = x > a                                            # where 1 - F has more digits than F

    def probability(b):
        return np.where(tail, -special.gammaincc(b, x), special.gammainc(b, x))
    rise = (8 * (probability(a + h) - probability(a - h)) - probability(a + 2 * h) + probability(a - 2 * h)) / (12 * h)
    density = np.exp((a - 1) * np.log(x) - x - special.gammaln(a))
    small = -x / a * (np.log(x) - special.psi(a + 1))       # of F = x^a / Gamma(a + 1), its value for small x
    out[...] = np.where(x < 1e-6, small, -rise / np.maximum(density, 1e-300))
