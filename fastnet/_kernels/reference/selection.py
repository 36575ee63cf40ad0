"""Selection of elements by their position, and of positions by a mask."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def triangle(out, x, diagonal, upper=False):
    """out[o, i, j] = x[o, i, j] where j - i <= diagonal (upper: >=), else 0; both are (outer, rows, columns)."""
    out[...] = (np.triu if upper else np.tril)(x, diagonal)


@kernel()
def true_places(out, mask):
    """out = the places of the true elements of mask (n,), bool, in ascending order: int64, one for each of them."""
    out[...] = np.flatnonzero(mask)
