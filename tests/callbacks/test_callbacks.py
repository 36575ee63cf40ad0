"""Each callback has its documented effect; observers leave all bits unchanged."""
from pathlib import Path

import pytest
from training_tools import Scripted, blobs, fitted, weights

import fastnet
from fastnet import callbacks as c, optim
from fastnet.callbacks.base import Monitor


def test_moments_and_their_order(capsys):
    seen = []

    def noting(label, rank):
        class Noting(c.Callback):
            priority = rank
        for moment in ("on_fit_begin", "on_epoch_begin", "on_validation_begin", "on_epoch_end", "on_fit_end", "close"):
            setattr(Noting, moment, lambda self, trainer, moment=moment: seen.append(f"{label}.{moment}"))
        return Noting()

    fitted(epochs=1, callbacks=[noting("b", 2), noting("a", 1)])
    assert seen == [f"{who}.{moment}" for moment in ("on_fit_begin", "on_epoch_begin", "on_validation_begin",
                                                      "on_epoch_end") for who in "ab"] + [
        "b.on_fit_end", "a.on_fit_end", "a.close", "b.close"]


def test_own_callback_stops_in_the_middle():
    class Enough(c.Callback):
        def on_batch_end(self, trainer):
            trainer.stop = trainer.step == 7

    t = fitted(blobs(100)[0], blobs(100)[1], epochs=10, callbacks=[Enough()])
    assert (t.step, t.epoch, len(t.history)) == (7, 1, 1)


def test_watching_changes_nothing(tmp_path, capsys):
    watching = [c.CSVLogger(tmp_path / "log.csv"), c.ModelCheckpoint(tmp_path / "m.safetensors", monitor=None),
                c.Checkpoint(tmp_path / "run", seconds=0)]
    assert weights(fitted(dropout=0.2, callbacks=watching, progress=True)) == weights(fitted(dropout=0.2))


# ---- early stopping, model checkpoints ------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "values", "best", "epochs"), [
    ("min", [3.0, 2.0, 2.5, 2.1, 1.0], 2, 4),
    ("max", [1.0, 2.0, 3.0, 2.9, 2.9, 4.0], 3, 5),
    ("auto", [3.0, 2.0, 1.0, 0.0], 4, 4),
])
def test_early_stopping(mode, values, best, epochs):
    fixed, stopping = Scripted(*values, name="watched"), c.EarlyStopping("watched", patience=2, mode=mode)
    t = fitted(epochs=len(values), callbacks=[stopping, fixed])
    assert (len(t.history), stopping.best_epoch) == (epochs, best)
    assert weights(t) == fixed.kept[best - 1]


def test_no_number_is_never_the_best():
    stopping = c.EarlyStopping("watched", patience=9)
    fitted(callbacks=[stopping, Scripted(float("nan"), 3.0, 2.0, float("nan"), name="watched")])
    assert stopping.best_epoch == 3


def test_early_stopping_options():
    fixed = Scripted(3.0, 2.9, 2.8, 2.7, name="watched")             # never by as much as 0.5
    t = fitted(callbacks=[c.EarlyStopping("watched", patience=2, min_delta=0.5, restore_best=False), fixed])
    assert len(t.history) == 3
    assert weights(t) == fixed.kept[-1]
    assert c.EarlyStopping("accuracy").monitor._larger_is_better(t)
    assert not c.EarlyStopping("validation_loss").monitor._larger_is_better(t)


def test_model_checkpoint_keeps_the_best(tmp_path):
    fixed = Scripted(3.0, 1.0, 2.0, 2.5, name="watched")
    fitted(callbacks=[c.ModelCheckpoint(tmp_path / "best.safetensors", "watched"), fixed,
                      c.ModelCheckpoint(tmp_path / "{epoch:02d}-{watched}.safetensors", monitor=None)])
    best, second = (fastnet.load(tmp_path / name) for name in ("best.safetensors", "02-1.0.safetensors"))
    bits = [x.numpy().tobytes() for x in best.state_dict().values()]
    assert bits == fixed.kept[1] == [x.numpy().tobytes() for x in second.state_dict().values()]
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("make", [c.EarlyStopping, lambda: c.ModelCheckpoint("m.safetensors")])
def test_nothing_to_watch(make):
    with pytest.raises(ValueError, match=r"no number 'validation_loss' to monitor: .*'loss'.*give fit\(\) val"):
        fitted(callbacks=[make()])


# ---- arguments and repr ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "message"), [
    (lambda: c.GradientAccumulation(0), "batches to be at least 1, got 0"),
    (lambda: c.GradientClipping(), "either max_norm or value"),
    (lambda: c.GradientClipping(1.0, value=1.0), "either max_norm or value"),
    (lambda: c.GradientClipping(-1.0), "expected max_norm > 0, got -1.0"),
    (lambda: c.ExponentialMovingAverage(1.0), "0 <= decay < 1"),
    (lambda: c.EarlyStopping(patience=0), "patience to be at least 1, got 0"),
    (lambda: c.EarlyStopping(mode="best"), "unknown mode 'best'"),
    (lambda: c.EarlyStopping(min_delta=-1), "min_delta to be 0 or more, got -1"),
    (lambda: c.Checkpoint("run", seconds=-1), "seconds to be 0 or more, got -1"),
])
def test_wrong_makings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("callback", "text"), [
    (c.Checkpoint("run"), "Checkpoint(folder='run')"),
    (c.CSVLogger("history.csv"), "CSVLogger(path='history.csv')"),
    (c.EarlyStopping("loss", patience=3), "EarlyStopping(monitor='loss', patience=3)"),
    (c.ExponentialMovingAverage(0.9), "ExponentialMovingAverage(decay=0.9)"),
    (c.GradientAccumulation(4), "GradientAccumulation(batches=4)"),
    (c.GradientClipping(value=0.5), "GradientClipping(value=0.5)"),
    (c.LearningRateSchedule("cosine"), "LearningRateSchedule(schedule='cosine', interval='batch')"),
    (c.LearningRateSchedule(optim.lr_scheduler.ExponentialLR),
     "LearningRateSchedule(schedule=ExponentialLR, interval='epoch')"),
    (c.ModelCheckpoint("m.safetensors"), "ModelCheckpoint(path='m.safetensors', monitor='validation_loss')"),
    (c.ModelCheckpoint("m.safetensors", None), "ModelCheckpoint(path='m.safetensors', monitor=None)"),
    (c.Progress(), "Progress()"),
    (c.TensorBoard("runs"), "TensorBoard(folder='runs')"),
    (Monitor("loss"), "Monitor(name='loss', best=None)"),
])
def test_repr(callback, text):
    assert repr(callback) == text


def test_repr_after_training_names_the_best_epoch():
    stopping = c.EarlyStopping("watched", patience=2)
    fitted(callbacks=[Scripted(3.0, 1.0, 2.0, 2.5, name="watched"), stopping])
    assert repr(stopping) == "EarlyStopping(monitor='watched', patience=2, best_epoch=2, best=1.0)"


def test_repr_of_a_subclass_shows_the_arguments_that_it_keeps():
    class Mine(c.Callback):
        def __init__(self, threshold, folder, other=1):
            self.threshold, self.folder = threshold, Path(folder)

    assert repr(Mine(0.5, "run")) == "Mine(threshold=0.5, folder='run')"
