"""Embedding against PyTorch: bounded rows, gradients by frequency, padding."""
import math

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend")

TABLE = np.random.default_rng(2).standard_normal((6, 4)).astype(np.float32)
TOKENS = [[0, 2, 2], [5, 0, 0]]
OPTIONS = [{"max_norm": 1.0}, {"max_norm": 1.5, "norm_type": 1.0}, {"max_norm": 0.3, "norm_type": math.inf},
           {"max_norm": 0.0}, {"scale_grad_by_freq": True}, {"scale_grad_by_freq": True, "padding_idx": 0},
           {"max_norm": 1.0, "norm_type": 3, "scale_grad_by_freq": True, "sparse": False, "padding_idx": -1}]


def results(f, options, tokens=TOKENS):
    """(rows, the table afterwards, its gradient) of a layer of the namespace `f`."""
    layer = f.nn.Embedding.from_pretrained(f.tensor(TABLE), freeze=False, **options)
    rows = layer(f.tensor(tokens))
    (rows * rows.detach().cos()).sum().backward()
    return [x.detach().numpy() for x in (rows, layer.weight, layer.weight.grad)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_is_pytorchs(torch, options):
    for ours, theirs in zip(results(fastnet, options), results(torch, options)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_is_recorded(options):
    layer = fastnet.nn.Embedding(6, 4, **options)
    plain = fastnet.nn.Embedding.from_pretrained(layer.weight, freeze=False, **options)

    def step(model, tokens):
        model.weight.grad = None
        model(tokens).sum().backward()
        return model.weight.detach().clone(), model.weight.grad.clone()
    compiled = fastnet.compile(lambda tokens: step(layer, tokens))
    for tokens in (TOKENS, [[1, 1, 2], [3, 4, 4]], [[5, 5, 5], [5, 5, 5]]):
        for a, b in zip(compiled(fastnet.tensor(tokens)), step(plain, fastnet.tensor(tokens))):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_rows_within_the_bound_keep_their_bits():
    table = fastnet.tensor(TABLE)
    before = table.clone()
    fastnet.nn.functional.embedding(fastnet.tensor([1, 3]), table, max_norm=100.0)
    assert fastnet.equal(table, before)


@pytest.mark.parametrize("make", [
    lambda **options: fastnet.nn.Embedding(6, 4, **options),
    lambda **options: fastnet.nn.Embedding.from_pretrained(fastnet.tensor(TABLE), **options),
    lambda **options: fastnet.nn.functional.embedding(fastnet.tensor([0]), fastnet.tensor(TABLE), **options)])
def test_wrong_options(make):
    for row in (6, 100, -7):
        with pytest.raises(ValueError, match=f"expected padding_idx from -6 to 5, got {row}"):
            make(padding_idx=row)
    for bound in (-1.0, math.nan):
        with pytest.raises(ValueError, match=f"max_norm to be None, or 0 or more, got {bound}"):
            make(max_norm=bound)
    make(padding_idx=-6)


def test_a_token_out_of_range_leaves_the_table_alone():
    table = fastnet.tensor(TABLE)
    for token in (-1, 6):
        with pytest.raises(IndexError):
            fastnet.nn.functional.embedding(fastnet.tensor([0, token]), table, max_norm=0.1)
    np.testing.assert_array_equal(table.numpy(), TABLE)


def test_options_are_saved_and_shown(tmp_path):
    layer = fastnet.nn.Embedding(6, 4, 1, max_norm=1.5, norm_type=3.0, scale_grad_by_freq=True)
    assert "padding_idx=1, max_norm=1.5, norm_type=3.0, scale_grad_by_freq=True" in repr(layer)
    fastnet.nn.Sequential(layer).save(tmp_path / "model.safetensors")
    loaded = fastnet.load(tmp_path / "model.safetensors")[0]
    assert (loaded.max_norm, loaded.norm_type, loaded.scale_grad_by_freq) == (1.5, 3.0, True)
