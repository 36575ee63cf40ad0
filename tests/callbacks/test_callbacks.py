"""Each callback has its documented effect; observers leave all bits unchanged."""
import csv
import re
from pathlib import Path

import numpy as np
import pytest
from training_tools import blobs, fitted, perceptron, trainer, weights, without_seconds

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

class Fixed(c.Callback):
    """Gives the logs a number from a list."""

    priority = -1

    def __init__(self, values):
        self.values, self.kept = values, []

    def on_epoch_end(self, trainer):
        trainer.logs["watched"] = self.values[trainer.epoch - 1]
        self.kept.append(weights(trainer))


@pytest.mark.parametrize(("mode", "values", "best", "epochs"), [
    ("min", [3.0, 2.0, 2.5, 2.1, 1.0], 2, 4),
    ("max", [1.0, 2.0, 3.0, 2.9, 2.9, 4.0], 3, 5),
    ("auto", [3.0, 2.0, 1.0, 0.0], 4, 4),
])
def test_early_stopping(mode, values, best, epochs):
    fixed, stopping = Fixed(values), c.EarlyStopping("watched", patience=2, mode=mode)
    t = fitted(epochs=len(values), callbacks=[stopping, fixed])
    assert (len(t.history), stopping.best_epoch) == (epochs, best)
    assert weights(t) == fixed.kept[best - 1]


def test_no_number_is_never_the_best():
    stopping = c.EarlyStopping("watched", patience=9)
    fitted(callbacks=[stopping, Fixed([float("nan"), 3.0, 2.0, float("nan")])])
    assert stopping.best_epoch == 3


def test_early_stopping_options():
    fixed = Fixed([3.0, 2.9, 2.8, 2.7])             # never by as much as 0.5
    t = fitted(callbacks=[c.EarlyStopping("watched", patience=2, min_delta=0.5, restore_best=False), fixed])
    assert len(t.history) == 3
    assert weights(t) == fixed.kept[-1]
    assert c.EarlyStopping("accuracy").monitor._larger_is_better(t)
    assert not c.EarlyStopping("validation_loss").monitor._larger_is_better(t)


def test_model_checkpoint_keeps_the_best(tmp_path):
    fixed = Fixed([3.0, 1.0, 2.0, 2.5])
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


# ---- schedules ------------------------------------------------------------------------------------------------------

class Rates(c.Callback):
    def __init__(self):
        self.rates = []

    def on_batch_end(self, trainer):
        self.rates.append(trainer.optimizer.param_groups[0]["lr"])


def rates(schedule, **options):
    watch = Rates()
    fitted(callbacks=[watch, schedule], epochs=3, batch_size=100, **options)
    return watch.rates


def test_schedule_by_epoch():
    assert rates(c.LearningRateSchedule(lambda o: optim.lr_scheduler.ExponentialLR(o, 0.5))) == [
        0.02] * 3 + [0.01] * 3 + [0.005] * 3


def test_schedule_by_batch_over_the_whole_training():
    linear = rates(c.LearningRateSchedule("linear"))
    assert np.allclose(linear, 0.02 * (1 - np.arange(9) / 9))
    one_cycle = rates(c.LearningRateSchedule("one_cycle"))
    assert max(one_cycle) == pytest.approx(0.02, rel=0.05)
    assert one_cycle[-1] < one_cycle[0] < 0.002
    cosine = rates(c.LearningRateSchedule("cosine"), validation_split=0.1)
    assert cosine[0] == 0.02
    assert cosine[-1] < 0.002


@pytest.mark.parametrize("schedule", ["linear", "cosine", "one_cycle",
                                      lambda optimizer: optim.lr_scheduler.ExponentialLR(optimizer, 0.1)])
def test_a_schedule_begins_anew_with_each_fit(schedule):
    t, watch = trainer(), Rates()
    for _ in range(2):
        t.fit(*blobs(), epochs=2, batch_size=100, progress=False, callbacks=[watch, c.LearningRateSchedule(schedule)])
    assert watch.rates[:6] == pytest.approx(watch.rates[6:])


def test_a_schedule_puts_the_rate_back_after_an_error():
    class Break(c.Callback):
        def on_batch_end(self, trainer):
            if trainer.step == 15:
                raise KeyboardInterrupt

    t = trainer()
    with pytest.raises(KeyboardInterrupt):
        t.fit(*blobs(), epochs=2, progress=False, callbacks=[c.LearningRateSchedule("cosine"), Break()])
    assert t.optimizer.param_groups[0]["lr"] == 0.02


def test_schedule_that_was_made_before():
    t = trainer()
    t.fit(*blobs(), epochs=2, progress=False, callbacks=[
        c.LearningRateSchedule(optim.lr_scheduler.StepLR(t.optimizer, 1, gamma=0.1))])
    assert t.history["lr"] == pytest.approx([0.02, 0.002])
    other = optim.lr_scheduler.StepLR(trainer().optimizer, 1)
    with pytest.raises(ValueError, match="belongs to another optimizer"):
        t.fit(*blobs(), progress=False, callbacks=[c.LearningRateSchedule(other)])


def test_plateau():
    def plateau(optimizer):
        return optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    t = fitted(callbacks=[Fixed([1.0, 1.0, 1.0, 1.0]), c.LearningRateSchedule(plateau, monitor="watched")])
    assert t.history["lr"] == pytest.approx([0.02, 0.02, 0.002, 0.0002])
    with pytest.raises(ValueError, match="no 'validation_loss' for ReduceLROnPlateau"):
        fitted(callbacks=[c.LearningRateSchedule(plateau)])


def test_schedule_errors():
    with pytest.raises(ValueError, match="unknown schedule 'sine'"):
        c.LearningRateSchedule("sine")
    with pytest.raises(ValueError, match="unknown interval 'week'"):
        c.LearningRateSchedule("linear", interval="week")
    x, y = blobs(64)
    with pytest.raises(ValueError, match="needs to know how many updates"):
        fitted((part for part in [(x, y)]), None, callbacks=[c.LearningRateSchedule("linear")])


# ---- what changes the update ----------------------------------------------------------------------------------------

def test_accumulated_batches_are_one_large_batch():
    x, y = blobs(128)
    large = fitted(x, y, batch_size=64)
    small = fitted(x, y, batch_size=16, callbacks=[c.GradientAccumulation(4)])
    assert small.step == large.step == 8
    for a, b in zip(small.model.parameters(), large.model.parameters()):
        assert np.allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-4)


def test_the_last_update_takes_what_is_left():
    t = fitted(*blobs(112), batch_size=16, epochs=2, callbacks=[c.GradientAccumulation(4)])
    assert t.step == 4
    again = trainer()
    again.fit(*blobs(112), batch_size=16, epochs=1, progress=False)
    assert again.accumulate == 1


@pytest.mark.parametrize("options", [{"max_norm": 0.01}, {"value": 0.001}])
def test_clipping(options):
    x, y = blobs()
    model = perceptron()
    before = [p.detach().numpy().copy() for p in model.parameters()]
    t = trainer(model=model, optimizer=lambda p: optim.SGD(p, lr=1.0))
    t.fit(x * 100, y, epochs=1, batch_size=300, progress=False, callbacks=[c.GradientClipping(**options)])
    moved = np.concatenate([(p.detach().numpy() - b).ravel() for p, b in zip(model.parameters(), before)])
    if "value" in options:
        assert np.abs(moved).max() == pytest.approx(0.001, rel=1e-3)
    else:
        assert np.linalg.norm(moved) == pytest.approx(0.01, rel=1e-3)


class Trail(c.Callback):
    """The raw weights after each update."""

    def __init__(self):
        self.weights = []

    def on_batch_end(self, trainer):
        self.weights.append([p.detach().numpy().astype(float) for p in trainer.model.parameters()])


def test_averaged_weights():
    trail, x, y = Trail(), *blobs(100)
    start = [p.detach().numpy().astype(float) for p in perceptron().parameters()]
    t = fitted(x, y, epochs=2, validation_split=0.1, callbacks=[c.ExponentialMovingAverage(0.9), trail])
    raw = fitted(x, y, epochs=2, validation_split=0.1)
    for at in trail.weights:
        start = [0.9 * average + 0.1 * w for average, w in zip(start, at)]
    for p, average, last, alone in zip(t.model.parameters(), start, trail.weights[-1], raw.model.parameters()):
        assert np.allclose(p.detach().numpy(), average, atol=1e-5)
        assert np.array_equal(last, alone.detach().numpy())             # the training itself is unchanged
    measured = t.history["validation_loss"][-1]
    assert measured != raw.history["validation_loss"][-1]


def test_an_error_leaves_everything_closed():
    """After an error in the validation, the training's own weights are restored and all callbacks are closed."""
    class Breaks(c.Callback):
        def close(self, trainer):
            raise RuntimeError("closing failed")

    class Closed(c.Callback):
        def close(self, trainer):
            self.closed = True

    t, average, closed, trail = trainer(), c.ExponentialMovingAverage(0.9), Closed(), Trail()
    bad = (np.full((4, 2), np.nan, np.float32), np.array([0, 1, 2, 0]))
    loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(*bad), 4)
    with pytest.raises(RuntimeError, match="closing failed"):
        t.fit(*blobs(), epochs=1, validation_data=loader, progress=False, callbacks=[closed, average, Breaks(), trail])
    assert closed.closed
    assert not t.model.training
    for p, raw in zip(t.model.parameters(), trail.weights[-1]):
        assert np.array_equal(p.detach().numpy(), raw)


def test_averaged_weights_are_what_is_saved(tmp_path):
    x, y = blobs(100)
    t = fitted(x, y, epochs=3, validation_split=0.1, callbacks=[
        c.ExponentialMovingAverage(0.9), c.ModelCheckpoint(tmp_path / "m.safetensors", monitor=None)])
    saved = fastnet.load(tmp_path / "m.safetensors")
    assert [v.numpy().tobytes() for v in saved.state_dict().values()] == weights(t)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: c.GradientAccumulation(0), "at least one batch"),
    (lambda: c.GradientClipping(), "either max_norm or value"),
    (lambda: c.GradientClipping(1.0, value=1.0), "either max_norm or value"),
    (lambda: c.GradientClipping(-1.0), "expected max_norm > 0, got -1.0"),
    (lambda: c.ExponentialMovingAverage(1.0), "0 <= decay < 1"),
    (lambda: c.EarlyStopping(patience=0), "patience >= 1"),
    (lambda: c.EarlyStopping(mode="best"), "unknown mode 'best'"),
    (lambda: c.EarlyStopping(min_delta=-1), "min_delta >= 0"),
    (lambda: c.Checkpoint("run", seconds=-1), "seconds >= 0"),
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
    fitted(callbacks=[Fixed([3.0, 1.0, 2.0, 2.5]), stopping])
    assert repr(stopping) == "EarlyStopping(monitor='watched', patience=2, best_epoch=2, best=1.0)"


def test_repr_of_a_subclass_shows_the_arguments_that_it_keeps():
    class Mine(c.Callback):
        def __init__(self, threshold, folder, other=1):
            self.threshold, self.folder = threshold, Path(folder)

    assert repr(Mine(0.5, "run")) == "Mine(threshold=0.5, folder='run')"


# ---- logs -----------------------------------------------------------------------------------------------------------

def test_lines(capsys):
    fitted(progress=True, validation_split=0.1, epochs=10)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1/10  loss ")
    assert "s left" not in lines[-1]
    for part in ("accuracy ", "validation loss 0.", "validation accuracy ", " samples/s  "):
        assert part in lines[-1]


def test_a_long_epoch_prints_lines(capsys, monkeypatch):
    """Where there is no bar: how much is done, and the time that is left of the whole training."""
    monkeypatch.setattr("fastnet.callbacks.logs._SILENCE", 0)
    fitted(progress=True, epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 6
    assert re.fullmatch(r"epoch 1/3  \d+% of the epoch  loss \d+\.\d{4}  [\d,]+ samples/s  \d+ s left", lines[0])


def test_bar(capsys, monkeypatch):
    """On a terminal a bar is drawn, and gone at the end."""
    import sys
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("fastnet.callbacks.logs._REFRESH", 0)
    fitted(progress=True, epochs=2)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "epoch 2/2" in err
    assert "samples/s" in err
    assert "loss=" in err
    assert err.split("\r")[-2].strip() == ""


def test_csv(tmp_path):
    t = fitted(callbacks=[c.CSVLogger(tmp_path / "log.csv")], validation_split=0.1)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["validation_loss"]) for row in rows] == t.history["validation_loss"]
    t.history.to_csv(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "log.csv").read_text()


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    fitted(callbacks=[c.TensorBoard(tmp_path)], validation_split=0.1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "validation"]
    for run in tmp_path.iterdir():
        [events] = run.iterdir()
        contents = events.read_bytes()
        assert b"loss" in contents
        assert b"accuracy" in contents


def test_tensorboard_missing(tmp_path, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'callback needs tensorboardX: pip install tensorboardX$'):
        fitted(callbacks=[c.TensorBoard(tmp_path)])


# ---- the history ----------------------------------------------------------------------------------------------------

def test_history_is_a_table(tmp_path):
    history = fitted(validation_split=0.1).history
    assert history.columns == ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "lr", "seconds"]
    assert history[0]["epoch"] == 1
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert str(history).splitlines()[0].split() == history.columns
    assert len(str(history).splitlines()) == 5
    with pytest.raises(KeyError, match="no column 'los', only 'epoch', 'loss'"):
        history["los"]


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    history = fitted(validation_split=0.1).history
    figure = history.plot(tmp_path / "curve.png")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    with image.open(tmp_path / "curve.png") as picture:
        assert picture.width > picture.height > 300
    with pytest.raises(ValueError, match="the history is empty"):
        fastnet.training.History().plot()


def test_a_plot_is_replaced_whole(tmp_path, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    path = tmp_path / "curve.png"
    path.write_bytes(b"old")

    def full(self, file, **options):
        file.write(b"new")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure.Figure, "savefig", full)
    with pytest.raises(OSError, match="No space left"):
        fitted().history.plot(path)
    assert path.read_bytes() == b"old"


def test_history_of_a_resumed_training(tmp_path, capsys):
    x, y = blobs(100)
    whole = fitted(x, y, epochs=4, callbacks=[c.CSVLogger(tmp_path / "whole.csv")])
    for epochs in (2, 4):
        resumed = fitted(x, y, epochs=epochs, resume=tmp_path / "run", callbacks=[
            c.Checkpoint(tmp_path / "run"), c.CSVLogger(tmp_path / "parts.csv")])
    assert without_seconds(resumed.history) == without_seconds(whole.history)
    assert len((tmp_path / "parts.csv").read_text().splitlines()) == 5
