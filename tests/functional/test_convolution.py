"""Convolutions against PyTorch over a grid of options, forward and gradients; modules; errors."""
import itertools

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend", "torch_on_one_thread")

TOLERANCES = {"float64": 1e-9, "float32": 1e-4}             # of the largest value of a tensor
SPATIAL = {1: (9,), 2: (7, 6), 3: (5, 4, 6)}
PER_DIMENSION = {"stride": (1, 2, 3), "padding": (2, 0, 1), "dilation": (2, 1, 1), "output_padding": (1, 1, 0)}
OPTIONS = ({}, {"stride": 2}, {"padding": 1}, {"padding": 2, "dilation": 2}, {"stride": 3, "padding": 3, "dilation": 2},
           {"stride": 1, "padding": 1, "dilation": 1}, {"stride": "each", "padding": "each"},
           {"dilation": "each", "padding": 3})
DEFAULTS = (("stride", 1), ("padding", 0), ("dilation", 1))
# channels, filters, groups
CHANNELS = ((1, 1, 1), (3, 5, 1), (4, 6, 2), (4, 4, 4), (17, 18, 1), (3, 9, 3))


def drawn(*shapes, seed=3):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def chosen(options, n):
    """Options for n dimensions, with other numbers in each dimension where "each" asks for it."""
    return {name: PER_DIMENSION[name][:n] if value == "each" else value for name, value in options.items()}


def shapes_of(channels, filters, groups, kernel, size, transposed=False, images=2):
    """The shapes of input, weight and bias."""
    weight = (channels, filters // groups) if transposed else (filters, channels // groups)
    return (images, channels, *size), weight + kernel, (filters,)


def outcome(f, call, arrays, dtype):
    """The result of call(f, *tensors) and its gradients, as arrays."""
    leaves = [f.tensor(x.astype(dtype), requires_grad=True) for x in arrays]
    out = call(f, *leaves)
    g = np.random.default_rng(5).standard_normal(tuple(out.shape)).astype(dtype)
    out.backward(f.tensor(g))
    return [out.detach().numpy(), *(x.grad.numpy() for x in leaves)]


def assert_close(ours, theirs, dtype, where):
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.shape == b.shape and a.dtype == b.dtype
        most = TOLERANCES[dtype] * np.abs(b).max(initial=0.1)              # a sum of few terms may cancel
        np.testing.assert_allclose(a, b, rtol=0, atol=most, err_msg=f"{where}, {dtype}, array {i}")


def assert_like_torch(call, *arrays, dtypes=TOLERANCES, where=""):
    torch = pytest.importorskip("torch")
    for dtype in dtypes:
        assert_close(outcome(fastnet, call, arrays, dtype), outcome(torch, call, arrays, dtype), dtype, where)


def calling(name, **settings):
    return lambda f, *tensors: getattr(f.nn.functional, name)(*tensors, **settings)


# ---- functions ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_convolution(n, kernel):
    for options, (channels, filters, groups) in itertools.product(OPTIONS, CHANNELS):
        settings = {**chosen(options, n), "groups": groups}
        arrays = drawn(*shapes_of(channels, filters, groups, (kernel,) * n, SPATIAL[n]))
        _, padding, dilation = (np.broadcast_to(settings.get(k, v), n) for k, v in DEFAULTS)
        if min(SPATIAL[n] + 2 * padding - dilation * (kernel - 1)) >= 1:
            assert_like_torch(calling(f"conv{n}d", **settings), *arrays, where=f"{channels}, {filters}, {settings}")


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_transposed_convolution(n, kernel):
    for options, (channels, filters, groups) in itertools.product(
            (*OPTIONS, {"stride": 3, "output_padding": 2}, {"stride": 2, "output_padding": "each", "padding": 1}),
            CHANNELS):
        settings = {**chosen(options, n), "groups": groups}
        arrays = drawn(*shapes_of(channels, filters, groups, (kernel,) * n, SPATIAL[n], transposed=True))
        stride, padding, dilation = (np.broadcast_to(settings.get(k, v), n) for k, v in DEFAULTS)
        if min((SPATIAL[n] - np.array(1)) * stride - 2 * padding + dilation * (kernel - 1) + 1) < 1:
            continue
        assert_like_torch(calling(f"conv_transpose{n}d", **settings), *arrays,
                          where=f"{channels}, {filters}, {settings}")


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_named_padding_and_no_bias(n):
    for padding, kernel, dilation in itertools.product(("same", "valid"), (1, 2, 3), (1, 2)):
        x, weight, _ = drawn(*shapes_of(3, 4, 1, (kernel, 2, 3)[:n], SPATIAL[n]))
        assert_like_torch(calling(f"conv{n}d", padding=padding, dilation=dilation), x, weight, dtypes=("float64",))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_sizes_one_and_none(name, n):
    transposed = name == "conv_transpose"
    for images, size, kernel in ((1, 1, 1), (0, 5, 3), (3, 1, 3), (1, 3, 3), (2, 3, 2)):
        x, weight, bias = drawn(*shapes_of(3, 4, 1, (kernel,) * n, (size,) * n, transposed, images))
        assert_like_torch(calling(f"{name}{n}d", padding=kernel // 2, stride=2), x, weight, bias,
                          where=f"{images}, {size}")
        if images:
            assert_like_torch(calling(f"{name}{n}d", padding=kernel // 2), x[0], weight, bias, where="unbatched")


@pytest.mark.parametrize("shape", [(1, 16, 3, 3), (2, 17, 8, 9), (4, 33, 13, 11), (0, 16, 5, 5), (1, 16, 1, 1),
                                   (2, 130, 4, 5)])
def test_winograd_shapes(shape):
    """3x3 kernels of stride 1 with at least 16 channels and filters."""
    for filters, padding in itertools.product((16, 31, 260), (0, 1, 2)):
        if min(shape[2:]) + 2 * padding >= 3:
            arrays = drawn(shape, (filters, shape[1], 3, 3), (filters,))
            assert_like_torch(calling("conv2d", padding=padding), *arrays, dtypes=("float32",))
    x, weight = drawn(shape, (shape[1], 20, 3, 3))
    assert_like_torch(calling("conv_transpose2d", padding=min(shape[2] // 2, 2)), x, weight, dtypes=("float32",))
    x, weight = drawn((2, 16, 1, *shape[2:]), (16, 16, 1, 3, 3))
    assert_like_torch(calling("conv3d", padding=(0, 1, 1)), x, weight, dtypes=("float32",))


def test_gradients_that_are_not_contiguous():
    x, weight = drawn((2, 3, 6, 5), (4, 3, 3, 3))
    for call in (lambda f, x, w: f.nn.functional.conv2d(x, w).sum((2, 3)),
                 lambda f, x, w: f.nn.functional.conv2d(x.transpose(2, 3), w, padding=1)[:, ::2, 1:],
                 lambda f, x, w: f.nn.functional.conv2d(x[:, :, ::2], w.mT, padding=1).permute(0, 2, 3, 1)):
        assert_like_torch(call, x, weight)


# ---- modules --------------------------------------------------------------------------------------------------------

def both_modules(name, *args, **settings):
    """A module of fastnet and of PyTorch with the same float64 parameters, loaded in both directions."""
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(f.nn, name)(*args, dtype=f.float64, **settings) for f in (fastnet, torch))
    theirs.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()})
    again = getattr(fastnet.nn, name)(*args, dtype=fastnet.float64, **settings)
    again.load_state_dict({k: fastnet.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    assert repr(again).split("  #")[0] == repr(theirs)
    return again, theirs


def assert_modules_agree(name, x, *args, call=(), **settings):
    torch = pytest.importorskip("torch")
    ours, theirs = both_modules(name, *args, **settings)
    found = [outcome(fastnet, lambda f, x: ours(x, *call), (x,), "float64"),
             outcome(torch, lambda f, x: theirs(x, *call), (x,), "float64")]
    for arrays, module in zip(found, (ours, theirs)):
        arrays.extend(p.grad.numpy() for p in module.parameters())
    assert_close(*found, "float64", f"{name} {args} {settings}")


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_modules(n, mode):
    x, = drawn((2, 4, *SPATIAL[n]))
    for options in ({}, {"padding": 2}, {"padding": "each", "stride": "each"}, {"padding": "same", "dilation": 2},
                    {"padding": "valid"}, {"groups": 2, "bias": False, "padding": 1, "stride": 2}):
        assert_modules_agree(f"Conv{n}d", x, 4, 6, 3, padding_mode=mode, **chosen(options, n))
    assert_modules_agree(f"Conv{n}d", x[0], 4, 8, (2, 3, 1)[:n], padding=1, groups=4, padding_mode=mode)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_transposed_modules(n):
    x, = drawn((2, 4, *SPATIAL[n]))
    for options in ({}, {"padding": 2}, {"stride": 3, "output_padding": 2}, {"stride": "each", "padding": "each"},
                    {"dilation": 2, "output_padding": 1, "bias": False}, {"groups": 2, "stride": 2}):
        assert_modules_agree(f"ConvTranspose{n}d", x, 4, 6, 3, **chosen(options, n))
    assert_modules_agree(f"ConvTranspose{n}d", x[0], 4, 8, 2, groups=4)
    for extra in (0, 1, 2):
        size = tuple(3 * s + extra for s in SPATIAL[n])
        assert_modules_agree(f"ConvTranspose{n}d", x, 4, 2, 3, stride=3, call=(size,))
        assert_modules_agree(f"ConvTranspose{n}d", x, 4, 2, 3, stride=3, call=((2, 2, *size),))


def test_default_initial_values():
    """Uniform in [-1/sqrt(n), 1/sqrt(n)], with n the products of an output."""
    for layer, n in ((fastnet.nn.Conv2d(8, 32, 5), 200), (fastnet.nn.Conv2d(8, 32, 5, groups=4), 50),
                     (fastnet.nn.ConvTranspose2d(32, 8, 5), 200)):
        for x in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
            assert 0.7 * n**-0.5 < np.abs(x).max() <= n**-0.5


# ---- errors ---------------------------------------------------------------------------------------------------------

ERRORS = {
    "groups": (lambda f, t: f.nn.Conv2d(4, 6, 3, groups=3), "multiples of groups"),
    "groups of filters": (lambda f, t: f.nn.Conv2d(4, 6, 3, groups=4), "multiples of groups"),
    "no groups": (lambda f, t: f.nn.Conv2d(4, 6, 3, groups=0), "groups"),
    "padding mode": (lambda f, t: f.nn.Conv2d(4, 6, 3, padding_mode="mirror"), "padding_mode"),
    "same with stride": (lambda f, t: f.nn.Conv2d(4, 6, 3, stride=2, padding="same"), "stride 1"),
    "unknown padding": (lambda f, t: f.nn.Conv2d(4, 6, 3, padding="full"), "'valid' or 'same'"),
    "padding mode of transposed": (lambda f, t: f.nn.ConvTranspose2d(4, 6, 3, padding_mode="reflect"), "'zeros'"),
    "large kernel": (lambda f, t: f.nn.Conv2d(4, 6, 5, padding=1)(t(4, 2, 7)), "no larger than the padded input"),
    "dilated kernel": (lambda f, t: f.nn.Conv1d(4, 6, 3, dilation=4)(t(4, 8)), "no larger than the padded input"),
    "dimensions": (lambda f, t: f.nn.Conv2d(4, 6, 3)(t(5, 5)), r"\(N, C, H, W\), or \(C, H, W\) without a batch"),
    "dimensions 1d": (lambda f, t: f.nn.Conv1d(4, 6, 3)(t(1, 1, 4, 5)), r"\(N, C, L\), or \(C, L\) without a batch"),
    "dimensions 3d": (lambda f, t: f.nn.Conv3d(4, 6, 3)(t(4, 5, 5)), r"\(N, C, D, H, W\), or \(C, D, H, W\)"),
    "channels": (lambda f, t: f.nn.Conv2d(4, 6, 3)(t(2, 3, 5, 5)), "4 channels"),
    "channels of transposed": (lambda f, t: f.nn.ConvTranspose2d(4, 6, 3)(t(2, 3, 5, 5)), "4 channels"),
    "output size": (lambda f, t: f.nn.ConvTranspose2d(4, 6, 3, stride=2)(t(2, 4, 5, 5), (13, 11)), "output_size"),
    "small output size": (lambda f, t: f.nn.ConvTranspose2d(4, 6, 3, stride=2)(t(2, 4, 5, 5), (10, 11)), "output_size"),
    "output sizes": (lambda f, t: f.nn.ConvTranspose2d(4, 6, 3, stride=2)(t(2, 4, 5, 5), (11,)), "output_size"),
    "output padding": (lambda f, t: f.nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=2)(t(2, 4, 5, 5)),
                       "output_padding"),
    "weight": (lambda f, t: f.nn.functional.conv2d(t(2, 4, 5, 5), t(6, 4, 3)), "weight with 4 dimensions"),
    "bias": (lambda f, t: f.nn.functional.conv2d(t(2, 4, 5, 5), t(6, 4, 3, 3), t(4)), r"bias of shape \(6,\)"),
    "stride": (lambda f, t: f.nn.functional.conv2d(t(2, 4, 5, 5), t(6, 4, 3, 3), stride=0), "stride of 1 or more"),
    "negative padding": (lambda f, t: f.nn.functional.conv2d(t(2, 4, 5, 5), t(6, 4, 3, 3), padding=-1), "padding"),
    "groups of a weight": (lambda f, t: f.nn.functional.conv2d(t(2, 4, 5, 5), t(5, 2, 3, 3), groups=2), "groups=2"),
    "dtypes": (lambda f, t: f.nn.functional.conv2d(t(2, 4, 5, 5).double(), t(6, 4, 3, 3)), "float64"),
    "empty output": (lambda f, t: f.nn.ConvTranspose1d(4, 6, 3, padding=4)(t(2, 4, 5)), "output of size 1 or more"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    """PyTorch errs, too, and ours say what was expected."""
    call, message = ERRORS[case]
    with pytest.raises((RuntimeError, ValueError, TypeError), match=message):
        call(fastnet, fastnet.ones)
    torch = pytest.importorskip("torch")
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        call(torch, torch.ones)
