"""Scaled dot-product attention: options, layouts and errors, compared with PyTorch."""
import numpy as np
import pytest
from kernel_tools import ISAS, built, instruction_set, threaded
from torch_tools import compare

import fastnet
from fastnet.backend import use_backend

F = fastnet.nn.functional
LENGTHS = ((1, 1), (7, 20), (64, 64), (70, 131), (150, 75))
RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.standard_normal(shape)


def attention(**options):
    return lambda f, q, k, v, *mask: f.nn.functional.scaled_dot_product_attention(q, k, v, *mask, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("queries, keys", LENGTHS)
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}], ids=str)
def test_options(dtype, queries, keys, options):
    compare(attention(**options), draw(2, 3, queries, 24), draw(2, 3, keys, 24), draw(2, 3, keys, 17), dtype=dtype)


@pytest.mark.parametrize("shape", [(2, 4, 7, 20), (2, 1, 1, 20), (4, 7, 20), (7, 20), (1, 20), (4, 7, 1)], ids=str)
@pytest.mark.parametrize("kind", ["bool", "float"])
def test_masks(shape, kind):
    mask = draw(*shape)
    if kind == "bool":
        mask = mask > -0.7
        mask[..., 0] = True
    compare(attention(), draw(2, 4, 7, 8), draw(2, 4, 20, 8), draw(2, 4, 20, 12), mask)


@pytest.mark.parametrize("shapes", [
    ((7, 8), (9, 8), (9, 5)), ((3, 7, 8), (3, 9, 8), (3, 9, 5)), ((2, 2, 3, 7, 8), (2, 2, 3, 9, 8), (2, 2, 3, 9, 5)),
    ((2, 3, 7, 8), (1, 3, 9, 8), (2, 1, 9, 5))], ids=str)
def test_dimensions(shapes):
    compare(attention(), *(draw(*s) for s in shapes))


@pytest.mark.parametrize("causal", [False, True])
def test_shared_heads(causal):
    compare(attention(enable_gqa=True, is_causal=causal), draw(2, 6, 33, 8), draw(2, 2, 33, 8), draw(2, 2, 33, 5))


def test_a_query_that_attends_to_nothing():
    q, k, v = (fastnet.tensor(draw(1, 2, 3, 4), requires_grad=True) for _ in range(3))
    mask = fastnet.ones(3, 3, dtype=fastnet.bool)
    mask[1] = False
    out = F.scaled_dot_product_attention(q, k, v, mask)
    out.sum().backward()
    assert np.all(out.detach().numpy()[:, :, 1] == 0) and np.all(q.grad.numpy()[:, :, 1] == 0)
    assert all(np.isfinite(x.grad.numpy()).all() for x in (q, k, v))


def split_heads(f, x):
    """The heads of a (B, T, 3 * 4 * 8) product, as views."""
    q, k, v = (z.reshape(2, 50, 4, 8).transpose(1, 2) for z in x.split(32, 2))
    y = f.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return y.transpose(1, 2).reshape(2, 50, 32)


def test_views_of_one_product():
    compare(split_heads, draw(2, 50, 96))
    x = fastnet.tensor(draw(2, 50, 96))
    q, k, v = (z.reshape(2, 50, 4, 8).transpose(1, 2) for z in x.split(32, 2))
    assert F.scaled_dot_product_attention(q, k, v).transpose(1, 2).is_contiguous()


def steps(heads=4, compiled=False, count=1):
    """The results and gradients of steps with dropout and a mask, as arrays."""
    fastnet.manual_seed(3)
    rng = np.random.default_rng(1)
    weights = [fastnet.nn.Parameter(fastnet.tensor(rng.standard_normal((2, heads, 150, 16)).astype("float32")))
               for _ in range(3)]
    mask = fastnet.tensor(rng.standard_normal((150, 150)).astype("float32"))

    def step():
        for x in weights:
            x.grad = None
        out = F.scaled_dot_product_attention(*weights, mask, 0.3)
        (out * out).sum().backward()
        return out

    run = fastnet.compile(step) if compiled else step
    return [x.detach().numpy().copy() for _ in range(count) for x in (run(), *(w.grad for w in weights))]


def assert_same(a, b):
    assert [x.tobytes() for x in a] == [x.tobytes() for x in b]


@built
@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("isa", ISAS)
def test_same_bits(isa, heads):
    with instruction_set(isa):
        with threaded(1):
            expected = steps(heads, count=2)
        for threads in (2, 3, 8):
            with threaded(threads):
                assert_same(expected, steps(heads, count=2))
        assert_same(expected, steps(heads, compiled=True, count=2))         # a recording, and a replay


def test_both_backends_drop_the_same_weights():
    with use_backend("numpy"):
        expected = steps()
    for a, b in zip(expected, steps(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_dropout_keeps_the_mean():
    fastnet.manual_seed(0)
    q = fastnet.zeros(4, 8, 64, 8)
    out = F.scaled_dot_product_attention(q, q, fastnet.ones(4, 8, 64, 8), dropout_p=0.4)
    assert abs(float(out.mean()) - 1) < 0.02
    assert float(F.scaled_dot_product_attention(q, q, q + 1, dropout_p=1.0).abs().max()) == 0


@pytest.mark.parametrize("change, message", [
    ({"key": (1, 2, 5, 9)}, r"got shapes \(1, 2, 3, 8\), \(1, 2, 5, 9\)"),
    ({"value": (1, 2, 6, 4)}, r"got shapes"),
    ({"key": (1, 3, 5, 8)}, "do not broadcast"),
    ({"attn_mask": (3, 6)}, r"broadcast to \(1, 2, 3, 5\), got shape \(3, 6\)"),
    ({"attn_mask": (3, 5), "is_causal": True}, "either attn_mask or is_causal"),
    ({"dropout_p": 1.5}, "between 0 and 1"),
    ({"enable_gqa": True, "key": (1, 4, 5, 8)}, "to divide that of query"),
])
def test_errors(change, message):
    arguments = {"query": (1, 2, 3, 8), "key": (1, 2, 5, 8), "value": (1, 2, 5, 4), **change}
    arguments = {name: fastnet.zeros(*x) if isinstance(x, tuple) else x for name, x in arguments.items()}
    with pytest.raises((RuntimeError, ValueError), match=message):
        F.scaled_dot_product_attention(**arguments)


def test_error_of_a_mask_of_integers():
    x = fastnet.zeros(1, 1, 2, 2)
    with pytest.raises(RuntimeError, match="expected attn_mask of dtype bool or float32, got int64"):
        F.scaled_dot_product_attention(x, x, x, fastnet.zeros(2, 2, dtype=fastnet.int64))
