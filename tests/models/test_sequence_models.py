"""Keyword networks and the temporal convolutional network: shapes, causality, gradients, PyTorch, model files."""
import numpy as np
import pytest
from gradcheck import gradcheck

import fastnet
from fastnet import models


def signal(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def test_ds_cnn_takes_any_size():
    model = models.ds_cnn(5, channels=8).eval()
    for shape in ((49, 10), (51, 40), (3, 3)):
        assert model(fastnet.zeros(2, 1, *shape)).shape == (2, 5)
    gradcheck(models.ds_cnn(3, channels=4).double().eval(), fastnet.tensor(signal(2, 1, 12, 9)))


def test_gru_kws():
    model = models.gru_kws(5, 2, 10, 8, 2, 0.1).eval()
    assert model(fastnet.zeros(3, 2, 30, 10)).shape == (3, 5)
    with pytest.raises(RuntimeError, match=r"expected an input \(N, 2, frames, 10\), got \(3, 1, 30, 10\)"):
        model(fastnet.zeros(3, 1, 30, 10))
    gradcheck(models.gru_kws(3, 1, 4, 5).double().eval(), fastnet.tensor(signal(2, 1, 6, 4)))


def test_tcn_is_causal():
    model = models.tcn(2, 3, (8, 8, 8), 3, sequence=True).eval()
    assert model.receptive_field == 29
    x = fastnet.tensor(signal(1, 2, 60)).float()
    y = model(x)
    later = x.clone()
    with fastnet.no_grad():
        later[..., 40:] = 7.0
    z = model(later)
    np.testing.assert_array_equal(y[..., :40].detach().numpy(), z[..., :40].detach().numpy())
    earlier = x.clone()
    with fastnet.no_grad():
        earlier[..., :60 - model.receptive_field] = 7.0
    np.testing.assert_array_equal(y[..., -1].detach().numpy(), model(earlier)[..., -1].detach().numpy())


def test_tcn_returns_the_last_step():
    model = models.tcn(2, 3, (4, 4), 2).eval()
    x = fastnet.tensor(signal(5, 2, 11)).float()
    whole = models.tcn(2, 3, (4, 4), 2, sequence=True).eval()
    whole.load_state_dict(model.state_dict())
    np.testing.assert_allclose(model(x).detach().numpy(), whole(x)[..., -1].detach().numpy(), atol=1e-6)
    with pytest.raises(ValueError, match="at least one block"):
        models.tcn(channels=())


def test_tcn_against_torch():
    torch = pytest.importorskip("torch")
    model = models.tcn(2, 3, (4, 5), 3, dropout=0.0).double()
    x = fastnet.tensor(signal(2, 2, 20), requires_grad=True)
    state = {name: torch.tensor(value.numpy()) for name, value in model.state_dict().items()}
    t = torch.tensor(x.detach().numpy(), requires_grad=True)
    h = t
    F = torch.nn.functional
    for i in range(2):
        def conv(name, x, dilation, i=i):
            weight, bias = (state[f"network.{i}.{name}.{part}"] for part in ("weight", "bias"))
            return F.conv1d(x, weight, bias, dilation=dilation)
        d, y = 1 << i, h
        for name in ("conv1", "conv2"):
            y = F.relu(conv(name, F.pad(y, (2 * d, 0)), d))
        h = F.relu(y + conv("downsample", h, 1))
    expected = F.linear(h[..., -1], state["linear.weight"], state["linear.bias"])
    got = model(x)
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=0, atol=1e-12)
    got.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: models.ds_cnn(4, 2, 8, 0.3), lambda: models.tcn(2, 3, (4, 6), 3, 0.1, True),
                                  lambda: models.gru_kws(4, 2, 10, 8, 2, 0.1)])
def test_model_files(make, tmp_path):
    model = make()
    model.save(tmp_path / "m.safetensors")
    loaded = fastnet.load(tmp_path / "m.safetensors")
    assert type(loaded) is type(model)
    for name, value in model.state_dict().items():
        assert (loaded.state_dict()[name] == value).all()
