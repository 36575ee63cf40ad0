"""Batches of rows for a Trainer, and the L2 penalty, which depends on their sizes."""
import functools

import fastnet
from fastnet import nn
from fastnet.sklearn.network import decays


class Batches:
    """A loader for `Trainer.fit`: the rows in an order that a RandomState shuffles anew for each epoch.

    Args:
        rows: a `Rows`.
        gives_indices: give the numbers of the rows, which a RowTrainer reads itself, instead of the rows.
        target: (N, ...), a NumPy array.
        weight: (N,), a NumPy array of the network's dtype, or None.
        members: the numbers of the rows that are trained on.
        batch_size: how many make a batch; the last one of an epoch may have less.
        rng: of the shuffling; None: the order stays.
        penalty: a `Penalty`, told of each batch before it is given.
        avoid_one: add a last batch of one sample to the one before: a batch has no variance with less than two.
    """

    ends_in_one = False
    own_mean = True                     # the loss of a batch is divided by its own weights, as scikit-learn's

    def __init__(self, rows, gives_indices, target, weight, members, batch_size, rng, penalty, avoid_one):
        self.rows, self.gives_indices, self.target, self.weight = rows, gives_indices, target, weight
        self.order, self.rng, self.penalty = members, rng, penalty
        self.weighted = weight is not None
        n = len(members)
        self.starts = list(range(0, n, batch_size))
        if avoid_one and len(self.starts) > 1 and self.starts[-1] == n - 1:
            self.starts.pop()

    def __len__(self):
        return len(self.starts)

    def __iter__(self):
        return self.epoch(0)

    def epoch(self, number, start=0):
        """The batches of the next epoch: the rows or their numbers, the targets, and the weights if there are."""
        if self.rng is not None:
            self.order = self.order[self.rng.permutation(len(self.order))]
        self.penalty.squares = 0.0
        for a, b in zip(self.starts, [*self.starts[1:], len(self.order)]):
            numbers = self.order[a:b]
            given = fastnet.from_numpy(numbers)
            batch = [given if self.gives_indices else self.rows.take(given), fastnet.from_numpy(self.target[numbers])]
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
        optimizer: of two groups of parameters, the first of which the penalty is on (`groups`).
    """

    def __init__(self, optimizer):
        self._optimizer = optimizer
        self._weights = [p for p in optimizer.param_groups[0]["params"] if decays(p)]
        self._norm = fastnet.compile(self._norm_of_weights)
        self.alpha = self.squares = 0.0         # the squares are summed over the batches of the epoch so far

    def start(self, alpha):
        """Use a factor from now on.

        Raises:
            ValueError: there is one, and the optimizer has no weight decay.
        """
        self.alpha = float(alpha) if self._weights else 0.0
        group = self._optimizer.param_groups[0]
        if "weight_decay" in group:
            group["weight_decay"] = 0.0
        elif self.alpha:
            raise ValueError(f"alpha needs a solver with weight_decay, which {type(self._optimizer).__name__} lacks: "
                             "set alpha=0")

    def _norm_of_weights(self):
        return nn.utils.get_total_norm([p.detach() for p in self._weights])

    def before(self, total):
        """Get ready for a batch whose samples weigh `total` together."""
        if self.alpha:
            self._optimizer.param_groups[0]["weight_decay"] = _decay(self.alpha, total)
            self.squares += self._norm().item() ** 2

    def mean(self, total):
        """The mean over the samples of an epoch, which weigh `total` together."""
        return self.alpha / 2 * self.squares / total if total > 0 else 0.0


@functools.lru_cache(maxsize=64)
def _decay(alpha, total):
    """alpha / total, the same object each time for the few totals that batches have: compiled steps like it."""
    return alpha / total if total > 0 else 0.0


def groups(network):
    """The optimizer's groups: what the penalty is on, and the rest."""
    parameters = list(network.parameters())
    parts = ([p for p in parameters if decays(p)], [p for p in parameters if not decays(p)])
    return [{"params": part} for part in parts if part]
