"""The loader of private training: each batch is a Poisson sample, filled up to a fixed size."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet.data import DataLoader
from fastnet.privacy.batches import BatchMasks, padded_size, poisson_rows
from fastnet.privacy.ranks import RankShare

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array

__all__ = ["DPDataLoader", "sample_rate_of"]


class DPDataLoader(DataLoader):
    """Batches that are Poisson samples of a dataset: each sample is in each batch with the probability `sample_rate`.

    The samples of a batch are its first rows. Repetitions of them fill it up to one of a few sizes (`padded_size`), so
    a recording serves batches of all sizes; private steps leave these rows out. A batch without samples repeats a
    random row. The order is secret: it depends on no
    seed that is stored. `PrivacyEngine.make_private` makes this loader. Use each batch for one step, and an ordinary
    DataLoader for evaluation.

    Args:
        loader: a DataLoader, whose dataset, transform and prefetching are used. One over its number of batches is the
            sample rate.
        masks: receive which rows of a batch are samples.
        rng: the source of the samples.
        on_batch: called before each batch.
        share: the part of the samples that this rank draws from.

    Attributes:
        sample_rate: the probability of a sample in each batch.
        expected_batch_size: the mean number of samples in a batch, on all ranks together.

    Raises:
        TypeError: not a DataLoader, or one of a subclass, whose order is unknown.
        ValueError: the dataset is empty, the loader has no batches, or there are fewer samples than ranks.
        RuntimeError: when the next batch is asked for, if backward() did not use the last one; `every` and `shards`.

    Example:
        >>> import numpy as np, fastnet
        >>> x, y = np.eye(100, 4, dtype="f"), np.arange(100) % 2
        >>> model = fastnet.nn.Linear(4, 2)
        >>> _, _, loader = fastnet.privacy.PrivacyEngine().make_private(
        ...     module=model, optimizer=fastnet.optim.SGD(model.parameters(), lr=0.1), noise_multiplier=1.0,
        ...     data_loader=fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), batch_size=20), max_grad_norm=1.0)
        >>> type(loader).__name__, loader.sample_rate, len(loader)
        ('DPDataLoader', 0.2, 5)
    """

    sample_rate: float
    expected_batch_size: float

    def __init__(self, loader: DataLoader, masks: BatchMasks, rng: np.random.Generator,
                 on_batch: Callable[[], None], share: RankShare) -> None:
        self.sample_rate = sample_rate_of(loader)
        self._rows = np.array(share.rows(len(loader.dataset)), np.int64)
        if len(loader.dataset) < share.ranks:
            raise ValueError(f"make_private: expected at least {share.ranks} samples, one for each rank, got "
                             f"{len(loader.dataset)}")
        super().__init__(loader.dataset, loader.batch_size, loader.shuffle, loader.drop_last, loader.transform,
                         loader.seed, loader.prefetch)
        self.expected_batch_size = len(loader.dataset) * self.sample_rate
        self._masks, self._rng, self._on_batch = masks, rng, on_batch

    def __repr__(self) -> str:
        return repr_of(self, dataset=self.dataset, sample_rate=self.sample_rate,
                       expected_batch_size=self.expected_batch_size)

    @property
    def ends_in_one(self) -> bool:
        """Always False: all batches are filled up."""
        return False

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[Tensor, ...]]:
        """Iterate over the batches of one epoch, which are new samples each time.

        Args:
            number: number of the epoch, from 0; transforms depend on it.
            start: number of the first batch, from 0.

        Raises:
            ValueError: a negative number, or a start after the last batch.
        """
        batches: Iterator[Any] = super().epoch(number, start)
        return self._opened(batches)

    def every(self, stride: int, number: int, start: int = 0) -> Iterator[tuple[Tensor, ...]]:
        """Raise: batches are drawn one after the other, each for a step, and none can be left out."""
        raise RuntimeError("private loader: expected epoch(), whose batches are used one after the other")

    def shards(self, number: int, start: int, cut: Callable[[int], Iterable[tuple[int, int, int]]],
               merge_one: bool = False) -> Iterator[tuple[int, list[tuple[Tensor, ...] | None]]]:
        """Raise: on several ranks, each rank has a private loader of its samples."""
        raise RuntimeError("private loader: expected epoch() on each rank, whose loader draws from the rank's samples")

    def _opened(self, batches: Iterator[Any]) -> Iterator[tuple[Tensor, ...]]:
        """The batches, whose masks are set just before each is used."""
        first = True
        for count, size, batch in batches:
            if not first and self._masks.waiting:
                raise RuntimeError("private loader: expected backward() for the last batch before the next one is "
                                   "asked for; each batch counts as a step of the privacy budget. To evaluate, use a "
                                   "fastnet.data.DataLoader")
            first = False
            self._masks.open(size, count)
            self._on_batch()
            yield batch

    def _order(self, number: int) -> Array:
        return np.arange(0)             # the samples of each batch are drawn on their own

    def _batches(self, order: Array, number: int, start: int) -> Iterator[Any]:
        """(samples, rows, batch) for each batch."""
        samples = self._rows.size
        for i in range(start, len(self)):
            chosen = poisson_rows(self._rng, samples, self.sample_rate)
            size = padded_size(chosen.size, samples * self.sample_rate, samples)
            others = self._rng.integers(0, samples, size - chosen.size)
            repeated = chosen if chosen.size else others[:1]        # no gradient of a sample that was not drawn
            rows = np.concatenate([chosen, repeated[others % repeated.size]])
            yield chosen.size, size, self.loaded(self._rows[rows], number, i)


def sample_rate_of(loader: DataLoader) -> float:
    """The probability of a sample in each private batch: one over the number of batches of a loader.

    Args:
        loader: as `make_private` takes it.

    Raises:
        TypeError: not a DataLoader, or one of a subclass, whose order is unknown.
        ValueError: the dataset is empty, or the loader has no batches.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet.privacy.data_loader import sample_rate_of
        >>> sample_rate_of(fastnet.data.DataLoader(fastnet.data.TensorDataset(np.eye(100)), batch_size=20))
        0.2
    """
    if type(loader) is not DataLoader:
        raise TypeError("make_private: expected data_loader to be a fastnet.data.DataLoader, got "
                        f"{type(loader).__module__}.{type(loader).__qualname__}; the privacy of another order than "
                        "that of Poisson samples is unknown")
    if not len(loader.dataset):
        raise ValueError("make_private: expected a dataset with samples, got an empty one")
    if not len(loader):
        raise ValueError(f"make_private: expected a loader with batches; drop_last=True leaves none of "
                         f"{len(loader.dataset)} samples with batch_size={loader.batch_size}")
    return 1 / len(loader)
