"""Datasets of samples, samplers, batches and worker processes, compared with PyTorch's where it is installed."""
import collections
import functools
import operator

import numpy as np
import pytest

import fastnet
from fastnet.data import samples

WORKERS = [0, 1, 2]
Point = collections.namedtuple("Point", "x y")


class Squares(samples.Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return np.full((2, 3), i, np.float32), i * i


class Range(samples.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = samples.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.n, step))


class Failing(Squares):
    def __getitem__(self, i):
        raise KeyError(f"sample {i}")


class Drawing(Squares):
    def __getitem__(self, i):
        return fastnet.rand(1), float(np.random.rand())             # noqa: NPY002 (as programs do)


@pytest.mark.parametrize("workers", WORKERS)
def test_batches_of_a_map_style_dataset(workers):
    loader = samples.DataLoader(Squares(7), batch_size=3, num_workers=workers)
    batches = list(loader)
    assert len(loader) == 3 and all(type(batch) is list for batch in batches)
    assert [x.shape for x, _ in batches] == [(3, 2, 3), (3, 2, 3), (1, 2, 3)]
    assert np.concatenate([y.numpy() for _, y in batches]).tolist() == [i * i for i in range(7)]
    assert batches[0][0].dtype == np.float32 and batches[0][1].dtype == np.int64
    assert len(list(samples.DataLoader(Squares(7), 3, drop_last=True, num_workers=workers))) == 2


@pytest.mark.parametrize("workers", WORKERS)
def test_batches_of_an_iterable_dataset(workers):
    loader = samples.DataLoader(Range(7), batch_size=2, num_workers=workers)
    assert sorted(int(i) for batch in loader for i in batch) == list(range(7))
    assert [int(i) for i in samples.DataLoader(Range(3), batch_size=None, num_workers=min(workers, 1))] == [0, 1, 2]


def test_an_epoch_has_every_sample_once_in_another_order():
    loader = samples.DataLoader(Squares(50), 8, shuffle=True)
    first, second = ([int(i) for _, y in loader for i in y] for _ in range(2))
    assert sorted(first) == sorted(second) == [i * i for i in range(50)] and first != second


def test_the_order_follows_from_the_seed():
    def order(seed, workers):
        loader = samples.DataLoader(Squares(20), 3, shuffle=True, num_workers=workers,
                                    generator=fastnet.Generator(seed))
        return [y.tolist() for _, y in loader]
    assert order(3, 0) == order(3, 0) != order(4, 0)
    assert sorted(functools.reduce(operator.iadd, order(3, 2), [])) == [i * i for i in range(20)]


def test_random_numbers_of_workers_follow_from_the_seed():
    def drawn():
        loader = samples.DataLoader(Drawing(8), 2, num_workers=2, generator=fastnet.Generator(5))
        return [(x.tolist(), y.tolist()) for x, y in loader]
    first = drawn()
    assert first == drawn() and first[0] != first[1]


def test_workers_that_persist_serve_several_epochs():
    loader = samples.DataLoader(Squares(6), 2, num_workers=2, persistent_workers=True)
    epochs = [[y.tolist() for _, y in loader] for _ in range(2)]
    assert epochs[0] == epochs[1] == [[0, 1], [4, 9], [16, 25]]
    next(iter(loader))                  # an epoch that is left early
    assert [y.tolist() for _, y in loader] == epochs[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_dataset_reaches_the_loop(workers):
    with pytest.raises(KeyError, match="sample 0"):
        next(iter(samples.DataLoader(Failing(3), num_workers=workers)))


def test_workers_call_their_first_function():
    def check(number):
        raise ValueError(f"worker {number}")
    with pytest.raises(ValueError, match="worker 0"):
        list(samples.DataLoader(Squares(3), num_workers=1, worker_init_fn=check))


def test_a_tensor_dataset_is_read_in_whole_batches():
    x, y = fastnet.arange(12.0).reshape(6, 2), fastnet.arange(6)
    data = samples.TensorDataset(x, y)
    assert data.tensors[0] is x
    assert [t.tolist() for t in data[1]] == [[2.0, 3.0], 1]
    parts = samples.random_split(data, [4, 2], fastnet.Generator(0))
    rows = [int(i) for part in parts for _, ys in samples.DataLoader(part, 3) for i in ys]
    assert sorted(rows) == list(range(6)) and rows == parts[0].indices + parts[1].indices


def test_lists_are_datasets():
    loader = samples.DataLoader([("a", 1), ("b", 2)], 2, collate_fn=dict)
    assert list(loader) == [{"a": 1, "b": 2}]


def test_samplers():
    weighted = list(samples.WeightedRandomSampler([1.0, 0.0, 3.0], 100, generator=fastnet.Generator(1)))
    assert set(weighted) == {0, 2} and weighted.count(2) > weighted.count(0)
    assert sorted(samples.RandomSampler(range(4), num_samples=6))[0] == 0
    assert len(list(samples.RandomSampler(range(3), replacement=True, num_samples=10))) == 10
    batches = samples.BatchSampler(samples.SequentialSampler(range(5)), 2, True)
    assert list(batches) == [[0, 1], [2, 3]] and len(batches) == 2
    assert [y.tolist() for _, y in samples.DataLoader(Squares(5), batch_sampler=batches)] == [[0, 1], [4, 9]]
    whole = [list(samples.DistributedSampler(range(7), 2, rank)) for rank in range(2)]
    assert len(whole[0]) == len(whole[1]) == 4 and {*whole[0], *whole[1]} == set(range(7))


def test_datasets_of_datasets():
    both = Squares(2) + Squares(3)
    assert len(both) == 5 and both[-1][1] == 4 and both.cumulative_sizes == [2, 5]
    assert list(Range(2) + Range(1)) == [0, 1, 0]
    stacked = samples.StackDataset(x=Squares(2), y=["a", "b"])
    assert stacked[1]["y"] == "b" and len(stacked) == 2


@pytest.mark.parametrize("options", [
    {"shuffle": True, "sampler": [0]}, {"batch_sampler": [[0]], "batch_size": 2},
    {"batch_size": None, "drop_last": True},
    {"prefetch_factor": 2}, {"persistent_workers": True}, {"batch_size": 0}, {"timeout": -1}])
def test_options_that_exclude_each_other_are_refused(options):
    with pytest.raises(ValueError, match=r"expected|needs|replaces"):
        samples.DataLoader(Squares(3), **options)


def test_samples_of_different_shapes_are_refused():
    with pytest.raises(RuntimeError, match="equal shape"):
        samples.default_collate([fastnet.zeros(2), fastnet.zeros(3)])
    with pytest.raises(RuntimeError, match="equal length"):
        samples.default_collate([(1, 2), (1,)])
    with pytest.raises(TypeError, match="collate_fn"):
        samples.default_collate([object()])


@pytest.mark.parametrize("batch", [
    [1, 2], [1.5, 2.5], [True, False], ["a", "b"], [(1, "a"), (2, "b")], [[1, 2], [3, 4]], [{"x": 1}, {"x": 2}],
    [np.float32(1), np.float32(2)], [np.zeros((2, 2)), np.ones((2, 2))], [Point(1, 2.0), Point(3, 4.0)],
    [np.array(1), np.array(2)]], ids=str)
def test_batches_are_those_of_pytorch(batch):
    data = pytest.importorskip("torch.utils.data")
    for ours, theirs in ((samples.default_collate, data.default_collate),
                         (samples.default_convert, data.default_convert)):
        assert_same(ours(batch), theirs(batch))


def assert_same(ours, theirs):
    if isinstance(ours, fastnet.Tensor):
        assert str(theirs.dtype) == f"torch.{np.dtype(ours.dtype).name}" and ours.tolist() == theirs.tolist()
        return
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(ours, list | tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            assert_same(a, b)
    else:
        assert ours == theirs
