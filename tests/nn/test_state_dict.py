"""state_dict: to PyTorch and back, and errors for mismatches."""
from collections import OrderedDict

import numpy as np
import pytest
from module_tools import assert_equal, model, values
from torch_tools import to_torch

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


def both():
    """The same network in fastnet and PyTorch."""
    torch = pytest.importorskip("torch")

    def build(f):
        return f.nn.Sequential(OrderedDict(
            embed=f.nn.Embedding(7, 4, padding_idx=2), flat=f.nn.Flatten(), one=f.nn.Linear(12, 5),
            norm=f.nn.BatchNorm1d(5), act=f.nn.GELU(), layer=f.nn.LayerNorm(5), rms=f.nn.RMSNorm(5),
            out=f.nn.Sequential(f.nn.Linear(5, 3, bias=False), f.nn.BatchNorm1d(3, affine=False))))
    return build(fastnet), build(torch), torch


def test_weights_move_to_pytorch_and_back():
    ours, theirs, torch = both()
    index = np.array([[0, 1, 2], [3, 4, 5], [6, 6, 0], [1, 1, 1]])
    assert {k: tuple(v.shape) for k, v in theirs.state_dict().items()} == {
        k: v.shape for k, v in ours.state_dict().items()}
    assert list(theirs.state_dict()) == list(ours.state_dict())
    ours(fastnet.tensor(index))                              # updates the running statistics
    theirs.load_state_dict(to_torch(ours.state_dict()))
    for mode in (True, False):
        a, b = ours.train(mode)(fastnet.tensor(index)), theirs.train(mode)(torch.tensor(index))
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-5)
    other, _, _ = both()
    keys = other.load_state_dict(theirs.state_dict())
    assert repr(keys) == "<All keys matched successfully>"
    for k, v in theirs.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[k].numpy(), v.numpy(), err_msg=k)
    assert other.state_dict()["norm.num_batches_tracked"].dtype == fastnet.int64


def test_state_dict_shares_memory_and_loading_does_not_move_it():
    m = model()
    state = m.state_dict()
    assert state["2.weight"].data_ptr() == m[2].weight.data_ptr() and not state["2.weight"].requires_grad
    assert m.state_dict(keep_vars=True)["2.weight"] is m[2].weight
    assert next(iter(m.state_dict(prefix="net."))) == "net.0.scale"
    destination = {}
    assert m.state_dict(destination=destination) is destination and len(destination) == len(state)
    addresses = {k: v.data_ptr() for k, v in state.items()}
    versions = {k: v._storage.version for k, v in m.named_parameters()}
    other = model()
    m.load_state_dict(other.state_dict())
    assert_equal(values(m), values(other))
    assert {k: v.data_ptr() for k, v in m.state_dict().items()} == addresses
    assert all(p._storage.version > versions[k] for k, p in m.named_parameters())


def test_loading_takes_arrays_and_other_dtypes():
    m, other = model(), model()
    m.load_state_dict({k: v.astype("float64") if v.dtype.kind == "f" else v for k, v in values(other).items()})
    assert_equal(values(m), values(other))
    assert m[2].weight.dtype == fastnet.float32


def test_loading_over_a_weight_saved_for_backward_is_an_error():
    layer = nn.Linear(3, 3)
    y = layer(layer(fastnet.ones(2, 3)))
    layer.load_state_dict(nn.Linear(3, 3).state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_mismatches_are_listed_and_nothing_is_loaded():
    m = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = values(m)
    state = {"0.weight": np.ones((4, 3), "float32"), "0.bias": np.ones(5), "1.weight": np.ones((3, 4)),
             "2.x": np.ones(1)}
    with pytest.raises(RuntimeError) as e:
        m.load_state_dict(state)
    for words in ("Sequential", "Missing key(s) in state_dict: '1.bias'", "Unexpected key(s) in state_dict: '2.x'",
                  "size mismatch for 0.bias: the state_dict has shape (5,), the model (4,)",
                  "size mismatch for 1.weight: the state_dict has shape (3, 4), the model (2, 4)"):
        assert words in str(e.value)
    assert_equal(values(m), before)
    with pytest.raises(RuntimeError, match="size mismatch"):
        m.load_state_dict(state, strict=False)
    del state["0.bias"], state["1.weight"]
    keys = m.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["0.bias", "1.weight", "1.bias"] and keys.unexpected_keys == ["2.x"]
    assert "missing_keys" in repr(keys)
    assert (m[0].weight == 1).all() and (m[1].weight == fastnet.tensor(before["1.weight"])).all()
    with pytest.raises(TypeError, match=r"mapping.*list"):
        m.load_state_dict([])
    with pytest.raises(TypeError, match=r"'0.weight'.*complex"):
        m.load_state_dict({"0.weight": np.ones((4, 3), complex)}, strict=False)
