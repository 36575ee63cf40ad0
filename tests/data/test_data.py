"""Datasets and batches: their contents, order and errors."""
import itertools
import pickle

import numpy as np
import pytest
from processes import output

import fastnet
from fastnet.data import DataLoader, Subset, TensorDataset, as_array, columns, finite

N = 23


def samples(n=N):
    return TensorDataset(np.arange(2.0 * n, dtype=np.float32).reshape(n, 2), np.arange(n))


def bits(batches):
    return [tuple(t.numpy().tobytes() for t in batch) for batch in batches]


def labels(batches):
    return [batch[-1].tolist() for batch in batches]


def test_optional_packages_are_imported_on_first_use():
    code = "import sys, fastnet; fastnet.data.DataLoader; print(*{name.partition('.')[0] for name in sys.modules})"
    assert not {"pandas", "polars", "sklearn", "scipy", "PIL"} & set(output(code).split())


# ---- TensorDataset --------------------------------------------------------------------------------------------------

ROWS = np.array([4, 0, 4, 2])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("given, dtype", [
    ("f4", "f4"), ("f8", "f8"), ("i8", "i8"), ("i4", "i4"), ("u1", "u1"), ("?", "?"),               # fastnet's own
    (">f4", "f4"), (">i8", "i8"), ("f2", "f4"), ("i1", "i4"), ("i2", "i4"), ("u2", "i4"), ("u4", "i8")])
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 3)])
def test_take(given, dtype, shape):
    array = (np.arange(np.prod(shape)).reshape(shape) % 7).astype(given)
    fixed = array.copy()
    fixed.flags.writeable = False                            # as a memory-mapped file's
    for lying in (array, fixed, np.asfortranarray(array), np.repeat(array, 2, 0)[::2], array[::-1][::-1]):
        [part] = TensorDataset(lying).take(ROWS)
        assert isinstance(part, fastnet.Tensor)
        assert part.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(part.numpy(), array[ROWS])
        part.numpy()[...] = 0                                # new memory, whatever was taken from
        assert (lying == array).all()


@pytest.mark.parametrize("array", [
    np.zeros(3, "u8"), np.zeros(3, "c8"), np.array(["1", "2"]), np.array([1, "2"], object), np.zeros(3, "M8[s]")])
def test_other_dtypes_are_converted(array):
    with pytest.raises(TypeError, match=r"array 1: expected numbers"):
        TensorDataset(np.zeros(len(array)), array)


def test_errors_on_text_name_the_preparations():
    with pytest.raises(TypeError, match=r"got '2' \(str\) in row 1.*TargetPreparation for labels"):
        TensorDataset(np.array([1, "2"], object))


def test_masked_values_are_missing():
    numbers = np.ma.masked_array([1, -999, 3], [0, 1, 0])
    for found in (as_array(numbers), TensorDataset(numbers).arrays[0], columns({"a": numbers})["a"]):
        np.testing.assert_array_equal(found, [1, np.nan, 3])
    whole = np.ma.masked_array([1, 2], [0, 0])
    assert type(as_array(whole)) is np.ndarray and as_array(whole).dtype == np.int64
    assert as_array(np.ma.masked_array(np.float32([1, 2]), [0, 1])).dtype == np.float32
    text = columns({"a": np.ma.masked_array(["x", "N/A"], [0, 1])})["a"]
    assert text.tolist() == ["x", None]
    days = columns({"a": np.ma.masked_array(np.array([0, 1], "M8[s]"), [0, 1])})["a"]
    np.testing.assert_array_equal(days, np.array(["1970-01-01", "NaT"], "M8[us]"))
    with pytest.raises(ValueError, match="x: 1 value is NaN or infinite: nan in row 1"):
        finite(numbers, "x")
    assert numbers.data[1] == -999


def test_objects_that_are_numbers():
    whole, broken = TensorDataset(np.array([1, 2], object), np.array([[1, 2.5], [None, True]], object)).arrays
    assert whole.dtype == np.int64
    assert broken.dtype == np.float32
    np.testing.assert_array_equal(broken, [[1, 2.5], [np.nan, 1]])


def test_lists_tensors_and_other_libraries(torch):
    data = TensorDataset([[1.0], [2.0]], fastnet.tensor([1, 2]), torch.tensor([[3.0], [4.0]]))
    assert [t.dtype for t in data.take(np.array([1]))] == [np.float32, np.int64, np.float32]
    assert [t.tolist() for t in data.take(np.array([1]))] == [[[2.0]], [2], [[4.0]]]


def test_gradients_do_not_flow_into_a_dataset():
    assert not TensorDataset(fastnet.ones(3, 2, requires_grad=True)).take(np.array([1]))[0].requires_grad


def test_sparse_matrices():
    scipy = pytest.importorskip("scipy.sparse")
    dense = np.diag(np.arange(5.0)).astype(np.float32)
    for sparse in (scipy.coo_array(dense), scipy.csc_matrix(dense)):
        data = TensorDataset(sparse, np.arange(5))
        np.testing.assert_array_equal(data.take(ROWS)[0].numpy(), dense[ROWS])


@pytest.mark.parametrize("arrays, message", [
    ((), "at least one array"), ((np.zeros((3, 2)), np.zeros(4)), r"of equal length, got the shapes \(3, 2\), \(4,\)"),
    ((np.float32(1),), "array 0: expected samples along a first dimension")])
def test_invalid_arrays(arrays, message):
    with pytest.raises(ValueError, match=message):
        TensorDataset(*arrays)


def test_row_out_of_range():
    for dataset in (samples(), TensorDataset(np.zeros((N, 2), np.float16))):
        with pytest.raises(IndexError):
            dataset.take(np.array([0, N]))


def test_samples_by_index():
    data = samples()
    assert data[3][1] == 3
    assert data[1:3][0].tolist() == [[2, 3], [4, 5]]
    assert Subset(data, [7, 5])[1][1] == 5
    assert Subset(data, [7, 5])[:][1].tolist() == [7, 5]
    assert Subset(data, [7, 5]).targets.tolist() == [7, 5]


def test_subset_of_a_subset():
    part = Subset(Subset(samples(), np.arange(10, 20)), [9, 0])
    assert len(part) == 2
    assert part.take(np.array([1, 0]))[1].tolist() == [10, 19]


@pytest.mark.parametrize("rows, error", [([0, N], IndexError), ([-1], IndexError), ([0.5], TypeError),
                                         ([[0]], TypeError), ([True], TypeError)])
def test_subset_out_of_range(rows, error):
    with pytest.raises(error):
        Subset(samples(), rows)


def test_pickled():
    loader = pickle.loads(pickle.dumps(DataLoader(Subset(samples(), [3, 1, 2]), shuffle=True, prefetch=1)))
    assert sorted(itertools.chain(*labels(loader))) == [1, 2, 3]


MAPPED = """
import re
import numpy as np
from fastnet.data import DataLoader, TensorDataset

def anonymous():        # bytes of this process's own; pages of a file can be dropped at any time, and do not count
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

x = np.load(PATH, mmap_mode="r")
loader = DataLoader(TensorDataset(x, np.arange(len(x))), 64, shuffle=True)
next(loader.epoch(0))
before = peak = anonymous()
for i, (rows, numbers) in enumerate(loader.epoch(1)):
    peak = max(peak, anonymous())
    assert rows.numpy().sum() == 0 and rows.shape == (64, x.shape[1])
    if i == 200:
        break
print(x.nbytes, peak - before)
"""


@pytest.mark.parametrize("dtype, order", [("f4", False), (">f4", False), ("f4", True)])
def test_memory_mapped_arrays_stay_on_disk(tmp_path, dtype, order):
    """A file of 256 MB, which is mostly a hole, is drawn from in a fraction of that."""
    try:
        with open("/proc/self/status") as file:
            assert "RssAnon" in file.read()
    except OSError:
        pytest.skip("this system does not tell what memory a process has of its own")
    path = tmp_path / "x.npy"
    np.lib.format.open_memmap(path, "w+", dtype, (1 << 18, 256), fortran_order=order).flush()
    size, grown = map(int, output(MAPPED.replace("PATH", repr(str(path)))).split())
    assert size == 1 << 28
    assert grown < size / 8


# ---- DataLoader -----------------------------------------------------------------------------------------------------

def test_in_order():
    loader = DataLoader(samples(), batch_size=5)
    assert len(loader) == 5
    assert labels(loader) == [list(range(i, min(i + 5, N))) for i in range(0, N, 5)]
    x, y = next(iter(loader))
    assert x.shape == (5, 2) and x.dtype == np.float32 and y.dtype == np.int64


@pytest.mark.parametrize("n, size, batches", [(23, 5, 4), (20, 5, 4), (3, 5, 0), (0, 5, 0)])
def test_drop_last(n, size, batches):
    loader = DataLoader(samples(n), size, shuffle=True, drop_last=True)
    assert len(loader) == batches
    assert [len(y) for x, y in loader] == [size] * batches


def test_each_loop_is_the_next_epoch():
    loader = DataLoader(samples(), 5, shuffle=True)
    first, second = labels(loader), labels(loader)
    assert first != second
    assert sorted(itertools.chain(*first)) == sorted(itertools.chain(*second)) == list(range(N))
    assert loader.next_epoch == 2
    assert labels(loader.epoch(0)) == first
    assert labels(loader.epoch(1)) == second
    assert loader.next_epoch == 2
    loader.next_epoch = 1
    assert labels(loader) == second


def noisy(x, y, rng):
    return x + rng.standard_normal(x.shape, np.float32), y


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_epoch_depends_on_seed_and_number_only(prefetch):
    """... wherever it is entered, whatever was drawn before, on threads or not."""
    options = {"batch_size": 5, "shuffle": True, "transform": noisy}
    whole = bits(DataLoader(samples(), **options, seed=-7).epoch(3))
    loader = DataLoader(samples(), **options, seed=-7, prefetch=prefetch)
    list(loader)
    fastnet.rand(5)
    for start in range(6):
        assert bits(loader.epoch(3, start)) == whole[start:]
    assert bits(loader.epoch(4)) != whole
    assert bits(DataLoader(samples(), **options, seed=8).epoch(3)) != whole


def test_orders_do_not_depend_on_the_backend_or_the_random_state():
    state = fastnet.get_rng_state()
    with fastnet.use_backend("numpy"):
        by_numpy = labels(DataLoader(samples(), 5, shuffle=True, seed=1).epoch(2))
    assert labels(DataLoader(samples(), 5, shuffle=True, seed=1).epoch(2)) == by_numpy
    assert (fastnet.get_rng_state() == state).all()


def test_two_epochs_at_once():
    loader = DataLoader(samples(), 5, shuffle=True)
    apart = labels(loader.epoch(0)), labels(loader.epoch(1))
    together = list(zip(loader, loader, strict=True))
    assert labels(a for a, _ in together) == apart[0]
    assert labels(b for _, b in together) == apart[1]


def test_several_inputs_and_none():
    data = TensorDataset(np.zeros((6, 2), np.float32), np.zeros((6, 3)), np.arange(6))
    assert [tuple(t.shape for t in batch) for batch in DataLoader(data, 4)] == [((4, 2), (4, 3), (4,)),
                                                                                 ((2, 2), (2, 3), (2,))]
    assert [len(batch) for batch in DataLoader(TensorDataset(np.arange(4)), 2)] == [1, 1]


def test_a_transform_may_write_to_its_arrays():
    data = samples()

    def transform(x, y):
        assert type(x) is type(y) is np.ndarray
        x[:] = -1
        return [x, y]
    assert all((x == -1).all() for x, y in DataLoader(data, 5, transform=transform))
    assert data.arrays[0][0].tolist() == [0, 1]


def test_a_transform_may_return_one_array():
    assert [len(batch) for batch in DataLoader(samples(), 12, transform=lambda x, y: x)] == [1, 1]
    assert next(iter(DataLoader(TensorDataset(np.ones(2)), 2, transform=np.negative)))[0].tolist() == [-1, -1]


def test_user_defined_datasets():
    class Squares:
        def __len__(self):
            return 4

        def take(self, rows):
            return rows, np.square(rows).astype(np.float32)
    batches = list(DataLoader(Squares(), 3))
    assert [[t.tolist() for t in batch] for batch in batches] == [[[0, 1, 2], [0, 1, 4]], [[3], [9]]]
    assert all(isinstance(t, fastnet.Tensor) for batch in batches for t in batch)


@pytest.mark.parametrize("dataset", [np.zeros((3, 2)), [1, 2, 3], fastnet.zeros(3), None])
def test_arrays_are_refused_as_datasets(dataset):
    with pytest.raises(TypeError, match=r"put arrays into a TensorDataset\(x, y\)"):
        DataLoader(dataset)


@pytest.mark.parametrize("options, error", [({"batch_size": 0}, ValueError), ({"batch_size": 2.5}, TypeError),
                                            ({"prefetch": -1}, ValueError), ({"seed": "x"}, TypeError)])
def test_settings_out_of_range(options, error):
    with pytest.raises(error):
        DataLoader(samples(), **options)


@pytest.mark.parametrize("number, start", [(-1, 0), (0, -1), (0, 6)])
def test_epochs_out_of_range(number, start):
    with pytest.raises(ValueError, match="expected"):
        DataLoader(samples(), 5).epoch(number, start)


def test_batches_in_a_compiled_function_are_refused():
    loader = DataLoader(samples(), 5)

    @fastnet.compile
    def step(x):
        return x + next(iter(loader))[0]
    with pytest.raises(RuntimeError, match="from_numpy"):
        step(fastnet.zeros(5, 2))


# ---- NaN and infinity -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("place, words", [
    ((2,), "row 2"), ((2, 1), "row 2, column 1"), ((70000, 0), "row 70000, column 0"),
    ((1, 3, 2), r"row 1, at \(3, 2\)")])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_not_finite(place, words, value, dtype):
    x = np.ones(tuple(i + 2 for i in place), dtype)
    x[place] = value
    with pytest.raises(ValueError, match=rf"^w: 1 value is NaN or infinite: {value} in {words} \(counted from"):
        finite(x, "w")
    x[-1] = value
    with pytest.raises(ValueError, match=rf"^x: {x.size - np.isfinite(x).sum()} values are NaN .* {value} in {words} "):
        finite(x, "x")


def test_finite():
    huge = np.full(4, np.finfo(np.float32).max)              # whose sum is not finite
    others = np.arange(3), np.zeros((0, 3)), np.array(["a"]), np.float64(1), fastnet.ones(2, requires_grad=True)
    for x in (huge, *others):
        assert finite(x) is x
    with pytest.raises(ValueError, match="nan in row 1"):
        finite(fastnet.tensor([0.0, np.nan]), "x")
    with pytest.raises(ValueError, match="nan in row 0"):
        finite(np.array([None, "a"], object), "x")


def test_not_finite_sparse_matrices():
    scipy = pytest.importorskip("scipy.sparse")
    x = np.zeros((4, 5))
    assert finite(scipy.csr_array(x)) is not None
    x[3, 1] = x[2, 4] = np.inf
    with pytest.raises(ValueError, match="x: 2 values are NaN or infinite, the first inf in row 2, column 4"):
        finite(scipy.csc_matrix(x), "x")


def test_as_array_shares_memory():
    x = np.zeros((2, 3), np.float32)
    assert np.shares_memory(as_array(x), x)
    assert np.shares_memory(as_array(fastnet.from_numpy(x)), x)


@pytest.mark.parametrize("data, message", [([[1], [1, 2]], "x: expected a rectangular"), (["a", "b"], "x: ")])
def test_lists_of_other_things_than_numbers(data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        as_array(data, "x")
