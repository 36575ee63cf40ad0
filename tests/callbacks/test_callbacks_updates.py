"""Callbacks that change the update: accumulation, clipping, averaged weights."""
import numpy as np
import pytest
from training_tools import blobs, fitted, perceptron, trainer, weights

import fastnet
from fastnet import callbacks as c, nn, optim


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


@pytest.mark.parametrize("use_buffers", [True, False])
def test_averaged_statistics_of_batch_norm(use_buffers):
    """By default they are averaged as the weights are; the training itself has the raw ones in both cases."""
    class Statistics(c.Callback):
        def __init__(self):
            self.values = []

        def on_batch_end(self, trainer):
            norm = trainer.model[1]
            self.values.append(np.stack([norm.running_mean.numpy(), norm.running_var.numpy()]).astype(float))

    def network():
        fastnet.manual_seed(1)
        return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    seen, raw, average = Statistics(), Statistics(), np.stack([np.zeros(16), np.ones(16)])
    x, y = blobs(100)
    t = fitted(x, y, make=lambda: trainer(model=network()), epochs=2, validation_split=0.1,
               callbacks=[c.ExponentialMovingAverage(0.9, use_buffers), seen])
    fitted(x, y, make=lambda: trainer(model=network()), epochs=2, validation_split=0.1, callbacks=[raw])
    np.testing.assert_array_equal(seen.values, raw.values)
    for at in seen.values:
        average = 0.9 * average + 0.1 * at
    norm = t.model[1]
    expected = average if use_buffers else seen.values[-1]
    np.testing.assert_allclose([norm.running_mean.numpy(), norm.running_var.numpy()], expected, rtol=1e-5, atol=1e-6)
    assert int(norm.num_batches_tracked) == len(seen.values)


def test_statistics_are_averaged_with_masks_and_frozen_layers():
    """A mask of pruning is not averaged, and does not shift which statistics count as frozen."""
    fastnet.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    fastnet.prune.l1_unstructured(model[0], "weight", 2)
    fastnet.transfer.freeze(model, "1")
    x, y = blobs(100)
    t = fitted(x, y, make=lambda: trainer(model=model), epochs=1, callbacks=[c.ExponentialMovingAverage(0.999)])
    frozen, learning = t.model[1], t.model[3]
    assert not frozen.running_mean.any() and (frozen.running_var == 1).all()
    assert learning.running_mean.any() and abs(learning.running_mean.numpy()).max() < 0.05


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
