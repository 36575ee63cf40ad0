"""Memory that tensors share with NumPy, and memory of parameters, which is never shared."""
import threading

import numpy as np
import pytest

import fastnet
from fastnet import nn


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")      # of NumPy 2.5
def test_arrays_passed_in_and_out_are_separate_objects():
    a = np.zeros((2, 3), np.float32)
    t = fastnet.from_numpy(a)
    a.shape = 6
    assert t.shape == (2, 3)
    b = t.numpy()
    b.shape = (3, 2)
    assert t.shape == (2, 3)
    b[0, 0] = 7
    assert float(t[0, 0]) == 7 and a[0] == 7


@pytest.mark.parametrize("sizes", [(-100, 4), (4, -100), (2.5, 4), ("a", 2)])
def test_a_wrong_size_does_not_affect_other_parameters(sizes):
    layer = nn.Linear(256, 8)
    with fastnet.no_grad():
        layer.weight.fill_(1.0)
    with pytest.raises((RuntimeError, TypeError)):
        nn.Linear(*sizes)
    others = [nn.Parameter(fastnet.full((300,), 7.0)) for _ in range(3)]
    assert (layer.weight == 1).all() and all((p == 7).all() for p in others)


def test_parameters_made_in_several_threads_do_not_overlap():
    made = []

    def make(value):
        for _ in range(50):
            made.append((value, nn.Parameter(fastnet.full((33,), float(value)))))
    threads = [threading.Thread(target=make, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all((p == value).all() for value, p in made)


@pytest.mark.parametrize("data, dtype", [
    ([1.0, 2.0], "float32"), ([1, 2], "int64"), ([], "float32"), ([np.float64(1)], "float64"),
    ([np.array([1.0, 2.0])], "float64"), ([np.float32(1), 2.0], "float32"), ([np.int64(1), 2.5], "float32"),
    ([[fastnet.ones(1, dtype=fastnet.float64)[0]]], "float64"), (np.float64(3), "float64"), (3.0, "float32"),
    ([True, False], "bool"), (np.zeros(0), "float64")])
def test_dtypes_of_data(data, dtype):
    assert fastnet.tensor(data).dtype == dtype


def test_arrays_of_other_libraries_keep_their_dtype_and_share_memory():
    torch = pytest.importorskip("torch")
    theirs = torch.ones(2, dtype=torch.float64)
    ours = fastnet.as_tensor(theirs)
    assert fastnet.tensor(theirs).dtype == ours.dtype == fastnet.float64
    theirs[0] = 5
    assert ours.tolist() == [5, 1] and fastnet.as_tensor(theirs, dtype=fastnet.float32).dtype == fastnet.float32
