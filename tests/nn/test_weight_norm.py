"""Weight normalization beside PyTorch's."""
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import nn


@pytest.mark.parametrize("dim", [0, 1, None])
def test_values_and_gradients_are_torchs(dim):
    torch = pytest.importorskip("torch")
    ours = nn.utils.weight_norm(nn.Conv1d(3, 4, 2), dim=dim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.nn.utils.weight_norm(torch.nn.Conv1d(3, 4, 2), dim=dim)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(x.numpy()) for name, x in ours.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((2, 3, 5)).astype("float32")
    y, z = ours(fastnet.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-4, atol=1e-5)
    y.square().sum().backward()
    z.square().sum().backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-4, atol=1e-4, err_msg=name)


def test_a_weight_is_normalized_once_and_can_be_restored():
    layer = nn.Linear(3, 2)
    before = layer.weight.tolist()
    nn.utils.weight_norm(layer)
    with pytest.raises(RuntimeError, match="normalized already"):
        nn.utils.weight_norm(layer)
    nn.utils.remove_weight_norm(layer)
    np.testing.assert_allclose(layer.weight.tolist(), before, rtol=1e-6)
    assert isinstance(layer.weight, nn.Parameter) and layer(fastnet.ones(1, 3)).shape == (1, 2)
    with pytest.raises(ValueError, match="not normalized"):
        nn.utils.remove_weight_norm(layer)
