"""Errors for invalid training data state the expected and the given value."""
import numpy as np
import pytest
from training_tools import batches_of, blobs, fitted, perceptron, trainer, weights

import fastnet
from fastnet import optim
from fastnet.data import DataLoader, TensorDataset


def replaced(value, at):
    x, y = blobs(40)
    x[at] = value
    return x, y


@pytest.mark.parametrize(("data", "options", "error", "message"), [
    (lambda: replaced(np.nan, (7, 1)), {}, ValueError, "row 7.*column 1"),
    (lambda: replaced(-np.inf, (3, 0)), {}, ValueError, "row 3.*column 0"),
    (lambda: (blobs(40)[0], np.zeros(40, int)), {}, ValueError, "y has one class only, 0, in all 40 samples"),
    (lambda: (blobs(40)[0], np.zeros(39, int)), {}, ValueError, "x has 40 samples and y has 39"),
    (lambda: (blobs(40)[0][:0], np.zeros(0, int)), {}, ValueError, "the data is empty"),
    (lambda: (blobs(40)[0], -blobs(40)[1]), {}, ValueError, "classes are numbered from 0"),
    (lambda: (blobs(40)[0], blobs(40)[1].astype(str)), {}, TypeError, "y must hold .* got '.'; .*TargetPreparation"),
    (lambda: (blobs(40)[0], np.array(["a", "b"] * 20, object)), {}, TypeError, "y: expected numbers, got 'a'"),
    (lambda: (blobs(40)[0], blobs(40)[1] + 0.5), {}, TypeError, "expected classes as integers from 0"),
    (lambda: (np.array([[1.5, "red"]] * 40, object), blobs(40)[1]), {}, TypeError,
     "x: expected numbers, got 'red' .*TablePreparation"),
    (lambda: (blobs(2)[0], np.array([0, 1])), {"validation_split": 0.1}, ValueError, "held out"),
    (lambda: blobs(40), {"callbacks": [fastnet.callbacks.EarlyStopping]}, TypeError, "the class EarlyStopping; create"),
    (lambda: (np.float32(3), blobs(40)[1]), {}, ValueError, "must be an array of samples, got a single number"),
    (lambda: ((blobs(40)[0], blobs(39)[0]), blobs(40)[1]), {}, ValueError, "inputs have different lengths: 40, 39"),
    (lambda: ({"a": blobs(40)[0]}, blobs(40)[1]), {}, TypeError, "expected several inputs as a tuple"),
    (lambda: (batches_of([replaced(np.nan, (3, 1))]), None), {}, ValueError, "batch 1 of epoch 1.*row 3.*column 1"),
    (lambda: blobs(40), {"epochs": 1.5}, TypeError, "float"),
    (lambda: blobs(40), {"epochs": -1}, ValueError, "epochs to be at least 0, got -1"),
    (lambda: blobs(40), {"batch_size": 0}, ValueError, "batch_size to be at least 1, got 0"),
    (lambda: blobs(40), {"validation_split": 1.0}, ValueError, "0 <= validation_split < 1, got 1.0"),
    (lambda: blobs(40), {"validation_split": 0.1, "validation_data": blobs(9)}, ValueError, "not both"),
    (lambda: blobs(40), {"validation_data": blobs(9)[0]}, ValueError, r"must be a pair \(x, y\) or a loader"),
    (lambda: blobs(40), {"sample_weight": np.ones(39)}, ValueError, "one number for each of the 40 samples"),
    (lambda: blobs(40), {"sample_weight": np.zeros(40)}, ValueError, "is 0 everywhere"),
    (lambda: blobs(40), {"sample_weight": -np.ones(40)}, ValueError, r"sample_weight\[0\] is -1.0"),
    (lambda: blobs(40), {"class_weight": {"a": 1}}, ValueError, "integers from 0, as its keys"),
    (lambda: blobs(40), {"class_weight": "fair"}, ValueError, "must be 'balanced', a dictionary or an array"),
    (lambda: (batches_of([]), None), {}, ValueError, "gave no batch"),
    (lambda: (batches_of([blobs(9)[0]]), None), {}, ValueError, "expected batches that are tuples"),
    (lambda: (batches_of([blobs(9)]), np.zeros(9)), {}, ValueError, "the batches of a loader contain the targets"),
])
def test_errors(data, options, error, message):
    x, y = data()
    with pytest.raises(error, match=message):
        fitted(x, y, **options)


def test_one_sample_is_a_row():
    t, x = fitted(), blobs(40)[0]
    assert t.predict(x[:1]).shape == (1,)
    for ask in (t.predict, t.predict_proba):
        with pytest.raises(ValueError, match=r"the model gave \(3,\): .* x\[None\]"):
            ask(x[0])


def test_one_callback_and_one_metric_need_no_list():
    class Count(fastnet.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, trainer):
            self.epochs += 1

    count = Count()
    t = fitted(make=lambda: trainer(metrics=fastnet.metrics.F1()), epochs=2, callbacks=count)
    assert count.epochs == 2 and "f1" in t.history.columns


@pytest.mark.parametrize(("loss", "outputs", "y", "message"), [
    ("binary_cross_entropy_with_logits", 1, np.array([0, 1, 2, 1]), r"y\[2\] is 2: a binary loss takes targets from 0"),
    ("binary_cross_entropy_with_logits", 1, np.array([1.0, 1.0, 1.0, 1.0]), "y has one class only, 1, in all 4"),
    ("mse", 2, np.zeros((4, 1)), r"outputs of shape \(4, 2\) for targets of shape \(4, 1\)"),
])
def test_targets_that_do_not_fit(loss, outputs, y, message):
    t = trainer(loss=loss, outputs=outputs, metrics=())
    with pytest.raises(ValueError, match=message):
        t.fit(np.ones((4, 2)), y, progress=False)


def test_sparse_matrices_go_into_loaders():
    sparse = pytest.importorskip("scipy.sparse")
    x, y = blobs(100)
    with pytest.raises(TypeError, match="a sparse matrix needs a loader"):
        fitted(sparse.csr_matrix(x), y)
    loader = DataLoader(TensorDataset(sparse.csr_matrix(x), y), 32, shuffle=True, seed=0)
    assert weights(fitted(loader, None)) == weights(fitted(x, y))


def test_label_beyond_the_outputs():
    x, y = blobs(40)
    y[5] = 7
    with pytest.raises((ValueError, IndexError), match="7"):
        fitted(x, y)


def test_a_loss_that_returns_a_float():
    model = trainer(loss=lambda output, target: 1.0, metrics=())
    with pytest.raises(TypeError, match="to return a tensor, got float; compute the loss with tensor operations"):
        model.fit(*blobs(40), epochs=1, progress=False)


def test_wrong_makings():
    model = perceptron()
    for arguments, error, message in [
        ((lambda x: x, "adam"), TypeError, "a model that is a Module, got the function"),
        ((model, "adamm"), ValueError, "unknown optimizer 'adamm'"),
        ((model, lambda p: 3), TypeError, "expected an optimizer"),
        ((model, optim.SGD(perceptron().parameters())), ValueError, "no parameter of the model"),
    ]:
        with pytest.raises(error, match=message):
            fastnet.Trainer(*arguments, loss="mse")
    with pytest.raises(ValueError, match="lr is for an optimizer given by name"):
        fastnet.Trainer(model, optim.SGD(model.parameters()), loss="mse", lr=0.1)
    assert fastnet.Trainer(model, "sgd", loss="mse", lr=0.5).optimizer.param_groups[0]["lr"] == 0.5
    with pytest.raises(ValueError, match="unknown loss 'msee'"):
        fastnet.Trainer(model, loss="msee")
    with pytest.raises(TypeError, match="expected a loss"):
        fastnet.Trainer(model, loss=3)
    with pytest.raises(ValueError, match="acuracy"):
        fastnet.Trainer(model, loss="mse", metrics=["acuracy"])


def test_loss_that_is_no_number_stops(tmp_path):
    x, y = blobs(64)
    t = trainer(optimizer=lambda p: optim.SGD(p, lr=1e30))
    with pytest.raises(FloatingPointError, match=r"at step \d+ \(epoch \d+, batch \d+\): try a learning rate below"):
        t.fit(x * 1e10, y, epochs=5, progress=False, batch_size=8)
