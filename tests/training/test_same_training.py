"""Whole trainings have the same bits: on any number of threads, eager and recorded, in forked children, side by side.

The network and the pictures are of the size that people train; what the smaller tests of kernels and recordings compare
over a few steps is compared here over two hundred.
"""
import contextlib
import hashlib
import os
import threading

import numpy as np
import pytest
from data_tools import data_folder
from optim_tools import bits
from processes import output_with_tests
from program_tools import batch, network, trainer

import fastnet
from fastnet import nn
from fastnet.backend import compiled_available

STEPS, BATCH = 200 if compiled_available else 20, 64         # NumPy is slow at it
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def pictures(count):
    """MNIST's first pictures and labels where they are, else noise of their shape."""
    folder = data_folder() / "mnist"
    if folder.is_dir():
        (x, y), _ = fastnet.datasets.mnist(folder, download=False)
        return x[:count].reshape(count, 784).astype(np.float32) / np.float32(255), y[:count]
    rng = np.random.default_rng(0)
    return rng.random((count, 784), np.float32), rng.integers(0, 10, count)


def batches(steps=STEPS):
    x, y = pictures(steps * BATCH)
    return [(fastnet.from_numpy(x[i:i + BATCH]), fastnet.from_numpy(y[i:i + BATCH])) for i in range(0, len(x), BATCH)]


class Training:
    """A perceptron with dropout, from the same start every time."""

    def __init__(self, compiled):
        fastnet.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 256), nn.ReLU(),
                                   nn.Dropout(0.2), nn.Linear(256, 10))
        self.step = trainer(self.model, fastnet.optim.AdamW(self.model.parameters()), compiled=compiled)

    def digest(self, data):
        """Train on some batches; a digest of every loss and of the weights at the end."""
        losses = np.array([float(self.step(x, y)) for x, y in data])
        assert np.isfinite(losses).all()
        return hashlib.sha256(b"".join([losses.tobytes(), *bits(self.model.parameters())])).hexdigest()


@contextlib.contextmanager
def on_threads(n):
    """With up to n threads, where there are any, and with the random state as it was before."""
    before, state = fastnet.get_num_threads(), fastnet.get_rng_state()
    if compiled_available:
        fastnet.set_num_threads(n)
    try:
        yield
    finally:
        if compiled_available:
            fastnet.set_num_threads(before)
        fastnet.set_rng_state(state)


@pytest.fixture(scope="module")
def expected():
    """The digest of a recorded training on one thread."""
    with on_threads(1):
        return Training(True).digest(batches())


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "recorded"])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.skipif(not compiled_available, reason="NumPy's kernels have no threads of their own")
def test_the_same_bits_on_any_number_of_threads(threads, compiled, expected):
    with on_threads(threads):
        assert Training(compiled).digest(batches()) == expected


def forked(code):
    """The output of a fresh interpreter that runs `code` with this file's names and `in_child(fn)`."""
    data = {"FASTNET_DATA": str(data_folder())} if data_folder().is_dir() else {}
    return output_with_tests(f"""if True:
    import os, warnings
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    from test_same_training import *
    def in_child(fn):
        reads, writes = os.pipe()
        if os.fork() == 0:
            os.write(writes, fn().encode())
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads) as file:
            digest = file.read()
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
        return digest
    if compiled_available:
        fastnet.set_num_threads(2)
    {code}""", **data).split()


@forks
def test_the_same_bits_in_a_forked_child(expected):
    assert forked("""
    Training(True).digest(batches(2))           # the threads are there when the process forks
    data = batches()
    print(*(in_child(lambda: Training(compiled).digest(data)) for compiled in (False, True)))
    """) == [expected, expected]


@forks
def test_a_forked_child_trains_on_as_its_parent_would():
    digests = forked("""
    data = batches(40)
    for compiled in (False, True):
        training = Training(compiled)
        start = training.digest(data[:20])
        print(in_child(lambda: training.digest(data[20:])), training.digest(data[20:]), start)
    """)
    assert digests[:3] == digests[3:]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.usefixtures("backend")
def test_eight_python_threads_train_each_its_own():
    """Recording and replaying at once: parameters lie side by side in one arena, and every model gets its own bits."""
    data = [[batch(seed=10 * i + j) for j in range(30)] for i in range(8)]

    def steps():
        models = [network(seed=i) for i in range(8)]
        return [(model, trainer(model, fastnet.optim.AdamW(model.parameters()), compiled=True)) for model in models]

    def train(i, made, results):
        model, step = made[i]
        results[i] = [float(step(x, y)) for x, y in data[i]], bits(model.parameters()), len(step)
    alone, together = {}, {}
    made = steps()
    for i in range(8):
        train(i, made, alone)
    made, start = steps(), threading.Barrier(8)
    threads = [threading.Thread(target=lambda i=i: (start.wait(), train(i, made, together))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert len({result[1][0] for result in alone.values()}) == 8
