"""Batches of a dataset, in an order that can be had again."""
import numpy as np

from fastnet._core.construction import as_tensor
from fastnet._core.errors import whole_number
from fastnet._core.tensor import Tensor
from fastnet.data.calls import apply, takes_rng
from fastnet.data.prefetch import Prefetched
from fastnet.functional.random import randperm
from fastnet.random import Generator


class DataLoader:
    """Gives a dataset in batches, epoch after epoch, each batch as a tuple of new tensors: inputs, then the target.

    The order of an epoch is a function of the seed and the epoch's number alone, and what a random transform draws one
    of the seed, the epoch and the batch's number: `epoch(3, start=20)` goes on where a run was stopped, with the very
    batches that it would have had. Every `for batch in loader` is the next epoch.

    Args:
        dataset: a TensorDataset, or anything with `len()` and `take(rows)`, which gives the samples of these numbers
            (int64) as a tuple of arrays or tensors.
        batch_size: samples a batch; the last batch may be smaller.
        shuffle: another random order in each epoch; else the samples stay in theirs.
        drop_last: leave out a last batch that is smaller.
        transform: called with a batch's arrays (NumPy's, its own to write to) and, if it has an argument of that name,
            `rng`, a `numpy.random.Generator`; returns the arrays of the batch. See `fastnet.data.transforms`.
        seed: of orders and transforms, any integer.
        prefetch: how many batches a thread makes ahead; 0: none, without a thread. It helps where making a batch
            takes long and lets go of Python's lock, as NumPy does.

    Attributes:
        next_epoch: the number of the epoch that the next `for` loop runs over, from 0 on.

    Raises:
        TypeError: a dataset without `take`, or a batch size that is no whole number.
        ValueError: a batch size below 1, or a negative prefetch.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.arange(5), np.arange(5) % 2)
        >>> loader = fastnet.data.DataLoader(data, batch_size=2)
        >>> len(loader), [x for x, y in loader]
        (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
        >>> loader = fastnet.data.DataLoader(data, batch_size=2, shuffle=True, prefetch=1)
        >>> whole, rest = list(loader.epoch(7)), list(loader.epoch(7, start=2))
        >>> len(rest), fastnet.equal(whole[2][0], rest[0][0])
        (1, True)
    """

    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, transform=None, seed=0, prefetch=0):
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "take")) or hasattr(dataset, "shape"):     # an array
            raise TypeError(f"expected a dataset with len() and take(rows), got {type(dataset).__name__}; put arrays "
                            "into a TensorDataset(x, y)")
        self.dataset = dataset
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.prefetch = whole_number("prefetch", prefetch, 0)
        self.shuffle, self.drop_last, self.seed = bool(shuffle), bool(drop_last), whole_number("seed", seed, None)
        self.transform = transform
        self.next_epoch = 0
        self._draws = transform is not None and takes_rng(transform)

    def __len__(self):
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    @property
    def ends_in_one(self):
        """Whether the last batch of an epoch has one sample, and others have more.

        Example:
            >>> import numpy as np, fastnet
            >>> fastnet.data.DataLoader(fastnet.data.TensorDataset(np.arange(5)), batch_size=2).ends_in_one
            True
        """
        return len(self) > 1 and not self.drop_last and len(self.dataset) % self.batch_size == 1

    def __iter__(self):
        number = self.next_epoch
        self.next_epoch = number + 1
        return self.epoch(number)

    def epoch(self, number, start=0):
        """An iterator over the batches of one epoch. It does not count as the next.

        Args:
            number: which epoch, from 0 on.
            start: the batch to begin with, from 0 on.

        Raises:
            ValueError: a negative number, or a start behind the last batch.
        """
        number, start = whole_number("the epoch's number", number, 0), whole_number("start", start, 0)
        if start > len(self):
            raise ValueError(f"expected start to be one of the {len(self)} batches, got {start}")
        batches = self._batches(self._order(number), number, start)
        return Prefetched(batches, self.prefetch) if self.prefetch else batches

    def _order(self, number):
        """The numbers of the samples in the order of an epoch. Drawn before a thread begins: it takes a lock."""
        if not self.shuffle:
            return np.arange(len(self.dataset))
        [seed] = np.random.SeedSequence(self._entropy(number)).generate_state(1, np.uint64)
        return randperm(len(self.dataset), generator=Generator(seed)).numpy()

    def _batches(self, order, number, start):
        size = self.batch_size
        for i in range(start, len(self)):
            arrays = self.dataset.take(order[i * size:(i + 1) * size])
            if self.transform is not None:
                rng = np.random.default_rng(self._entropy(number, i)) if self._draws else None
                arrays = apply(self.transform, [a.numpy() if isinstance(a, Tensor) else a for a in arrays], rng)
            yield tuple([a if type(a) is Tensor else as_tensor(a) for a in arrays])

    def _entropy(self, *numbers):
        return self.seed & (2**64 - 1), *numbers
