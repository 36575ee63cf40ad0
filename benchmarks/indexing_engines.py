"""The engines for indexing, movement, scans, sorts and draws, and the operations that they run, call by call."""
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import SimpleNamespace

import numpy as np

from .engines import Engine, Fastnet, PyTorch, running

OPERATIONS = {
    "gather, dim 0": lambda t, a: a.x.gather(0, a.index),
    "gather, dim 1": lambda t, a: a.x.gather(1, a.index),
    "scatter, dim 0": lambda t, a: a.x.scatter(0, a.index, a.y),
    "scatter, dim 1": lambda t, a: a.x.scatter(1, a.index, a.y),
    "scatter_add, dim 1": lambda t, a: a.x.scatter_add(1, a.index, a.y),
    "index_select, dim 0": lambda t, a: a.x.index_select(0, a.places),
    "index_select, dim 1": lambda t, a: a.x.index_select(1, a.places),
    "index_fill, dim 0": lambda t, a: a.x.index_fill(0, a.places, 2.0),
    "index_fill, dim 1": lambda t, a: a.x.index_fill(1, a.places, 2.0),
    "index_add, dim 0": lambda t, a: a.x.index_add(0, a.places, a.y),
    "masked_select": lambda t, a: a.x.masked_select(a.mask),
    "masked_fill": lambda t, a: a.x.masked_fill(a.mask, 1.0),
    "nonzero": lambda t, a: a.mask.nonzero(),
    "flip, dim 0": lambda t, a: a.x.flip(0),
    "flip, dim 1": lambda t, a: a.x.flip(1),
    "flip, both": lambda t, a: a.x.flip(0, 1),
    "roll, dim 0": lambda t, a: a.x.roll(3, 0),
    "roll, dim 1": lambda t, a: a.x.roll(3, 1),
    "roll, both": lambda t, a: a.x.roll((3, 5), (0, 1)),
    "tril": lambda t, a: a.x.tril(),
    "triu": lambda t, a: a.x.triu(1),
    "cumsum, dim 0": lambda t, a: a.x.cumsum(0),
    "cumsum, dim 1": lambda t, a: a.x.cumsum(1),
    "cummax, dim 0": lambda t, a: a.x.cummax(0)[0],
    "cummax, dim 1": lambda t, a: a.x.cummax(1)[0],
    "sort": lambda t, a: a.x.sort(1)[0],
    "sort of integers": lambda t, a: a.integers.sort(1)[0],
    "topk": lambda t, a: a.x.topk(8, 1)[0],
    "embedding_bag, sum": lambda t, a: t.nn.functional.embedding_bag(a.bags, a.x, mode="sum"),
    "embedding_bag, mean": lambda t, a: t.nn.functional.embedding_bag(a.bags, a.x, mode="mean"),
    "embedding_bag, max": lambda t, a: t.nn.functional.embedding_bag(a.bags, a.x, mode="max"),
    "embedding_bag, offsets": lambda t, a: t.nn.functional.embedding_bag(a.flat, a.x, a.offsets, mode="sum"),
    "multinomial": lambda t, a: a.weights.multinomial(16, True),
}
WITHOUT_GRADIENT = {"nonzero", "sort of integers", "multinomial"}
SIZES = (64, 512, 2048)
BAG = 16


@dataclass(frozen=True)
class Row:
    """An operation on square matrices of `size` rows, in a mode ("infer" or "step")."""
    mode: str
    operation: str
    size: int

    @property
    def name(self):
        return f"{self.mode}-{self.operation.replace(', ', '-').replace(' ', '-')}-n{self.size}"

    @property
    def work(self):
        """What a worker's engine gets: the row itself."""
        return self

    @property
    def label(self):
        return f"{self.operation}, {self.size} x {self.size}"


MODES = {"infer": "forward, without gradients", "step": "forward and backward"}


def rows_of(operations, sizes, without_gradient):
    """A row for each operation, size and mode; those without a gradient have no row of training."""
    return [Row(mode, name, size) for mode, name, size in product(MODES, operations, sizes)
            if mode == "infer" or name not in without_gradient]


ROWS = rows_of(OPERATIONS, SIZES, WITHOUT_GRADIENT)


def operands(t, n):
    """The tensors that the operations take, as attributes."""
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.standard_normal((n, n), np.float32), "y": rng.standard_normal((n, n), np.float32),
        "index": rng.permuted(np.tile(np.arange(n), (n, 1)), axis=1), "places": rng.permutation(n),
        "mask": rng.random((n, n)) < 0.5, "integers": rng.integers(-1000, 1000, (n, n)),
        "bags": rng.integers(0, n, (n // 4, BAG)), "flat": rng.integers(0, n, n * BAG // 4),
        "offsets": np.arange(0, n * BAG // 4, BAG), "weights": rng.random((n, n), np.float32)}
    return SimpleNamespace(**{name: t.from_numpy(array) for name, array in arrays.items()})


class Operations:
    """The part of an engine with PyTorch's API that runs single operations, which subclasses may replace."""

    operations, operands = OPERATIONS, staticmethod(operands)

    def infer(self, row):
        t, run = self.module, self.operations[row.operation]
        given = self.operands(t, row.size)

        def infer():
            with t.no_grad():
                return run(t, given)
        return running(infer, partial(_numbers, row.operation), [()])

    def step(self, row):
        t, run = self.module, self.operations[row.operation]
        given = self.operands(t, row.size)
        given.x.requires_grad_()
        given.y.requires_grad_()
        slope = t.from_numpy(np.random.default_rng(1).standard_normal(run(t, given).shape).astype(np.float32))

        def step():
            given.x.grad = given.y.grad = None
            run(t, given).backward(slope)
            return given.x.grad
        return running(step, partial(_numbers, row.operation), [()])


def _numbers(operation, tensor):
    """The result as a matrix; zeros for draws, which differ between engines."""
    array = np.atleast_2d(tensor.numpy())
    return array * 0 if operation == "multinomial" else array


class FastnetOperations(Operations, Fastnet):
    """fastnet without compile."""


class PyTorchOperations(Operations, PyTorch):
    """Eager PyTorch."""


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FastnetOperations, PyTorchOperations)}
