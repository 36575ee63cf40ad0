"""Pooling against PyTorch: options, positions, NaN, layouts, single images, errors; recordings and memory."""
import itertools

import numpy as np
import pytest

import fastnet
from fastnet.functional.windows import Windows, sliding
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(3)
SHAPES = {1: ((2, 3, 9), (1, 17, 6)), 2: ((2, 3, 7, 6), (1, 17, 5, 8)), 3: ((1, 3, 5, 4, 6), (2, 5, 4, 5, 3))}
# kernel, stride, padding, dilation
WINDOWS = ((2, None, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), (2, 1, 0, 2), (1, 2, 0, 1), (2, 3, 1, 1))


def both(name, arrays, *args, **settings):
    """The results of a function and the gradient of its first argument, in fastnet and in PyTorch."""
    torch = pytest.importorskip("torch")
    found = []
    for f in (fastnet, torch):
        x = f.tensor(arrays[0], requires_grad=True)
        out = getattr(f.nn.functional, name)(x, *map(f.tensor, arrays[1:]), *args, **settings)
        parts = out if isinstance(out, tuple) else (out,)
        g = np.random.default_rng(5).standard_normal(tuple(parts[0].shape)).astype(arrays[0].dtype)
        parts[0].backward(f.tensor(g))
        found.append([*(p.detach().numpy() for p in parts), x.grad.numpy()])
    return found


def assert_like_torch(name, arrays, *args, **settings):
    arrays = (arrays,) if isinstance(arrays, np.ndarray) else arrays
    for a, b in zip(*both(name, arrays, *args, **settings), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12, err_msg=f"{arrays[0].shape} {args} {settings}")


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_sliding_windows(n, ceil_mode):
    for shape, (kernel, stride, padding, dilation) in itertools.product(SHAPES[n], WINDOWS):
        x = np.round(2 * rng.standard_normal(shape)) / 2            # with equal elements
        for indices, counted in ((False, True), (True, False)):
            assert_like_torch(f"max_pool{n}d", x, kernel, stride, padding, dilation, ceil_mode, indices)
            assert_like_torch(f"avg_pool{n}d", x, kernel, stride, padding, ceil_mode, counted)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_adaptive_windows(n):
    for shape, size in itertools.product(SHAPES[n], (1, 2, 3, 5, 9)):
        x = rng.standard_normal(shape)
        assert_like_torch(f"adaptive_avg_pool{n}d", x, size)
        assert_like_torch(f"adaptive_max_pool{n}d", x, size, return_indices=True)


def test_sizes_for_each_dimension():
    x = rng.standard_normal((2, 3, 7, 6))
    assert_like_torch("max_pool2d", x, (3, 2), (1, 2), (1, 0), (2, 1), True, True)
    assert_like_torch("avg_pool2d", x, (3, 2), [1, 2], (1, 0), divisor_override=-3)
    assert_like_torch("adaptive_avg_pool2d", x, (None, 4))
    assert_like_torch("lp_pool2d", abs(x) + 0.1, 3.0, (2, 3), ceil_mode=True)
    assert_like_torch("max_pool2d", x, 2, ())
    assert F.adaptive_avg_pool2d(fastnet.tensor(x), (0, 4)).shape == (2, 3, 0, 4)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_single_image(n):
    x = rng.standard_normal(SHAPES[n][0][1:])
    for name, *args in (("max_pool", 2), ("avg_pool", 2), ("lp_pool", 2, 2), ("adaptive_avg_pool", 2),
                        ("adaptive_max_pool", 2)):
        pool = getattr(F, f"{name}{n}d")
        one, batch = pool(fastnet.tensor(x), *args), pool(fastnet.tensor(x[None]), *args)
        assert (one == batch[0]).all() and one.ndim == n + 1
    pooled, places = getattr(F, f"max_pool{n}d_with_indices")(fastnet.tensor(x), 2)
    assert_like_torch(f"max_unpool{n}d", (pooled.numpy(), places.numpy()), 2)


def test_nan_wins_and_the_first_of_equal_elements():
    nan, inf = np.nan, np.inf
    for row, value, place in (([1.0, nan, 3.0, nan], nan, 3), ([-inf] * 4, -inf, 0), ([2.0, 5.0, 5.0, 1.0], 5.0, 1),
                              ([0.0, -0.0, -1.0, -0.0], 0.0, 0), ([-inf, nan, -inf, inf], nan, 1)):
        for x in (row, [[v] * 17 for v in row]):
            x = fastnet.tensor(x, requires_grad=True)
            x4 = x.reshape(1, 1, 1, 4) if x.ndim == 1 else x.t().reshape(1, 17, 1, 4)
            out, index = F.max_pool2d(x4, (1, 4), return_indices=True)
            np.testing.assert_array_equal(out.detach().numpy().ravel(), value)
            assert (index == place).all()
            for pool in (lambda x: F.max_pool2d(x, (1, 4)), lambda x: F.adaptive_max_pool2d(x, 1)):
                x.grad = None
                pool(x.reshape(1, 1, 1, 4) if x.ndim == 1 else x.t().reshape(1, 17, 1, 4)).sum().backward()
                assert (x.grad.reshape(4, -1)[place] == 1).all() and float(x.grad.sum()) == x.numel() / 4


def test_windows_in_the_padding_alone():
    """PyTorch reads outside the image there."""
    x = fastnet.ones(1, 2, 3, 3, requires_grad=True)
    out, index = F.max_pool2d(x, 2, 1, 1, 4, return_indices=True)
    assert (out == -np.inf).all() and (index == -1).all()
    for y in (out, F.max_pool2d(x, 2, 1, 1, 4)):
        x.grad = None
        y.sum().backward()
        assert not x.grad.numpy().any()


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_maximum_of_integers(dtype):
    torch = pytest.importorskip("torch")
    x = rng.integers(0, 9, (2, 3, 6, 5)).astype(dtype)
    for args in ((2,), (3, 1, 1), (2, 2, 0, 2)):
        ours, theirs = F.max_pool2d(fastnet.tensor(x), *args), torch.nn.functional.max_pool2d(torch.tensor(x), *args)
        assert str(ours.dtype) == dtype
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_both_memory_orders_give_the_same_bits():
    x = rng.standard_normal((3, 19, 9, 8)).astype("float32")
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for pool in (lambda x: F.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 3, 2, 1), lambda x: F.avg_pool2d(x, 3, 2, 1),
                 lambda x: F.adaptive_avg_pool2d(x, 1), lambda x: F.adaptive_max_pool2d(x, (4, 3)),
                 lambda x: F.lp_pool2d(x, 2, 2)):
        found = []
        for memory in (x, last):
            leaf = fastnet.from_numpy(memory.copy(order="K")).requires_grad_()
            y = pool(leaf)
            (y * y).sum().backward()
            found.append((y.detach().numpy(), leaf.grad.numpy()))
        for a, b in zip(*found):
            np.testing.assert_array_equal(a, b)
        assert y.permute(0, 2, 3, 1).is_contiguous()


def test_the_mean_of_many_elements_is_accurate():
    x = (np.random.default_rng(0).standard_normal((1, 3, 300_000)) + 100).astype("float32")
    mean = F.adaptive_avg_pool1d(fastnet.tensor(x), 1).numpy()
    np.testing.assert_allclose(mean[..., 0], x.mean(-1, dtype=np.float64), rtol=5e-6)


def test_unpooling_inverts_pooling():
    x = fastnet.tensor(rng.standard_normal((2, 3, 7, 6)), requires_grad=True)
    pooled, index = F.max_pool2d(x, 2, 2, return_indices=True)
    back = F.max_unpool2d(pooled, index, 2, 2, output_size=x.shape)
    assert back.shape == x.shape and (back[back != 0] == x[back != 0]).all()
    assert F.max_unpool2d(pooled, index, 2, output_size=(7, 7)).shape == (2, 3, 7, 7)
    again, _ = F.max_pool2d(back, 2, 2, return_indices=True)
    assert (again == pooled.clamp(min=0)).all()
    back.sum().backward()
    assert float(x.grad.sum()) == pooled.numel()


def test_positions_and_unpooling_are_recorded():
    def autoencoder(x):
        pooled, index = F.max_pool2d(x, 2, return_indices=True)
        return F.max_unpool2d(pooled * 2, index, 2), index
    recorded = fastnet.compile(autoencoder)
    for _ in range(3):
        x = fastnet.tensor(rng.standard_normal((2, 3, 6, 4)).astype("float32"))
        for a, b in zip(recorded(x), autoencoder(x)):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    pooled, index = F.max_pool2d(x, 2, return_indices=True)
    unpool = fastnet.compile(lambda p, i: F.max_unpool2d(p, i, 2))
    unpool(pooled, index)
    with pytest.raises(IndexError, match="max_unpool2d: index 99"):
        unpool(pooled, index * 0 + 99)


def test_windows_of_a_single_dimension():
    x = fastnet.zeros(1, 1, 5)
    whole = (1, 1, 0, 1)
    assert sliding("pool", x, 1, 3, 2, 1, 1) == Windows((whole, whole, (3, 2, 1, 1)), (1, 1, 3), True)


# ---- empty batches and errors ---------------------------------------------------------------------------------------

def test_an_empty_batch():
    for name, args in (("max_pool2d", (2,)), ("avg_pool2d", (2,)), ("adaptive_avg_pool2d", (1,)),
                       ("adaptive_max_pool2d", (3,)), ("lp_pool2d", (2, 2))):
        x = fastnet.zeros(0, 3, 6, 4, requires_grad=True)
        y = getattr(F, name)(x, *args)
        assert y.shape[:2] == (0, 3)
        y.sum().backward()
        assert x.grad.shape == x.shape


X = fastnet.ones(2, 3, 6, 5)
POOLED, PLACES = fastnet.ones(1, 2, 2, 2), fastnet.zeros(1, 2, 2, 2, dtype=fastnet.int64)


@pytest.mark.parametrize("call, error, words", [
    (lambda: F.max_pool2d(X[0, 0], 2), RuntimeError,
     r"max_pool2d: expected an input of shape \(N, C, H, W\), or \(C, H, W\) without a batch, got \(6, 5\)"),
    (lambda: F.avg_pool1d(X, 2), RuntimeError, r"\(N, C, L\), or \(C, L\) without a batch, got \(2, 3, 6, 5\)"),
    (lambda: F.adaptive_avg_pool3d(X[0], 1), RuntimeError, r"\(N, C, D, H, W\).*\(C, D, H, W\).*\(3, 6, 5\)"),
    (lambda: F.max_pool2d(X[:, :0], 2), RuntimeError, r"no empty dimension except N in \(N, C, H, W\), got \(2, 0, 6"),
    (lambda: F.max_pool2d(X[0][:0], 2), RuntimeError, r"no empty dimension except N.*\(0, 6, 5\)"),
    (lambda: F.max_pool2d([1.0], 2), TypeError, "max_pool2d: expected input to be a tensor, got list"),
    (lambda: F.max_pool2d(X > 0, 2), RuntimeError, "bool"),
    (lambda: F.avg_pool2d(X > 0, 2), RuntimeError, "floating-point input, got bool"),
    (lambda: F.max_pool2d(X, 0), RuntimeError, r"kernel_size to be at least 1, got \(0, 0\)"),
    (lambda: F.max_pool2d(X, 2, (1, 0)), RuntimeError, r"stride to be at least 1, got \(1, 0\)"),
    (lambda: F.max_pool2d(X, 2, padding=-1), RuntimeError, "padding to be at least 0"),
    (lambda: F.max_pool2d(X, 2, dilation=0), RuntimeError, "dilation to be at least 1"),
    (lambda: F.max_pool2d(X, (2, 2, 2)), RuntimeError, r"kernel_size to be an integer or a tuple of 2 integers"),
    (lambda: F.max_pool2d(X, 2.0), TypeError, "kernel_size to be an integer"),
    (lambda: F.max_pool2d(X, 2, padding=2), RuntimeError, r"at most half the kernel, got padding \(2, 2\)"),
    (lambda: F.avg_pool2d(X, 7), RuntimeError, r"kernel_size \(7, 7\) with dilation \(1, 1\) is larger than the input "
                                               r"of shape \(2, 3, 6, 5\) with padding \(0, 0\)"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), RuntimeError, "divisor_override not to be 0"),
    (lambda: F.adaptive_avg_pool2d(X, -1), RuntimeError, "at least 0, got -1"),
    (lambda: F.adaptive_avg_pool2d(X, (1, 2, 3)), RuntimeError, r"an integer or 2 integers, got \(1, 2, 3\)"),
    (lambda: F.adaptive_max_pool1d(X[0], 1.5), TypeError, "output_size"),
    (lambda: F.lp_pool2d(X, 0, 2), ZeroDivisionError, "division"),
    (lambda: F.max_unpool2d(POOLED, PLACES + 16, 2), IndexError,
     r"max_unpool2d: index 16 at position \(0, 0, 0, 0\) is out of range: expected 0 <= index < 16"),
    (lambda: F.max_unpool2d(POOLED, PLACES - 1, 2), IndexError, "index -1"),
    (lambda: F.max_unpool2d(POOLED, PLACES.int(), 2), RuntimeError, "indices of dtype int64, got int32"),
    (lambda: F.max_unpool2d(POOLED, PLACES[:, :1], 2), RuntimeError, r"\(1, 2, 2, 2\), got \(1, 1, 2, 2\)"),
    (lambda: F.max_unpool2d(POOLED, PLACES, 2, output_size=(9, 4)), ValueError,
     r"output_size \(9, 4\).*3 to 5, 3 to 5"),
    (lambda: F.max_unpool2d(POOLED, PLACES, 2, output_size=(1, 4, 4)), ValueError, "2 or 4 numbers"),
    (lambda: F.max_unpool2d(POOLED, None, 2), TypeError, "expected indices to be a tensor"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
