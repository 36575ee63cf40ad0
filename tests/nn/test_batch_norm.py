"""Running statistics of batch norm, and changes in place before backward."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(11)
X, BOX = rng.standard_normal((6, 5)), rng.standard_normal((3, 5, 4))


def test_running_statistics():
    x = fastnet.tensor(X.astype("float32"))
    layer = nn.BatchNorm1d(5, momentum=0.25)
    layer(x)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.25 * X.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.75 + 0.25 * X.var(0, ddof=1), rtol=1e-5)
    assert int(layer.num_batches_tracked) == 1
    before = layer.running_mean.numpy().copy()
    layer.eval()(x)
    np.testing.assert_array_equal(layer.running_mean.numpy(), before)
    average = nn.BatchNorm1d(5, momentum=None)
    for rows in (X[:3], X[3:], X):
        average(fastnet.tensor(rows.astype("float32")))
    np.testing.assert_allclose(average.running_mean.numpy(), np.mean([X[:3].mean(0), X[3:].mean(0), X.mean(0)], 0),
                               rtol=1e-4, atol=1e-6)
    average.reset_running_stats()
    assert not average.running_mean.numpy().any() and (average.running_var == 1).all()
    assert int(average.num_batches_tracked) == 0


def test_statistics_that_backward_needs_are_guarded():
    layer = nn.BatchNorm1d(5).eval()
    y = layer(fastnet.tensor(X.astype("float32"), requires_grad=True))
    layer.reset_running_stats()
    with pytest.raises(RuntimeError, match="batch_norm: argument 4 was changed in place"):
        y.sum().backward()
    x = fastnet.tensor(BOX, requires_grad=True)
    scaled = x * 1
    y = F.layer_norm(scaled, (5, 4))
    with fastnet.no_grad():
        scaled.zero_()
    with pytest.raises(RuntimeError, match="layer_norm: argument 1 was changed in place"):
        y.sum().backward()
