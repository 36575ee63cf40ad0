"""Layers that find the number of their inputs at the first call, and dictionaries of parameters."""
import numpy as np
import pytest

import fastnet
from fastnet import nn

LAYERS = {
    "LazyLinear": ((3,), (2, 5)),
    **{f"LazyConv{d}d": ((4, 2), (2, 5, *(4,) * d)) for d in (1, 2, 3)},
    **{f"LazyConvTranspose{d}d": ((4, 2), (2, 5, *(4,) * d)) for d in (1, 2, 3)},
    **{f"LazyBatchNorm{d}d": ((), (2, 5, *(4,) * d)) for d in (1, 2, 3)},
    **{f"LazyInstanceNorm{d}d": ((), (2, 5, *(4,) * d)) for d in (1, 2, 3)},
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_first_call_makes_the_layer(name):
    arguments, shape = LAYERS[name]
    layer = getattr(nn, name)(*arguments)
    before = list(layer.parameters())
    assert all(isinstance(p, nn.UninitializedParameter) for p in before)
    x = fastnet.randn(*shape)
    y = layer(x)
    plain = getattr(nn, name.removeprefix("Lazy"))(5, *arguments)
    assert type(layer) is type(plain) and repr(layer) == repr(plain)
    assert [id(p) for p in layer.parameters()] == [id(p) for p in before]
    assert not any(isinstance(p, nn.UninitializedParameter) for p in before)
    layer2 = getattr(nn, name.removeprefix("Lazy"))(5, *arguments)
    layer2.load_state_dict(layer.state_dict())
    assert layer2(x).shape == y.shape
    np.testing.assert_allclose(layer.eval()(x).detach().numpy(), layer2.load_state_dict(layer.state_dict()) and
                               layer2.eval()(x).detach().numpy())


def test_an_optimizer_made_before_the_first_call_updates_the_parameters():
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(1))
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1)
    x = fastnet.randn(8, 3)
    loss = model(x).square().mean()
    loss.backward()
    optimizer.step()
    assert model(x).square().mean().item() < loss.item()


def test_a_wrong_number_of_dimensions():
    with pytest.raises(RuntimeError, match="LazyConv2d: expected 4 dimensions, or 3 without a batch"):
        nn.LazyConv2d(3, 1)(fastnet.ones(2, 3))


def test_a_dictionary_of_parameters():
    d = nn.ParameterDict({"a": fastnet.ones(2)})
    d["b"] = nn.Parameter(fastnet.zeros(1))
    assert list(d) == ["a", "b"] and len(d) == 2 and "a" in d and d.get("c") is None
    assert [name for name, _ in d.named_parameters()] == ["a", "b"] and list(d.state_dict()) == ["a", "b"]
    assert d.pop("a").shape == (2,) and list(d.keys()) == ["b"]
    merged = d | nn.ParameterDict({"c": fastnet.ones(3)})
    assert list(merged) == ["b", "c"] and merged["b"] is d["b"]
    with pytest.raises(KeyError):
        d["a"]
    d.clear()
    assert not list(d.parameters())
