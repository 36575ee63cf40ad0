"""Batches of rows for a Trainer, and the L2 penalty, which depends on their sizes."""
import contextlib

import numpy as np

import fastnet
from fastnet import nn
from fastnet.nn import functional as F
from fastnet.sklearn.network import decays
from fastnet.sklearn.sparse import SparseLinear, SparseRows


_DENSE = 0.05                           # of the numbers not 0: from here on products with dense rows are faster


def worth_keeping_sparse(matrix):
    """Whether a matrix is sparse, and so much so that products with its rows are best computed so."""
    return hasattr(matrix, "indptr") and matrix.nnz < _DENSE * matrix.shape[0] * matrix.shape[1]


class Rows:
    """What a network is fed with: rows of a matrix, dense or sparse. A sparse one is never made dense as a whole.

    Args:
        network: the estimator's. If it begins with a SparseLinear, sparse rows stay so; else those of each batch are
            made dense.
        matrix: a NumPy array, or a CSR matrix.
    """

    def __init__(self, network, matrix):
        self.network, self.matrix = network, matrix
        self.sparse = hasattr(matrix, "indptr")
        self.stays_sparse = self.sparse and isinstance(network, nn.Sequential) and isinstance(network[0], SparseLinear)
        self.tensor = None if self.sparse else fastnet.from_numpy(np.ascontiguousarray(matrix))
        self._by_number = False

    def __len__(self):
        return self.matrix.shape[0]

    @property
    def width(self):
        """How many numbers the network is given of each row: 1 where they stay sparse."""
        return 1 if self.stays_sparse else self.matrix.shape[1]

    def take(self, rows):
        """What the network is called with for some rows.

        Args:
            rows: (m,), their numbers, an int64 tensor.
        """
        return rows if self._by_number else self._read(rows)

    def _read(self, rows):
        if self.stays_sparse:
            return SparseRows(self.matrix, rows)
        if self.sparse:
            return fastnet.from_numpy(self.matrix[rows.numpy()].toarray())
        return F.embedding(rows, self.tensor)

    def all(self):
        """What the network is called with for all rows."""
        return self._read(fastnet.arange(len(self))) if self.sparse else self.tensor

    @contextlib.contextmanager
    def by_number(self):
        """Let the network read the rows itself, so that reading is part of a compiled step; where it can be."""
        if self.sparse and not self.stays_sparse:
            yield
            return
        handle = self.network.register_forward_pre_hook(lambda module, args: (self._read(*args),))
        self._by_number = True
        try:
            yield
        finally:
            self._by_number = False
            handle.remove()


class Batches:
    """A loader for `Trainer.fit`: the rows in an order that a RandomState shuffles anew for each epoch.

    Args:
        rows: a `Rows`.
        target: (N, ...), a NumPy array.
        weight: (N,), a NumPy array of the network's dtype, or None.
        members: the numbers of the rows that are trained on.
        batch_size: how many make a batch; the last one of an epoch may have less.
        rng: of the shuffling; None: the order stays.
        penalty: a `Penalty`, told of each batch before it is given.
        avoid_one: add a last batch of one sample to the one before: a batch has no variance with less than two.
    """

    def __init__(self, rows, target, weight, members, batch_size, rng, penalty, avoid_one):
        self.rows, self.target, self.order, self.rng, self.penalty = rows, target, members, rng, penalty
        self.weighted = weight is not None
        self.weight = weight
        n = len(members)
        self.starts = list(range(0, n, batch_size))
        if avoid_one and len(self.starts) > 1 and self.starts[-1] == n - 1:
            self.starts.pop()

    def __len__(self):
        return len(self.starts)

    def __iter__(self):
        return self.epoch(0)

    def epoch(self, number, start=0):
        """The batches of the next epoch: what the network is called with, the targets, and the weights if there are."""
        if self.rng is not None:
            self.order = self.order[self.rng.permutation(len(self.order))]
        self.penalty.squares = 0.0
        for a, b in zip(self.starts, [*self.starts[1:], len(self.order)]):
            numbers = self.order[a:b]
            batch = [self.rows.take(fastnet.from_numpy(numbers)), fastnet.from_numpy(self.target[numbers])]
            total = float(len(numbers))
            if self.weighted:
                weight = self.weight[numbers]
                total = float(weight.sum())
                batch.append(fastnet.from_numpy(weight))
            self.penalty.before(total)
            yield batch


class Penalty:
    """alpha / 2 times the sum of the squared weights, divided by the weight of the batch, as scikit-learn's.

    Its gradient, alpha / n times the weight, is the optimizer's weight decay, which is set before each batch; its value
    is added up for the epoch's loss.

    Args:
        alpha: the factor.
        optimizer: of two groups of parameters, the first of which the penalty is on (`groups`).
    """

    def __init__(self, alpha, optimizer):
        self.group = optimizer.param_groups[0]
        weights = [p for p in self.group["params"] if decays(p)]
        self.alpha = float(alpha) if weights else 0.0
        self.squares = 0.0              # summed over the batches of the epoch so far
        if "weight_decay" in self.group:
            self.group["weight_decay"] = 0.0
        elif self.alpha:
            raise ValueError(f"alpha needs a solver with weight_decay, which {type(optimizer).__name__} lacks: set "
                             "alpha=0")
        self._decays = {}               # batch weight -> decay: the same object each time, as compiled steps like it
        self._norm = fastnet.compile(lambda: nn.utils.get_total_norm([p.detach() for p in weights]))

    def before(self, total):
        """Get ready for a batch whose samples weigh `total` together."""
        if self.alpha:
            if total not in self._decays:
                self._decays[total] = self.alpha / total if total > 0 else 0.0
            self.group["weight_decay"] = self._decays[total]
            self.squares += self._norm().item() ** 2

    def mean(self, total):
        """The mean over the samples of an epoch, which weigh `total` together."""
        return self.alpha / 2 * self.squares / total if total > 0 else 0.0


def groups(network):
    """The optimizer's groups: what the penalty is on, and the rest."""
    parameters = list(network.parameters())
    parts = ([p for p in parameters if decays(p)], [p for p in parameters if not decays(p)])
    return [{"params": part} for part in parts if part]
