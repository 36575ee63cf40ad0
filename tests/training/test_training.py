"""The Trainer: learning, reproducibility, weights, metrics, predictions and errors for invalid data."""
import copy
import pickle

import numpy as np
import pytest
from training_tools import batches_of, blobs, fitted, perceptron, trainer, weights, without_seconds

import fastnet
from fastnet import nn, optim
from fastnet.data import DataLoader, TensorDataset


def test_learns():
    t = fitted(epochs=6, validation_split=0.1)
    history = t.history
    assert history["epoch"] == [1, 2, 3, 4, 5, 6]
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["accuracy"][-1] > 0.95
    assert history["validation_accuracy"][-1] > 0.95
    assert history["lr"] == [0.02] * 6
    x, y = blobs(seed=1)
    measured = t.evaluate(x, y)
    assert measured["loss"] < 0.3
    assert measured["accuracy"] == np.mean(t.predict(x) == y) > 0.95


def test_same_seed_same_bits():
    first, second, other = (fitted(dropout=0.3, seed=seed, validation_split=0.2) for seed in (5, 5, 6))
    assert weights(first) == weights(second) != weights(other)
    assert without_seconds(first.history) == without_seconds(second.history)


def test_is_the_loop_by_hand():
    """Adam on the same batches gives the same bits as the loop that one would write."""
    x, y = blobs(100)
    t = fitted(x, y, dropout=0.1, epochs=2, seed=3)
    model = perceptron(0.1)
    optimizer = optim.AdamW(model.parameters(), lr=0.02)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, seed=3)
    for _ in range(2):
        for xb, yb in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(xb), yb).backward()
            optimizer.step()
    assert weights(t) == [p.detach().numpy().tobytes() for p in model.parameters()]


def test_fit_again_continues():
    x, y = blobs(100)
    whole = fitted(x, y, epochs=5)
    parts = fitted(x, y, epochs=2)
    parts.fit(x, y, epochs=3, batch_size=32, progress=False)
    assert parts.history["epoch"] == [1, 2, 3, 4, 5]
    assert weights(whole) == weights(parts)


def test_a_loader_gives_the_same():
    x, y = blobs(100)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, seed=3)
    assert weights(fitted(loader, None)) == weights(fitted(x, y, seed=3))


def test_any_iterable_of_batches():
    x, y = blobs(96)
    batches = [(x[i:i + 32], y[i:i + 32]) for i in range(0, 96, 32)]
    assert weights(fitted(batches_of(batches), None)) == weights(fitted(x, y, shuffle=False))


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(1, 3), nn.Linear(1, 3)

    def forward(self, a, b):
        return self.left(a) + self.right(b)


def test_several_inputs():
    x, y = blobs()
    t = trainer(model=Two())
    t.fit((x[:, :1], x[:, 1:]), y, epochs=8, progress=False, validation_split=0.1)
    assert t.history["validation_accuracy"][-1] > 0.8
    assert t.predict((x[:, :1], x[:, 1:])).shape == y.shape


# ---- losses and what predictions are --------------------------------------------------------------------------------

@pytest.mark.parametrize("column", [False, True])
def test_regression_of_one_output(column):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 2))
    y = x[:, 0] - 2 * x[:, 1]
    t = trainer(loss="mse", metrics=("mae", "r2"), outputs=1)
    t.fit(x, y[:, None] if column else y, epochs=20, progress=False)
    assert t.history["r2"][-1] > 0.95
    assert t.predict(x).shape == (400,)
    with pytest.raises(TypeError, match="probabilities need a classification loss"):
        t.predict_proba(x)


def test_binary():
    x, y = blobs(classes=2)
    t = trainer(loss="binary_cross_entropy_with_logits", outputs=1)
    t.fit(x, y, epochs=10, progress=False)
    probabilities = t.predict_proba(x)
    assert t.history["accuracy"][-1] > 0.95
    assert probabilities.shape == (300, 2)
    assert np.allclose(probabilities.sum(1), 1)
    assert (t.predict(x) == (probabilities[:, 1] > 0.5)).all()


def test_multi_label():
    x, y = blobs()
    labels = np.eye(3)[y]
    t = trainer(loss="binary_cross_entropy_with_logits")
    t.fit(x, labels, epochs=10, progress=False)
    assert t.predict(x).shape == t.predict_proba(x).shape == (300, 3)
    assert t.history["accuracy"][-1] > 0.9


def test_own_loss():
    def loss(output, target):
        return ((output - target) ** 4).mean()

    x = np.random.default_rng(0).standard_normal((200, 2))
    t = trainer(loss=loss, metrics=(), outputs=1)
    t.fit(x, x.sum(1), epochs=10, progress=False)
    assert t.history["loss"][-1] < t.history["loss"][0] / 5
    with pytest.raises(ValueError, match="sample or class weights need one loss per sample"):
        t.fit(x, x.sum(1), sample_weight=np.ones(200), progress=False)


def test_probabilities_of_classes():
    x, y = blobs()
    t = fitted(x, y)
    probabilities = t.predict_proba(x)
    assert probabilities.shape == (300, 3)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-6)
    assert (probabilities.argmax(1) == t.predict(x)).all()
    assert np.allclose(nn.functional.softmax(fastnet.from_numpy(t.decision_function(x)), 1).numpy(), probabilities)


# ---- weights --------------------------------------------------------------------------------------------------------

def test_weight_0_is_not_there():
    """Samples of weight 0 change nothing, in the weights and in the mean loss."""
    x, y = blobs(64)
    both, labels = np.concatenate([x, x + 1]), np.concatenate([y, (y + 1) % 3])
    order = np.arange(128).reshape(2, 4, 16).transpose(1, 0, 2).ravel()     # batches of 32, of which 16 count
    weight = np.repeat([1.0, 0.0], 64)[order]
    weighted = fitted(both[order], labels[order], sample_weight=weight, shuffle=False)
    alone = fitted(x, y, batch_size=16, shuffle=False)
    for a, b in zip(weighted.model.parameters(), alone.model.parameters()):
        assert np.allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-5)
    assert np.allclose(weighted.history["loss"], alone.history["loss"], atol=1e-5)


def test_class_weight_is_sample_weight():
    x, y = blobs(100)
    table = np.array([1.0, 2.0, 0.5])
    by_sample = fitted(x, y, sample_weight=table[y])
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, seed=0)
    for t in (fitted(x, y, class_weight={1: 2.0, 2: 0.5}), fitted(x, y, class_weight=table),
              fitted(loader, None, class_weight=table)):
        assert weights(t) == weights(by_sample)
    column = DataLoader(TensorDataset(x, y[:, None]), 32, shuffle=True, seed=0)
    assert weights(fitted(column, None, class_weight=table)) == weights(by_sample)
    balanced = {c: 100 / (3 * n) for c, n in enumerate(np.bincount(y))}
    assert weights(fitted(x, y, class_weight="balanced")) == weights(fitted(x, y, class_weight=balanced))


def test_class_weights_name_classes_of_the_targets():
    x, y = blobs(60)
    loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), 20)
    for arguments in ((x, y), (loader,), (x, np.eye(3, dtype=int)[y])):
        with pytest.raises(ValueError, match=r"names the class 7, expected classes of the targets: 0, 1, 2$"):
            trainer().fit(*arguments, class_weight={0: 1.0, 7: 2.0}, progress=False)


def test_class_weight_of_two_classes():
    x, y = blobs(100, classes=2)
    runs = []
    for target, class_weight in ((y, {1: 3.0}), (y.astype(float), {True: 3.0}), (y.astype(float)[:, None], [1.0, 3.0])):
        t = trainer(loss="binary_cross_entropy_with_logits", outputs=1)
        t.fit(x, target, epochs=1, class_weight=class_weight, progress=False)
        runs.append(weights(t))
    assert runs[0] == runs[1] == runs[2]


def test_weighted_loss_is_the_weighted_mean():
    x, y = blobs(100)
    t, weight = fitted(x, y), np.random.default_rng(0).uniform(0, 2, 100)
    each = nn.functional.cross_entropy(t.model(fastnet.from_numpy(x)), fastnet.from_numpy(y), reduction="none")
    expected = np.average(each.detach().numpy().astype(float), weights=weight)
    assert t.evaluate(x, y, batch_size=32, sample_weight=weight)["loss"] == pytest.approx(expected, rel=1e-5)


# ---- data that comes as it comes ------------------------------------------------------------------------------------

def test_frames_and_lists_and_doubles():
    pandas = pytest.importorskip("pandas")
    x, y = blobs(100)
    expected = weights(fitted(x, y))
    for xs, ys in ((x.astype(np.float64), y.astype(np.int32)), (x.tolist(), y.tolist()),
                   (pandas.DataFrame(x), pandas.Series(y)), (fastnet.from_numpy(x), fastnet.from_numpy(y)),
                   (x, y[:, None]), (np.asfortranarray(x), y)):
        assert weights(fitted(xs, ys)) == expected


def test_memory_mapped(tmp_path):
    x, y = blobs(100)
    np.save(tmp_path / "x.npy", x.astype(np.float64))
    assert weights(fitted(np.load(tmp_path / "x.npy", mmap_mode="r"), y)) == weights(fitted(x, y))


def test_double_model():
    x, y = blobs(100)
    t = trainer(model=perceptron().double())
    t.fit(x, y, epochs=2, progress=False)
    assert t.decision_function(x).dtype == np.float64


def test_validation_is_held_out_of_each_class():
    x, y = blobs(100)
    y[:90], y[90:] = 0, 1
    seen = []

    class Watch(fastnet.callbacks.Callback):
        def on_fit_begin(self, trainer):
            for source in (trainer._data, trainer._validation):
                seen.append(np.concatenate([target.numpy() for _, target, _ in source.epoch(0)]))

    fitted(x, y, validation_split=0.2, callbacks=[Watch()])
    assert [np.bincount(part).tolist() for part in seen] == [[72, 8], [18, 2]]


def test_validation_data():
    x, y = blobs(100)
    vx, vy = blobs(50, seed=9)
    t = fitted(x, y, validation_data=(vx, vy))
    again = t.evaluate(vx, vy)
    assert t.history["validation_loss"][-1] == pytest.approx(again["loss"], rel=1e-6)
    assert t.history["validation_accuracy"][-1] == again["accuracy"]
    loader = fitted(x, y, validation_data=DataLoader(TensorDataset(vx, vy), 1024))
    assert without_seconds(loader.history) == without_seconds(t.history)


def test_loaders_of_other_kinds():
    x, y = blobs(96)
    expected = weights(fitted(x, y, shuffle=False))
    for labels in (y.astype(np.int32), y.astype(np.uint8), y[:, None]):
        batches = batches_of([(x[i:i + 32].astype(np.float64), labels[i:i + 32]) for i in range(0, 96, 32)])
        assert weights(fitted(batches, None)) == expected
    t = fitted(x, y)
    values = t.decision_function(x)
    for given in (DataLoader(TensorDataset(x.astype(np.float64)), 40), batches_of([x[:50], x[50:]]), (x,), x.tolist()):
        assert np.allclose(t.decision_function(given), values, atol=1e-6)
    with pytest.raises(ValueError, match="nothing to predict: the loader gave no batch"):
        t.predict(batches_of([]))


def test_torch_loaders():
    torch = pytest.importorskip("torch")
    x, y = blobs(96)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(dataset, 32)
    assert weights(fitted(loader, None)) == weights(fitted(x, y, shuffle=False))

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(dataset)

    stream = torch.utils.data.DataLoader(Stream(), 32)
    assert weights(fitted(stream, None)) == weights(fitted(x, y, shuffle=False))


def test_probabilities_as_targets():
    """They are trained on and measured by the likeliest class."""
    x, y = blobs()
    t = fitted(x, np.eye(3)[y].astype(np.float32), epochs=6)
    assert t.history["accuracy"][-1] > 0.9
    assert t.evaluate(x, np.eye(3)[y])["accuracy"] == np.mean(t.predict(x) == y)


def test_ignored_labels():
    x, y = blobs(100)
    y[:50] = -100
    t = trainer(metrics=())
    t.fit(x, y, epochs=1, batch_size=100, progress=False, shuffle=False)
    expected = nn.functional.cross_entropy(perceptron()(fastnet.from_numpy(x[50:])), fastnet.from_numpy(y[50:])).item()
    assert t.history["loss"][0] == pytest.approx(expected, rel=1e-5)


# ---- what is changed in between -------------------------------------------------------------------------------------

def test_another_optimizer_and_other_metrics():
    x, y = blobs(100)
    t = fitted(x, y)
    before = weights(t)
    t.optimizer = optim.SGD(t.model.parameters(), lr=0.0)
    t.metrics = [fastnet.metrics.get("f1")]
    t.fit(x, y, epochs=1, progress=False)
    assert weights(t) == before
    assert t.history[-1]["f1"] > 0
    assert t.evaluate(x, y).keys() == {"loss", "f1"}


def test_another_dropout():
    class NoMore(fastnet.callbacks.Callback):
        def on_epoch_end(self, trainer):
            trainer.model[2].p = 1.0

    x, y = blobs(100)
    t = trainer(dropout=0.1)
    t.fit(x, y, epochs=2, progress=False, callbacks=[NoMore()])
    assert t.history["accuracy"][1] < 0.6                   # with dropout 1.0 the model gets no input


# ---- copies ---------------------------------------------------------------------------------------------------------

def test_copies_continue_with_the_same_bits():
    x, y = blobs(100)
    t = fitted(x, y, dropout=0.2)
    copies = [copy.deepcopy(t), pickle.loads(pickle.dumps(t)), t]
    state = fastnet.get_rng_state()
    for each in copies:
        fastnet.set_rng_state(state)
        each.fit(x, y, epochs=1, progress=False)
    assert weights(copies[0]) == weights(copies[1]) == weights(t)


def test_repr():
    t = fastnet.Trainer(perceptron(), "sgd", lr=0.5, loss="cross_entropy", metrics=["accuracy"])
    count = sum(p.numel() for p in t.model.parameters())
    assert repr(t) == (f"Trainer(model=Sequential, parameters={count}, optimizer=SGD, lr=0.5, "
                       f"loss={t.loss.function!r}, metrics=['accuracy'], epoch=0)")
    assert repr(t.loss) == f"Loss(function={t.loss.function!r}, task='classification')"
    assert repr(t.history) == "History(epochs=0)"
    history = t.fit(*blobs(100), epochs=2, progress=False)
    assert repr(history) == f"History(epochs=2, loss={history['loss'][-1]:.6g}, accuracy={history['accuracy'][-1]:.6g})"
    assert repr(t).endswith("epoch=2)") and repr(t.running).startswith("RunningResults(samples=100, loss=")
