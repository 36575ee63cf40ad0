"""Weights of batches: last batches of one sample, several batches for one update, sample weights."""
import itertools

import numpy as np
import pytest
from training_tools import batches_of, blobs, weights, without_seconds

import fastnet
from fastnet import nn, optim
from fastnet.callbacks import Callback, Checkpoint, GradientAccumulation
from fastnet.data import DataLoader, TensorDataset


def normed(batch_norm=True):
    fastnet.manual_seed(1)
    norm = nn.BatchNorm1d(8) if batch_norm else nn.Identity()
    return nn.Sequential(nn.Linear(2, 8), norm, nn.ReLU(), nn.Linear(8, 3))


def parts(x, y, sizes):
    """Rows in batches of these sizes, with nothing else known."""
    return batches_of([(x[a:b], y[a:b]) for a, b in itertools.pairwise(np.cumsum([0, *sizes]))])


class Sizes(Callback):
    def __init__(self):
        self.sizes = []

    def on_batch_end(self, trainer):
        self.sizes.append(trainer.running.samples)


# ---- a last batch of one --------------------------------------------------------------------------------------------

LOADERS = {"arrays": lambda x, y: (x, y), "loader": lambda x, y: (DataLoader(TensorDataset(x, y), 32), None),
           "stream": lambda x, y: (parts(x, y, [32] * (len(x) // 32) + [len(x) % 32]), None)}


@pytest.mark.parametrize("given", LOADERS)
@pytest.mark.parametrize("rows, sizes", [(33, [33]), (65, [32, 65]), (34, [32, 34]), (31, [31])])
def test_a_last_batch_of_one_joins_the_one_before(given, rows, sizes):
    x, y = LOADERS[given](*blobs(rows))
    t, seen = fastnet.Trainer(normed(), loss="cross_entropy"), Sizes()
    t.fit(x, y, epochs=2, callbacks=[seen], progress=False)
    assert seen.sizes == sizes * 2 and t.step == 2 * len(sizes)


def test_without_batch_norm_a_last_batch_of_one_is_a_batch():
    t, seen = fastnet.Trainer(normed(False), loss="cross_entropy"), Sizes()
    t.fit(*blobs(33), callbacks=[seen], progress=False)
    assert seen.sizes == [32, 33]


def test_one_sample_is_evaluated_and_predicted():
    t = fastnet.Trainer(normed(), loss="cross_entropy", metrics=["accuracy"])
    x, y = blobs(65)
    t.fit(x, y, class_weight="balanced", validation_data=(x[:1], y[:1]), progress=False)
    assert np.isfinite(t.evaluate(x[:1], y[:1])["loss"]) and t.predict(x[:1]).shape == (1,)
    assert np.isfinite(t.evaluate(x, y, batch_size=32)["loss"]) and t.predict(x, batch_size=32).shape == (65,)


def test_an_epoch_of_one_sample_is_refused_before_anything_is_learnt():
    t = fastnet.Trainer(normed(), loss="mse")
    before = weights(t)
    with pytest.raises(ValueError, match="expected more than one value in each channel"):
        t.fit(np.zeros((1, 2), np.float32), np.zeros((1, 3), np.float32), progress=False)
    assert weights(t) == before


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("given", ["arrays", "stream"])
def test_resumes_bit_for_bit_around_it(tmp_path, given, steps):
    """65 rows are batches of 32 and 33: also where the training is stopped right after the second."""
    class Stop(Callback):
        def on_batch_end(self, trainer):
            trainer.interrupted = trainer.step == steps
    x, y = LOADERS[given](*blobs(65))

    def trained(*more, **options):
        t = fastnet.Trainer(normed(), loss="cross_entropy")
        t.fit(x, y, epochs=3, callbacks=[*more, Checkpoint(tmp_path, seconds=100)], progress=False, **options)
        return t
    whole = trained()
    (tmp_path / "checkpoint.safetensors").unlink()
    assert trained(Stop()).step == steps
    again = trained(resume=tmp_path)
    assert weights(again) == weights(whole) and without_seconds(again.history) == without_seconds(whole.history)


def test_an_estimator_with_batch_norm_takes_a_last_batch_of_one():
    pytest.importorskip("sklearn", minversion="1.7")
    from fastnet.sklearn import MLPClassifier
    x, y = blobs(33)
    model = MLPClassifier((8,), batch_norm=True, batch_size=32, max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(x, y)
    assert model.predict(x[:1]).shape == (1,)


# ---- several batches to one update ----------------------------------------------------------------------------------

def after_one_update(loss, outputs, batches, **options):
    """A model's weights, float64, after one update of plain gradient descent by the batches."""
    fastnet.manual_seed(2)
    model = nn.Linear(2, outputs).double()
    t = fastnet.Trainer(model, optim.SGD(model.parameters(), lr=0.5), loss=loss)
    t.fit(batches, callbacks=[GradientAccumulation(30)], progress=False, **options)
    assert t.step == 1
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


CLASS_WEIGHT = fastnet.tensor([0.2, 1.0, 5.0], dtype=fastnet.float64)
MEANS = {
    "cross entropy": (lambda: "cross_entropy", 3), "mse": (lambda: "mse", 1),
    "ignored": (lambda: nn.CrossEntropyLoss(ignore_index=1), 3),
    "class weights of the loss": (lambda: nn.CrossEntropyLoss(CLASS_WEIGHT), 3),
    "both": (lambda: nn.CrossEntropyLoss(CLASS_WEIGHT, ignore_index=1, label_smoothing=0.1), 3),
    "a sum": (lambda: nn.MSELoss(reduction="sum"), 1), "a function": (lambda: lambda o, t: ((o - t) ** 2).mean(), 1),
    "of each": (lambda: lambda o, t: ((o - t) ** 2).squeeze(1), 1)}


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("sizes", [(1, 20, 9), (10, 10, 10), (29, 1)])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_batches_are_the_large_batch(name, sizes, weighted):
    make, outputs = MEANS[name]
    x, y = blobs(30)
    x, y = x.astype(np.float64) / 9, y if outputs == 3 else y / 2.0
    options = {"class_weight": {0: 0.1, 1: 2.0, 2: 7.0}} if weighted and outputs == 3 else {}
    large = after_one_update(make(), outputs, parts(x, y, (30,)), **options)
    np.testing.assert_allclose(after_one_update(make(), outputs, parts(x, y, sizes), **options), large, rtol=1e-12,
                               atol=1e-14)
    assert np.abs(large - after_one_update(make(), outputs, parts(x, y, (15,)), **options)).max() > 1e-6


def test_the_large_batch_is_the_losss_own_mean():
    x, y = blobs(30)
    for loss in (nn.CrossEntropyLoss(CLASS_WEIGHT, ignore_index=1), nn.MSELoss(reduction="sum")):
        y = y if isinstance(loss, nn.CrossEntropyLoss) else y[:, None] * np.ones(3)
        fastnet.manual_seed(2)
        model = nn.Linear(2, 3).double()
        loss(model(fastnet.from_numpy(x.astype(np.float64))), fastnet.from_numpy(y)).backward()
        optim.SGD(model.parameters(), lr=0.5).step()
        expected = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
        found = after_one_update(loss, 3, parts(x.astype(np.float64), y, (1, 20, 9)))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", ["mse", nn.HuberLoss(), lambda o, t: ((o - t) ** 4).flatten(1).mean(1)],
                         ids=["mse", "huber", "of each"])
@pytest.mark.parametrize("size", [1, 7, 16])
def test_weighted_samples_in_several_batches_are_the_large_batch(loss, size):
    rng = np.random.default_rng(0)
    x, y, w = rng.standard_normal((30, 2)), rng.standard_normal(30), rng.exponential(size=30)
    found = []
    for batch_size in (30, size):
        fastnet.manual_seed(2)
        model = nn.Linear(2, 1).double()
        t = fastnet.Trainer(model, optim.SGD(model.parameters(), lr=0.5), loss=loss)
        t.fit(x, y, sample_weight=w, batch_size=batch_size, callbacks=[GradientAccumulation(30)], progress=False)
        found.append(np.append(model.weight.detach().numpy(), t.history["loss"]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


# ---- weights of classes ---------------------------------------------------------------------------------------------

def gradients(x, y, batch_size, given=lambda x, y: (x, y), **options):
    """The sum of an epoch's gradients with the weights as they are, times the batch size."""
    model = nn.Linear(2, 2).double()
    with fastnet.no_grad():
        for p in model.parameters():
            p.fill_(0.1)

    class Keep(Callback):
        total = 0.0

        def on_batch_end(self, trainer):
            self.total += model.weight.grad.numpy() * batch_size
    keep = Keep()
    t = fastnet.Trainer(model, optim.SGD(model.parameters(), lr=0.0), loss="cross_entropy")
    t.fit(*given(x, y), batch_size=batch_size, callbacks=[keep], progress=False, **options)
    return keep.total / len(x), t.history["loss"][0]


@pytest.mark.parametrize("batch_size", [1, 3, 10])
@pytest.mark.parametrize("options", [
    {"class_weight": "balanced"}, {"class_weight": {0: 1, 1: 50}}, {"class_weight": [0.5, 0.5]},
    {"sample_weight": np.arange(30.0)}, {"sample_weight": np.full(30, 7.0), "class_weight": "balanced"}], ids=str)
def test_weights_hold_in_small_batches(batch_size, options):
    """An epoch's gradient and its loss are the weighted mean over all rows, whatever the batch size."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 2)), (np.arange(30) % 10 == 0).astype(int)
    expected, loss = gradients(x, y, 30, **options)
    found, small = gradients(x, y, batch_size, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert small == pytest.approx(loss, rel=1e-12)


def test_class_weights_of_a_loader_are_those_of_its_arrays():
    x, y = blobs(30)
    x, y = x.astype(np.float64), np.minimum(y, 1)

    def loader(x, y):
        return DataLoader(TensorDataset(x, y), 7), None
    for weight in ({0: 1.0, 1: 9.0}, [30.0, 0.2]):
        arrays, _ = gradients(x, y, 7, shuffle=False, class_weight=weight)
        loaded, _ = gradients(x, y, 7, loader, class_weight=weight)
        np.testing.assert_allclose(loaded, arrays, rtol=1e-6)           # a loader's weights are float32


def test_weights_that_are_0_where_it_is_trained():
    x, y = blobs(20)
    t = fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy")
    errors = set()
    for weight in np.eye(20):
        try:
            t.fit(x, y, sample_weight=weight, validation_split=0.5, progress=False)
        except ValueError as e:
            errors.add(str(e))
    assert errors == {"sample_weight is 0 in all rows to train on: no sample would count"}
