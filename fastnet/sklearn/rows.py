"""The rows of a matrix that a network is fed with, and a Trainer whose step reads them."""
from typing import Any

import numpy as np

import fastnet
from fastnet.nn import functional as F
from fastnet.sklearn.sparse import SparseNetwork, SparseRows
from fastnet.training import Trainer

_DENSE = 0.05                           # of the numbers not 0: from here on products with dense rows are faster


def worth_keeping_sparse(matrix):
    """Whether a matrix is sparse, and so much so that products with its rows are best computed so."""
    return hasattr(matrix, "indptr") and matrix.nnz < _DENSE * matrix.shape[0] * matrix.shape[1]


class Rows:
    """What a network is fed with: rows of a matrix, dense or sparse. Only `all` makes the whole of a sparse one dense.

    Args:
        network: the estimator's. If it is a SparseNetwork, sparse rows stay so; else those of each batch are made
            dense.
        matrix: a NumPy array, or a CSR matrix.
    """

    def __init__(self, network, matrix):
        self.network, self.matrix = network, matrix
        self.sparse = hasattr(matrix, "indptr")
        self.stays_sparse = self.sparse and isinstance(network, SparseNetwork)
        self.tensor: Any = None if self.sparse else fastnet.from_numpy(np.ascontiguousarray(matrix))

    def __len__(self):
        return self.matrix.shape[0]

    @property
    def width(self):
        """How many numbers the network is given of each row: 1 where they stay sparse."""
        return 1 if self.stays_sparse else self.matrix.shape[1]

    def take(self, numbers):
        """What the network is called with for some rows.

        Args:
            numbers: (m,), an int64 tensor.
        """
        if self.stays_sparse:
            return SparseRows(self.matrix, numbers)
        if self.sparse:
            return fastnet.from_numpy(self.matrix[numbers.numpy()].toarray())
        return F.embedding(numbers, self.tensor)

    def all(self):
        """What the network is called with for all rows."""
        return self.take(fastnet.arange(len(self))) if self.sparse else self.tensor

    def chunks(self, size, members=None):
        """What the network is called with for so many rows at a time, of all or of some.

        Args:
            size: how many.
            members: their numbers, a NumPy array; None: all.
        """
        if members is None and not self.sparse:
            return (self.tensor[i:i + size] for i in range(0, len(self), size))
        members = np.arange(len(self)) if members is None else members
        return (self.take(fastnet.from_numpy(members[i:i + size])) for i in range(0, len(members), size))


class RowTrainer(Trainer):
    """A Trainer whose batches are numbers of rows, which its compiled step reads. Its model takes features, as ever.

    Args:
        rows: a `Rows`: dense ones, or such that stay sparse.
        optimizer: over the parameters of its network.
        loss: a `Loss`.
        compile: False runs steps eagerly.
    """

    def __init__(self, rows, optimizer, loss, compile=True):
        super().__init__(rows.network, optimizer, loss=loss.function, compile=compile)
        self.loss, self._rows = loss, rows

    @property
    def step_model(self):
        """What a step calls with the numbers of a batch."""
        rows, network = self._rows, self.model
        return lambda numbers: network(rows.take(numbers))
