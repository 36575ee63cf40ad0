"""Dropout and its variants: the share that is dropped, the scale of the rest, whole channels, errors."""
import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


def test_dropout():
    layer = nn.Dropout(0.3)
    x = fastnet.ones(10000, requires_grad=True)
    y = layer(x)
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - 0.7) < 0.03
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / 0.7, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert not (layer(x) == y).all()
    assert layer.eval()(x) is x
    z = fastnet.ones(100)
    assert nn.Dropout(0.5, inplace=True)(z) is z and not z.numpy().all()
    with pytest.raises(ValueError, match=r"-0\.1"):
        nn.Dropout(-0.1)


CHANNELS = {
    "Dropout1d": (100, 50, 3), "Dropout1d-unbatched": (5000, 3), "Dropout2d": (100, 50, 2, 3),
    "Dropout2d-sequences": (100, 50, 3), "Dropout3d": (100, 50, 2, 1, 3), "Dropout3d-unbatched": (5000, 2, 1, 3),
    "FeatureAlphaDropout": (100, 50, 2, 3)}


@pytest.mark.filterwarnings("ignore:dropout2d")
@pytest.mark.parametrize("name", CHANNELS)
def test_dropout_of_channels(name):
    layer, shape = getattr(nn, name.partition("-")[0])(0.3), CHANNELS[name]
    channels = 1 if "unbatched" in name else 2
    x = fastnet.randn(*shape).requires_grad_()
    y = layer(x)
    y.sum().backward()
    factors = x.grad.numpy().reshape(*shape[:channels], -1)
    assert (factors == factors[..., :1]).all()                  # one for a channel
    assert len(np.unique(factors)) == 2 and abs((factors != 0).mean() - 0.7) < 0.03
    if not name.startswith("Feature"):
        np.testing.assert_allclose(factors.max(), 1 / 0.7, rtol=1e-6)
        np.testing.assert_array_equal(y.detach().numpy(), (x * x.grad).detach().numpy())
    assert layer.eval()(x) is x
    step = fastnet.compile(layer.train())
    z = fastnet.ones(*shape)
    assert not (step(z) == step(z)).all()
    changed = getattr(nn, name.partition("-")[0])(0.5, inplace=True)(z)
    assert changed is z and len(np.unique(z.numpy())) == 2


def test_alpha_dropout_keeps_mean_and_variance():
    x = fastnet.randn(200000)
    y = nn.AlphaDropout(0.2)(x).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.03
    scale = ((1 - 0.2) * (1 + 0.2 * 1.7580993408473766 ** 2)) ** -0.5
    dropped = np.isclose(y, -scale * 1.7580993408473766 * 0.8, rtol=1e-5)
    assert abs(dropped.mean() - 0.2) < 0.01
    np.testing.assert_allclose(y[~dropped], scale * x.numpy()[~dropped] + scale * 1.7580993408473766 * 0.2, atol=1e-5)


def test_dimensions_of_dropout_are_pytorchs():
    with pytest.raises(RuntimeError, match=r"dropout1d: expected an input of shape .*, got \(1, 2, 3, 4\)"):
        nn.Dropout1d()(fastnet.zeros(1, 2, 3, 4))
    with pytest.warns(UserWarning, match=r"taken as \(N, C, L\)"):
        nn.Dropout2d()(fastnet.zeros(2, 3, 4))
    with pytest.warns(UserWarning, match=r"dropout2d: expected .* got \(2, 3\)"):
        nn.Dropout2d()(fastnet.zeros(2, 3))
    with pytest.warns(UserWarning, match="dropout3d: expected"):
        nn.Dropout3d()(fastnet.zeros(2, 3))
    with pytest.raises(RuntimeError, match=r"feature_alpha_dropout: .*got \(3,\)"):
        nn.FeatureAlphaDropout()(fastnet.zeros(3))
