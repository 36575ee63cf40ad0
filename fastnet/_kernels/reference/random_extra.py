"""Random draws that have only a NumPy form."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.philox import pairs


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
