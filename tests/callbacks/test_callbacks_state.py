"""State that callbacks keep from one fit to the next, and errors for invalid arguments."""
import copy
import pickle

import numpy as np
import pytest
from training_tools import Scripted, blobs, perceptron, trainer, weights

import fastnet
from fastnet import callbacks as c, nn
from fastnet.optim import lr_scheduler

X, Y = blobs(60)


def fit(t, epochs, *callbacks, **options):
    t.fit(X, Y, epochs=epochs, callbacks=callbacks, progress=False, **options)
    return weights(t)


@pytest.mark.parametrize("losses, kept", [((0.5, 0.9), 1), ((0.5, 0.4), 2), ((0.5, 0.9, 0.3), 3)])
def test_the_file_of_a_second_fit_has_the_best_model_of_all(tmp_path, losses, kept):
    t, saving = trainer(), c.ModelCheckpoint(tmp_path / "best.safetensors")
    found = [fit(t, 1, Scripted(loss), saving) for loss in losses]
    saved = fastnet.load(tmp_path / "best.safetensors")
    assert [x.numpy().tobytes() for x in saved.state_dict().values()] == found[kept - 1]


def test_a_second_fit_ends_with_the_best_weights_of_all():
    t, stopping = trainer(), c.EarlyStopping(patience=5)
    best = fit(t, 1, Scripted(0.5), stopping)
    assert fit(t, 3, Scripted(0.9, 0.8, 0.7), stopping) == best
    assert (stopping.best_epoch, stopping.monitor.best, stopping.waited) == (1, 0.5, 3)
    assert fit(t, 1, Scripted(0.4), stopping) != best
    assert (stopping.best_epoch, stopping.waited) == (5, 0)


def test_two_fits_wait_as_one():
    t, stopping = trainer(), c.EarlyStopping(patience=3)
    fit(t, 2, Scripted(0.5, 0.6), stopping)
    fit(t, 9, Scripted(0.6, 0.6, 0.6), stopping)
    assert len(t.history) == 4
    fit(t, 9, Scripted(*[0.6] * 9), stopping)           # stopped once; a further fit waits again
    assert len(t.history) == 7


@pytest.mark.parametrize("again", [lambda stopping: c.EarlyStopping(patience=5), copy.deepcopy,
                                   lambda stopping: pickle.loads(pickle.dumps(stopping))],
                         ids=["new", "copied", "unpickled"])
def test_a_new_callback_and_another_model_begin_anew(again):
    stopping = c.EarlyStopping(patience=5)
    t = trainer()
    best = fit(t, 1, Scripted(0.1), stopping)
    other = trainer(model=perceptron())
    fit(other, 1, Scripted(0.9), stopping)
    assert stopping.monitor.best == 0.9
    t = trainer()
    fit(t, 1, Scripted(0.1), stopping)
    stopping = again(stopping)
    assert fit(t, 1, Scripted(0.9), stopping) != best and stopping.monitor.best == 0.9


def test_a_resumed_training_continues_with_the_checkpoints_best(tmp_path):
    def trained(epochs, *losses, **options):
        t, stopping = trainer(), c.EarlyStopping(patience=9)
        fit(t, epochs, Scripted(*losses), stopping, c.Checkpoint(tmp_path), **options)
        return stopping
    trained(1, 0.5)
    stopping = trained(3, 0.9, 0.8, resume=tmp_path)
    assert (stopping.monitor.best, stopping.best_epoch, stopping.waited) == (0.5, 1, 2)


@pytest.mark.parametrize("sparse", [False, True])
def test_estimators_that_continue_keep_the_best_values(sparse):
    pytest.importorskip("sklearn", minversion="1.7")
    from scipy.sparse import csr_array

    from fastnet.sklearn import MLPClassifier
    x = csr_array(np.where(np.arange(60)[:, None] % 30 == np.arange(40), 1.0, 0.0)) if sparse else X
    stopping = c.EarlyStopping(restore_best=False)
    model = MLPClassifier((8,), random_state=0, callbacks=[Scripted(0.5, 0.9, 0.7, 0.8), stopping], max_iter=1)
    for _ in range(3):
        model.partial_fit(x, Y, classes=[0, 1, 2])
    assert (stopping.monitor.best, stopping.waited) == (0.5, 2)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(x, Y)
    assert stopping.monitor.best == 0.8                 # another network


# ---- what they are made of ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make, message", [
    (lambda: c.EarlyStopping(3), "expected monitor to be the name of a number in the logs, such as 'validation_"),
    (lambda: c.EarlyStopping(None), "expected monitor to be .*, got None"),
    (lambda: c.EarlyStopping(patience="5"), "expected patience to be a whole number, got '5'"),
    (lambda: c.EarlyStopping(patience=2.5), "expected patience to be a whole number, got 2.5"),
    (lambda: c.EarlyStopping(min_delta="a"), "expected min_delta to be a number, got 'a'"),
    (lambda: c.ModelCheckpoint(None), "expected path to be a path, got None"),
    (lambda: c.ModelCheckpoint("m", 3), "expected monitor to be the name"),
    (lambda: c.CSVLogger(5), "expected path to be a path, got 5"),
    (lambda: c.TensorBoard(None), "expected folder to be a path"),
    (lambda: c.Checkpoint(3), "expected folder to be a path, got 3"),
    (lambda: c.Checkpoint("run", seconds="x"), "expected seconds to be a number, got 'x'"),
    (lambda: c.GradientAccumulation(2.5), "expected batches to be a whole number, got 2.5"),
    (lambda: c.GradientAccumulation("4"), "expected batches to be a whole number, got '4'"),
    (lambda: c.GradientClipping("a"), "expected max_norm to be a number, got 'a'"),
    (lambda: c.GradientClipping(value=[1]), r"expected value to be a number, got \[1\]"),
    (lambda: c.ExponentialMovingAverage("x"), "expected decay to be a number, got 'x'"),
    (lambda: c.LearningRateSchedule(3), "expected a schedule, its name .'one_cycle', 'cosine', 'linear'. or a f"),
    (lambda: c.LearningRateSchedule("cosine", monitor=3), "expected monitor to be the name"),
    (lambda: fastnet.Trainer(nn.Linear, loss="mse"), "a Module, got the class Linear; create an instance"),
    (lambda: fastnet.Trainer(nn.Linear(1, 1), 3, loss="mse"), "expected an optimizer, its name .* got 3"),
    (lambda: fastnet.Trainer(nn.Linear(1, 1), "sgd", lr="0.1", loss="mse"), "expected lr to be a number, got '0.1'"),
    (lambda: fastnet.Trainer(nn.Linear(1, 1), loss=3), "expected a loss: .* got 3"),
    (lambda: fastnet.Trainer(nn.Linear(1, 1), loss="mse", metrics=3), "expected one or several metrics, got 3")])
def test_arguments_of_another_type(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize("options, message", [
    ({"epochs": 2.5}, "expected epochs to be a whole number, got 2.5"),
    ({"batch_size": None}, "expected batch_size to be a whole number, got None"),
    ({"validation_split": "a"}, "expected validation_split to be a number"),
    ({"seed": 1.5}, "expected seed to be a whole number, got 1.5"),
    ({"resume": 5}, "expected resume to be a path, got 5"),
    ({"callbacks": 3}, "expected one or several callbacks, got 3"),
    ({"callbacks": c.Progress}, "expected one or several callbacks"),
    ({"callbacks": [c.Progress]}, "instances of fastnet.callbacks.Callback")])
def test_settings_of_another_type(options, message):
    with pytest.raises(TypeError, match=message):
        trainer().fit(X, Y, **{"progress": False} | options)


def test_weights_that_are_no_numbers():
    for options in ({"sample_weight": ["a"] * 60}, {"class_weight": {0: "a"}}, {"class_weight": ["a", "b"]}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must hold numbers"):
            trainer().fit(X, Y, progress=False, **options)


def test_a_schedules_class_is_a_function_that_makes_one():
    t = trainer()
    t.fit(X, Y, callbacks=c.LearningRateSchedule(lr_scheduler.ConstantLR), epochs=2, progress=False)
    assert t.history["lr"] == pytest.approx([0.02 / 3, 0.02 / 3]) and np.isfinite(t.history["loss"]).all()


def test_none_is_no_callback_and_no_metric():
    t = fastnet.Trainer(perceptron(), loss="cross_entropy", metrics=None)
    assert len(t.fit(X, Y, callbacks=None, progress=False)) == 1


def test_a_file_in_place_of_the_folder_of_checkpoints(tmp_path):
    (tmp_path / "flowers.csv").write_text("a")
    trainer = fastnet.Trainer(nn.Linear(1, 1), loss="mse")
    with pytest.raises(FileExistsError, match="expected a folder for checkpoints, got a file"):
        c.Checkpoint(tmp_path / "flowers.csv").on_fit_begin(trainer)
