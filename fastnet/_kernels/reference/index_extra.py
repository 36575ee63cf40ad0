"""Advanced indexing and one-hot encoding: kernels that have only a NumPy form."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(fallible=True)
def index_get(out, x, *key):
    """out = x[key], by NumPy's rules of indexing; out has the shape of the result."""
    out[...] = x[key]


@kernel(fallible=True)
def index_put_(x, value, *key):
    """x[key] = value. If key names an element twice, the last value stays."""
    x[key] = value


@kernel(fallible=True)
def index_add_(dx, dy, *key):
    """dx[key] += dy, once for each time that key names an element: the gradient of index_get."""
    np.add.at(dx, key, dy)


@kernel()
def one_hot(out, index):
    """out[..., k] = 1 where k == index[...], else 0: index int64, out of any dtype with one more dimension, last.

    An index out of range gives zeros; check_index reports it before.
    """
    np.equal(index[..., None], np.arange(out.shape[-1]), out=out, casting="unsafe")
