"""A training that was stopped, or killed at any moment, and resumed ends with the bits of one that was left alone.

`pytest -m kills tests/training/test_resume.py` kills ninety more runs than the suite does.
"""
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from data_tools import HOME, TOOLS
from training_tools import blobs, fitted, perceptron, trainer, weights, without_seconds

import fastnet
from fastnet import callbacks as c, nn, optim
from fastnet.data import DataLoader

SCRIPT = TOOLS / "resumable.py"


def started(folder):
    """The training in a separate process, with a checkpoint after every update."""
    paths = os.pathsep.join([str(HOME), str(SCRIPT.parent)])
    return subprocess.Popen([sys.executable, SCRIPT, folder, "0"], stdout=subprocess.PIPE, text=True, cwd=folder.parent,
                            env=os.environ | {"PYTHONPATH": paths})


def wait_for_a_checkpoint(folder):
    while not (folder / "checkpoint.safetensors").exists():
        time.sleep(0.001)


def finished(folder):
    """The result of an uninterrupted run, and the seconds from its first checkpoint to its end."""
    with started(folder) as process:
        wait_for_a_checkpoint(folder)
        start = time.monotonic()
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return out, time.monotonic() - start


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("alone"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("number", [*range(10), *(pytest.param(i, marks=pytest.mark.kills) for i in range(10, 100))])
def test_killed_at_any_moment(tmp_path, alone, number):
    """Kill once within the training, and once at any moment of the process that resumes it, including its start."""
    (result, seconds), folder = alone, tmp_path / "run"
    rng = random.Random(number)
    with started(folder) as process:
        wait_for_a_checkpoint(folder)
        time.sleep(rng.uniform(0, seconds))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with started(folder) as process:
        time.sleep(rng.uniform(0, 2 * seconds))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert finished(folder)[0] == result


class StopAt(c.Callback):
    """Interrupts the training after some batches, as Ctrl-C does."""

    def __init__(self, batches):
        self.left = batches

    def on_batch_end(self, trainer):
        self.left -= 1
        trainer.interrupted = self.left == 0


@pytest.mark.parametrize("batches", [1, 9, 10, 11, 25])
def test_interrupted_at_each_kind_of_batch(tmp_path, batches):
    """In an epoch's middle, at its last batch, at its first."""
    def stateful():
        return [c.LearningRateSchedule("cosine"), c.EarlyStopping("loss"), c.ExponentialMovingAverage(0.9)]

    x, y = blobs(320)
    whole = fitted(x, y, dropout=0.2, callbacks=stateful())
    options = {"dropout": 0.2, "resume": tmp_path}
    first = fitted(x, y, callbacks=[*stateful(), c.Checkpoint(tmp_path), StopAt(batches)], **options)
    assert len(first.history) == (batches - 1) // 10
    fastnet.manual_seed(99)                             # random draws between the runs do not matter
    second = fitted(x, y, callbacks=[*stateful(), c.Checkpoint(tmp_path)], **options)
    assert weights(second) == weights(whole)
    assert without_seconds(second.history) == without_seconds(whole.history)


def test_a_finished_training_is_finished(tmp_path):
    def run():
        return fitted(callbacks=[c.EarlyStopping("loss"), c.ExponentialMovingAverage(0.9), c.Checkpoint(tmp_path)],
                      resume=tmp_path)
    first, second = run(), run()
    assert weights(first) == weights(second)
    assert second.step == first.step


def test_early_stopping_stays_stopped(tmp_path):
    def run():
        return fitted(epochs=30, make=lambda: trainer(optimizer=lambda p: optim.SGD(p, lr=0.0)), resume=tmp_path,
                      callbacks=[c.EarlyStopping("loss", patience=2, min_delta=0.01), c.Checkpoint(tmp_path)])
    assert len(run().history) == len(run().history) == 3


def test_a_loss_that_is_no_number_leaves_the_checkpoint(tmp_path):
    x, y = blobs(64)

    class Explode(c.Callback):
        priority = 5                                    # after the checkpoint

        def on_batch_end(self, trainer):
            if trainer.step == 5:
                trainer.optimizer.param_groups[0]["lr"] = 1e30

    with pytest.raises(FloatingPointError, match="The last checkpoint, if there is one, was saved before this"):
        fitted(x * 1e10, y, batch_size=8, epochs=9, callbacks=[Explode(), c.Checkpoint(tmp_path, seconds=0)])
    trainer_again = trainer()
    trainer_again.fit(x * 1e10, y, batch_size=8, epochs=0, progress=False, resume=tmp_path)
    assert trainer_again.step == 5                      # the fifth update was good, the sixth not
    trainer_again.fit(x * 1e10, y, batch_size=8, epochs=9, progress=False, resume=tmp_path)
    assert np.isfinite(trainer_again.history["loss"]).all()


def test_weights_that_are_no_numbers_stop():
    """The update after the last loss is looked at, too."""
    t = trainer(optimizer=lambda p: optim.SGD(p, lr=float("inf")))
    with pytest.raises(FloatingPointError, match="weights are no longer finite after step 1"):
        t.fit(*blobs(), batch_size=300, progress=False)


def checkpointed(folder, **options):
    return fitted(callbacks=[c.EarlyStopping("loss"), c.Checkpoint(folder)], **options)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"batch_size": 16}, ValueError, "other settings; batch_size: 32 there, 16 here; batches: 10 there, 19 here"),
    ({"y": blobs(seed=1)[1], "x": blobs()[0]}, ValueError, "other settings; data: "),
    ({"make": lambda: trainer(optimizer="sgd")}, ValueError, "optimizer: 'AdamW' there, 'SGD' here"),
    ({"make": lambda: trainer(metrics=["f1"])}, ValueError, r"metrics: \['accuracy'\] there, \['f1'\] here"),
    ({"make": lambda: trainer(loss=nn.CrossEntropyLoss(label_smoothing=0.1))}, ValueError, "loss: .*label_smoothing"),
    ({"callbacks": [c.EarlyStopping("loss"), c.GradientAccumulation(2)]}, ValueError, "accumulate: 1 there, 2 here"),
    ({"seed": 1}, ValueError, "other settings; seed: 0 there, 1 here"),
    ({"x": blobs(200)[0], "y": blobs(200)[1]}, ValueError, "samples: 300 there, 200 here"),
    ({"callbacks": []}, ValueError, "other callbacks; 0: 'EarlyStopping' there, None here"),
    ({"make": lambda: trainer(outputs=4)}, RuntimeError, "size mismatch for 3.weight"),
])
def test_resumed_otherwise(tmp_path, options, error, message):
    checkpointed(tmp_path)
    options = {"callbacks": [c.EarlyStopping("loss")]} | options
    with pytest.raises(error, match=message):
        fitted(resume=tmp_path, **options)


def test_data_sets_of_another_kind(tmp_path):
    """Theirs may draw random numbers, or have a `take` that means something else."""
    class Noisy:
        def __len__(self):
            return 100

        def take(self, rows):
            x, y = blobs(100)
            return np.random.default_rng().normal(x[rows], 0.1).astype(np.float32), y[rows]

    for epochs in (1, 2):
        t = fitted(DataLoader(Noisy(), 25), None, epochs=epochs, resume=tmp_path, callbacks=[c.Checkpoint(tmp_path)])
    assert t.history["epoch"] == [1, 2]


def test_a_schedule_over_more_epochs(tmp_path):
    fitted(epochs=2, callbacks=[c.LearningRateSchedule("cosine"), c.Checkpoint(tmp_path)])
    with pytest.raises(ValueError, match="schedule is cosine over 20 updates, this one is cosine over 60"):
        fitted(epochs=6, callbacks=[c.LearningRateSchedule("cosine")], resume=tmp_path)


def test_all_of_a_checkpoint_or_nothing(tmp_path):
    t = checkpointed(tmp_path)
    state = t.state_dict()
    state["optimizer"] = {"param_groups": 3}
    t.save_checkpoint(tmp_path, state)
    other = trainer(model=nn.Sequential(*perceptron()))
    with fastnet.no_grad():
        other.model[0].weight.mul_(2.0)
    before = weights(other)
    with pytest.raises(ValueError, match="does not fit this training"):
        other.fit(*blobs(), epochs=4, progress=False, resume=tmp_path, callbacks=[c.EarlyStopping("loss")])
    assert weights(other) == before
    assert other.epoch == 0


def test_states_with_names_that_look_alike(tmp_path):
    class Keeps(c.Callback):
        def state_dict(self):
            return {"a/b": np.zeros(1), "a": {"b": np.ones(2)}, 0: np.arange(3), "0": 4}

        def load_state_dict(self, state):
            self.found = state

    fitted(callbacks=[Keeps(), c.Checkpoint(tmp_path)])
    keeps = Keeps()
    fitted(callbacks=[keeps], resume=tmp_path)
    expected = keeps.state_dict()
    assert keeps.found["a/b"].tolist() == [0] and keeps.found["a"]["b"].tolist() == [1, 1]
    assert keeps.found[0].tolist() == [0, 1, 2] and keeps.found["0"] == expected["0"]


def test_interrupted_after_a_bad_update(tmp_path):
    """The checkpoint written at an interruption is checked, too."""
    class Explode(c.Callback):
        priority = 5

        def on_batch_end(self, trainer):
            trainer.optimizer.param_groups[0]["lr"] = float("inf")
            trainer.interrupted = trainer.step == 2

    with pytest.raises(FloatingPointError, match="weights are no longer finite after step 2"):
        fitted(callbacks=[Explode(), c.Checkpoint(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_interrupted_when_all_is_done(tmp_path):
    class Late(c.Callback):
        def on_validation_begin(self, trainer):
            trainer.interrupted = trainer.epoch == 3

    stopping = c.EarlyStopping("loss")
    t = fitted(callbacks=[Late(), stopping])
    assert not t.interrupted
    assert len(t.history) == 4


def test_no_checkpoint(tmp_path):
    checkpointed(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    whole = path.read_bytes()
    for contents in (whole[:-1], whole[:100], b"", b"\xff" * 64):
        path.write_bytes(contents)
        with pytest.raises(ValueError, match=r"checkpoint\.safetensors"):
            fitted(resume=tmp_path, callbacks=[c.EarlyStopping("loss")])
    fitted().model.save(path)
    with pytest.raises(ValueError, match="is not a checkpoint of a training"):
        fitted(resume=path, callbacks=[c.EarlyStopping("loss")])


def test_a_full_disk_leaves_the_checkpoint(tmp_path, monkeypatch):
    checkpointed(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastnet._io.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        checkpointed(tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
