"""Embedding: rows and gradients against PyTorch, and pretrained tables."""
import numpy as np
import pytest
from torch_tools import to_torch

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(11)
X = rng.standard_normal((6, 5))


def test_embedding():
    torch = pytest.importorskip("torch")
    index = np.array([[0, 2, 2], [4, 0, 1]])
    ours, theirs = nn.Embedding(5, 3, padding_idx=-4), torch.nn.Embedding(5, 3, padding_idx=-4)
    assert ours.padding_idx == theirs.padding_idx == 1 and not ours.weight.detach().numpy()[1].any()
    theirs.load_state_dict(to_torch(ours.state_dict()))
    a, b = ours(fastnet.tensor(index)), theirs(torch.tensor(index))
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    g = rng.standard_normal(a.shape).astype("float32")
    a.backward(fastnet.tensor(g)), b.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-6)
    assert not ours.weight.grad.numpy()[1].any()
    assert "5, 3, padding_idx=1" in repr(ours)


def test_embedding_from_pretrained():
    table = fastnet.tensor(X.astype("float32"))
    layer = nn.Embedding.from_pretrained(table, padding_idx=-1)
    assert not layer.weight.requires_grad and layer.num_embeddings == 6 and layer.padding_idx == 5
    assert (layer(fastnet.tensor([5, 2])) == table[[5, 2]]).all()
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    for kind in (nn.Embedding, nn.EmbeddingBag):
        with pytest.raises(ValueError, match=r"from_pretrained: expected a tensor of two dimensions, got \(6,\)"):
            kind.from_pretrained(table[:, 0])


def test_embedding_bag_from_pretrained(tmp_path):
    table = fastnet.tensor(X.astype("float32"))
    layer = nn.EmbeddingBag.from_pretrained(table, mode="sum", padding_idx=-1)
    assert not layer.weight.requires_grad and layer.num_embeddings == 6 and layer.padding_idx == 5
    bags = fastnet.tensor([[0, 2], [5, 1]])
    assert (layer(bags) == fastnet.stack([table[0] + table[2], table[1]])).all()
    assert (layer.weight == table).all()
    assert nn.EmbeddingBag.from_pretrained(table, freeze=False).weight.requires_grad
    layer.save(tmp_path / "bag.safetensors")
    assert (fastnet.load(tmp_path / "bag.safetensors")(bags) == layer(bags)).all()
    assert (nn.EmbeddingBag(*table.shape, _weight=table).weight == table).all()
    with pytest.raises(ValueError, match=r"EmbeddingBag: expected _weight of shape \(7, 2\), got "):
        nn.EmbeddingBag(7, 2, _weight=table)
