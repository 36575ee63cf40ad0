"""The rows of a matrix as a network's inputs, and a Trainer whose step reads them by index."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor, nn, optim
from fastnet._core.annotations import Array
from fastnet.nn import functional as F
from fastnet.sklearn.sparse import SparseNetwork, SparseRows
from fastnet.training import Trainer
from fastnet.training.losses import Loss

__all__ = ["RowTrainer", "Rows", "worth_keeping_sparse"]

_DENSE = 0.05                           # share of non-zero numbers above which products with dense rows are faster


def worth_keeping_sparse(matrix: Any) -> bool:
    """Whether a matrix is sparse, with so few non-zero numbers that sparse products are faster."""
    return hasattr(matrix, "indptr") and matrix.nnz < _DENSE * matrix.shape[0] * matrix.shape[1]


class Rows:
    """The rows of a dense or sparse matrix. Only `all` converts a whole sparse matrix to dense.

    Args:
        network: the estimator's. A SparseNetwork takes sparse rows; otherwise the rows of each batch are made dense.
        matrix: a NumPy array, or a CSR matrix.
    """

    def __init__(self, network: nn.Module, matrix: Any) -> None:
        self.network: nn.Module = network
        self.matrix: Any = matrix
        self.sparse: bool = hasattr(matrix, "indptr")
        self.stays_sparse: bool = self.sparse and isinstance(network, SparseNetwork)
        self.tensor: Any = None if self.sparse else fastnet.from_numpy(np.ascontiguousarray(matrix))

    def __len__(self) -> int:
        return self.matrix.shape[0]

    @property
    def width(self) -> int:
        """How many numbers the network is given per row: 1 if the rows stay sparse."""
        return 1 if self.stays_sparse else self.matrix.shape[1]

    def take(self, indices: Tensor) -> Any:
        """The network's input for some rows.

        Args:
            indices: (m,), an int64 tensor.
        """
        if self.stays_sparse:
            return SparseRows(self.matrix, indices)
        if self.sparse:
            return fastnet.from_numpy(self.matrix[indices.numpy()].toarray())
        return F.embedding(indices, self.tensor)

    def all(self) -> Any:
        """The network's input for all rows."""
        return self.take(fastnet.arange(len(self))) if self.sparse else self.tensor

    def chunks(self, size: int, indices: Array | None = None) -> Iterator[Any]:
        """The network's inputs for `size` rows at a time, of all rows or of some.

        Args:
            size: number of rows.
            indices: of the rows; None: all.
        """
        if indices is None and not self.sparse:
            return (self.tensor[i:i + size] for i in range(0, len(self), size))
        found = np.arange(len(self)) if indices is None else indices
        return (self.take(fastnet.from_numpy(found[i:i + size])) for i in range(0, len(found), size))


class RowTrainer(Trainer):
    """A Trainer whose batches are row indices; its compiled step reads the rows. `predict` takes features as usual.

    Args:
        rows: a `Rows`, dense or such that stay sparse.
        optimizer: of the parameters of its network.
        loss: a `Loss`.
        compile: False runs steps eagerly.
    """

    def __init__(self, rows: Rows, optimizer: optim.Optimizer, loss: Loss, compile: bool = True) -> None:
        super().__init__(rows.network, optimizer, loss=loss.function, compile=compile)
        self.loss: Loss = loss
        self._rows = rows

    @property
    def step_model(self) -> Callable[..., Any]:
        """The function that a step calls with the row indices of a batch."""
        rows, network = self._rows, self.model
        return lambda indices: network(rows.take(indices))
