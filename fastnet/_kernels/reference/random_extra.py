"""Random draws that have no compiled twin."""
import numpy as np

from fastnet._kernels.reference.contract import kernel
from fastnet._kernels.reference.philox import pairs


@kernel()
def randperm(out, state, offset):
    """out = the numbers 0 to n-1 (int64) in random order: the order of n 64-bit draws."""
    out[...] = np.argsort(pairs(state, offset, out.size), kind="stable")
