"""Exceptions from outside (Ctrl-C, a signal's handler, a debugger), at any moment: state and locks are restored."""
import gc
import sys
import threading
import warnings

import numpy as np
import pytest
from interrupt_tools import Interrupter, Interruption, alarm_after, interrupted, places, raised_after
from program_tools import OPTIMIZERS, batch, network, trainer

import fastnet
from fastnet import nn
from fastnet._core.state import state
from fastnet.autograd import set_grad_enabled
from fastnet.backend import K
from fastnet.data.prefetch import Prefetched

# Without the extension, Python itself enters and leaves: an exception can fall between two of its instructions.
pytestmark = [pytest.mark.usefixtures("backend"),
              pytest.mark.skipif(not fastnet.backend.compiled_available, reason="Python can be interrupted half-way")]


def require_sound():
    """The thread records nothing, has its gradient mode and NumPy's settings, and the shared pool's memory."""
    assert state.recorder is None
    assert fastnet.is_grad_enabled()
    assert np.geterr()["divide"] == "warn"
    x = fastnet.ones(3)
    assert (x * 2).tolist() == [2, 2, 2]
    assert fastnet._core.memory.root((x * 2)._data).pool is fastnet._core.memory.shared


# ---- recordings -----------------------------------------------------------------------------------------------------

class Training:
    """A training step that is recorded, with its network and optimizer: the same one each time."""

    def __init__(self):
        self.model = network(dropout=0.5, norm=True)
        self.step = trainer(self.model, OPTIMIZERS["adam"](self.model.parameters()), compiled=True)
        self.batch = batch()

    def run(self):
        """Two steps: the recording and a replay."""
        return [float(self.step(*self.batch)) for _ in range(2)]


def interrupt_recordings(number):
    expected = Training().run()
    for i, at in enumerate(places(number, __file__, Training().run, anywhere=True)):
        training = Training()
        if interrupted(at, __file__, training.run, anywhere=True):
            require_sound()
        training.run()                  # no lock is still held
        if i % 50 == 0:
            gc.collect()
            assert all(np.isfinite(p.detach().numpy()).all() for p in training.model.parameters())
            assert Training().run() == expected


def test_interrupted_recordings():
    interrupt_recordings(100)


@pytest.mark.interrupts
def test_ten_thousand_interrupted_recordings():
    interrupt_recordings(10_000)


@pytest.mark.parametrize("interruption", [alarm_after, raised_after])
@pytest.mark.parametrize("number", [60, pytest.param(3000, marks=pytest.mark.interrupts)])
def test_recordings_interrupted_by_a_timer(interruption, number, monkeypatch):
    """Whenever it rings: in Python, in C, while memory is freed."""
    # what rings in a callback of the garbage collector is not raised but handed to this: pytest's would keep its frames
    monkeypatch.setattr(sys, "unraisablehook", lambda error: None)
    for i in range(number):
        training = Training()
        try:
            with interruption(1e-5 * (1 + i % 300)):
                training.run()
        except Interruption:
            require_sound()


def test_a_recording_continues_after_an_inner_interruption():
    """A function that continues after an interruption is recorded with arrays that live as long as the recording."""
    @fastnet.compile
    def double(x):
        try:
            made = fastnet.zeros(1000).add(1)
            interrupt(made)
        except Interruption:
            pass
        return x * 2

    def interrupt(made):
        del made
        raise Interruption
    x = fastnet.ones(3)
    for _ in range(3):
        assert double(x).tolist() == [2, 2, 2]


# ---- signals' handlers that return ----------------------------------------------------------------------------------

def test_a_handler_calls_what_it_interrupts():
    """It neither waits for its own thread nor writes into a replay in progress."""
    x, w = fastnet.ones(3), fastnet.full((3,), 2.0)

    @fastnet.compile
    def noisy(x):
        return x * w + 0 * fastnet.rand(3), (x * w).sum()       # two results are matched in Python

    def use():
        assert noisy(x)[0].tolist() == [2, 2, 2]
        nn.Linear(2, 3)
    use()                               # it is recorded
    done = []
    for at in places(60, __file__, use):
        Interrupter(at, __file__, act=lambda: done.append(use()))(use)
    assert len(done) > 30               # later calls have fewer interruption points
    assert len(noisy) <= 4              # two for each gradient mode


def test_numbers_drawn_by_a_handler_are_drawn_once():
    def draw():
        return fastnet.rand(4).tolist()
    for at in places(60, __file__, draw):
        handlers = []
        own = Interrupter(at, __file__, act=lambda into=handlers: into.extend(draw()))(draw)
        assert len({*own, *handlers}) == 8


# ---- other state ----------------------------------------------------------------------------------------------------

def without_gradients():
    with fastnet.no_grad():
        K.exp(np.empty(2), np.ones(2))
    with fastnet.no_grad(), fastnet.enable_grad(), set_grad_enabled(True):
        fastnet.no_grad()(lambda: fastnet.ones(2))()


def on_another_backend():
    with fastnet.use_backend("numpy"):
        fastnet.ones(2) / 0


def an_outline():
    with nn.parameter.outlines():
        nn.parameter.new_parameter(2, 3)


def some_items():
    items = Prefetched((i for i in range(3)), ahead=1)
    assert list(items) == [0, 1, 2]


_compiled = fastnet.compile(lambda x: (x + 1, [x]))


def some_recording():
    _compiled(fastnet.ones(3))


@pytest.mark.parametrize("use", [without_gradients, on_another_backend, an_outline, some_items])
def test_what_a_block_sets_is_put_back(use, backend):
    for at in places(150, __file__, use):
        interrupted(at, __file__, use)
        assert K.name == backend and not nn.parameter.making_outlines()
        require_sound()


@pytest.mark.parametrize("use", [lambda: fastnet.rand(3), lambda: nn.Linear(2, 3), some_recording])
def test_locks_are_free_whatever_bytecode_is_the_last(use):
    for at in places(150, __file__, use, anywhere=True):
        with fastnet.enable_grad():         # puts the mode back: Python can stop between no_grad's entry and its block
            interrupted(at, __file__, use, anywhere=True)
        another = threading.Thread(target=use, daemon=True)
        another.start()
        another.join(20)
        assert not another.is_alive()


def test_an_iteration_that_is_interrupted_does_not_hang():
    """The iteration ends or continues after the items already returned."""
    for at in places(40, __file__, lambda: next(Prefetched(iter_of(3), 2))):
        items = Prefetched(iter_of(3), 2)
        interrupted(at, __file__, next, items)
        rest = list(items)
        assert not rest or rest == list(range(3))[-len(rest):]
        assert not any(thread.name == "fastnet-prefetch" for thread in threading.enumerate())


def iter_of(n):
    yield from range(n)


# ---- trainings ------------------------------------------------------------------------------------------------------

def blobs(n=60):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    return (rng.standard_normal((n, 5)) + y[:, None]).astype("float32"), y


def test_a_training_that_is_interrupted_and_begun_again():
    x, y = blobs()

    def begin():
        t = fastnet.Trainer(network(norm=True), "adam", loss="cross_entropy", metrics="accuracy")
        average = fastnet.callbacks.ExponentialMovingAverage(0.5)
        return t, lambda: t.fit(x, y, epochs=2, validation_data=(x, y), progress=False,
                                callbacks=[average, fastnet.callbacks.LearningRateSchedule("cosine")])
    for at in places(20, __file__, begin()[1]):
        t, fit = begin()
        rate = t.optimizer.param_groups[0]["lr"]
        if interrupted(at, __file__, fit):
            require_sound()
        done = t.epoch
        fit()
        assert [row["epoch"] for row in t.history.rows] == list(range(1, done + 3))
        assert t.optimizer.param_groups[0]["lr"] == rate and not t.model.training
        assert all(np.isfinite(row["loss"]) for row in t.history.rows)


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_the_mode_of_a_model_that_is_measured(call):
    x, y = blobs()
    t = fastnet.Trainer(network(norm=True), "adam", loss="cross_entropy", metrics="accuracy")
    args = (x, y) if call == "evaluate" else (x,)
    for at in places(60, __file__, getattr(t, call), *args):
        t.model.train()
        interrupted(at, __file__, getattr(t, call), *args)
        assert t.model.training and all(m.training for m in t.model.modules())
        require_sound()


def test_an_estimator_that_is_interrupted():
    """It is as it was, and fastnet's generator too: what is drawn after it does not depend on it."""
    pytest.importorskip("sklearn")
    from fastnet.sklearn import MLPClassifier
    x, y = blobs()

    def begin():
        return MLPClassifier(max_iter=2, random_state=0,
                             module=lambda n, outputs: nn.Sequential(nn.Linear(n, outputs), nn.Dropout(0.5)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = fastnet.get_rng_state().tolist()
        for at in places(20, __file__, lambda: begin().fit(x, y)):
            estimator = begin()
            if interrupted(at, __file__, estimator.fit, x, y):
                assert not hasattr(estimator, "n_iter_")
            assert fastnet.get_rng_state().tolist() == before
            require_sound()
