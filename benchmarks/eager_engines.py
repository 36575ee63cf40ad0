"""The engines for the cost of a call, and the operations that they run."""
from types import SimpleNamespace

import numpy as np

from .engines import Engine, Fastnet, PyTorch
from .indexing_engines import MODES as MODES, Operations, rows_of

OPERATIONS = {
    "add": lambda t, a: a.x + a.y,
    "multiply by a number": lambda t, a: a.x * 2.0,
    "relu": lambda t, a: a.x.relu(),
    "matmul": lambda t, a: a.x @ a.y,
    "linear": lambda t, a: t.nn.functional.linear(a.x, a.y, a.bias),
    "sum": lambda t, a: a.x.sum(),
    "mean of rows": lambda t, a: a.x.mean(1),
    "argmax": lambda t, a: a.x.argmax(1),
    "softmax": lambda t, a: t.nn.functional.softmax(a.x, 1),
    "cross_entropy": lambda t, a: t.nn.functional.cross_entropy(a.x, a.index),
    "mse_loss": lambda t, a: t.nn.functional.mse_loss(a.x, a.y),
    "reshape": lambda t, a: a.x.reshape(-1, 4),
    "one row": lambda t, a: a.x[2],
    "rows": lambda t, a: a.x[a.index],
    "cat": lambda t, a: t.cat([a.x, a.y]),
    "stack": lambda t, a: t.stack([a.x, a.y]),
    "where": lambda t, a: t.where(a.mask, a.x, a.y),
    "layer_norm": lambda t, a: t.nn.functional.layer_norm(a.x, (a.x.shape[1],)),
    "conv2d": lambda t, a: t.nn.functional.conv2d(a.x.reshape(1, 1, *a.x.shape), a.kernels),
    "add_": lambda t, a: a.sums.add_(a.y, alpha=0.0),
}
WITHOUT_GRADIENT = {"argmax", "add_"}
SIZES = (8, 32)


ROWS = rows_of(OPERATIONS, SIZES, WITHOUT_GRADIENT)


def operands(t, n):
    """The tensors that the operations take, as attributes."""
    rng = np.random.default_rng(0)
    x, y, sums = rng.standard_normal((3, n, n), np.float32)
    arrays = {
        "x": x, "y": y, "sums": sums, "bias": rng.standard_normal(n, np.float32), "index": rng.integers(0, n, n),
        "mask": rng.random((n, n)) < 0.5, "kernels": rng.standard_normal((4, 1, 3, 3), np.float32)}
    return SimpleNamespace(**{name: t.from_numpy(array.copy()) for name, array in arrays.items()})


class _Calls(Operations):
    operations, operands = OPERATIONS, staticmethod(operands)


class FastnetCalls(_Calls, Fastnet):
    """fastnet without compile."""


class PyTorchCalls(_Calls, PyTorch):
    """Eager PyTorch."""


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FastnetCalls, PyTorchCalls)}
