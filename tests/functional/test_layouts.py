"""Channels-last tensors: the same bits as contiguous ones, forward and backward, and results in the same layout."""
import numpy as np
import pytest
from layout_tools import in_channels_last
from operations import DATA_DEPENDENT, OPERATIONS, data

import fastnet
import fastnet.nn.functional as F
from fastnet._core import memory
from fastnet._core.memory import is_channels_last

pytestmark = pytest.mark.usefixtures("backend")

IMAGE, BIAS = data(2, 5, 3, 4), data(5, 1, 1, seed=1)


def in_reversed_order(x):
    """An array with the values of x whose first dimension is the innermost in memory."""
    return np.asfortranarray(x)


LAYOUTS = {"channels-last": in_channels_last, "reversed": in_reversed_order}


def as_image(x):
    """Values for an operation on images, instead of an input of the table."""
    positive, unit = (x > 0).all(), (abs(x) < 1).all()
    wide = {(3, 4): (2, 5, 3, 4), (4,): (4,), (3, 1): (5, 1, 1)}.get(x.shape, x.shape)
    if x.dtype.kind != "f" or wide == x.shape:
        return x
    y = data(*wide, low=0.3 if positive else None, seed=int(abs(x.flat[0]) * 1000))
    return np.clip(y / 3, -0.9, 0.9) if unit else y


def run(fn, arrays, layout=None):
    """The result of an operation and its gradients; with a layout, of float inputs and gradients in that layout."""
    arrays = [x if layout is None or x.ndim < 3 else layout(x) for x in arrays]
    leaves = [fastnet.from_numpy(x).requires_grad_(x.dtype.kind == "f") for x in arrays]
    out = fn(fastnet, *leaves)
    g = np.random.default_rng(5).standard_normal(out.shape).astype(np.float32)
    if layout is not None and g.ndim > 2:
        g = layout(g)
    if out.requires_grad:
        out.backward(fastnet.from_numpy(g))
    return [out.detach(), *(leaf.grad for leaf in leaves)]


def assert_same_bits(results, expected):
    for a, b in zip(results, expected, strict=True):
        if b is None:
            assert a is None
        else:
            assert a.shape == b.shape and a.dtype == b.dtype
            assert np.ascontiguousarray(a.numpy()).tobytes() == np.ascontiguousarray(b.numpy()).tobytes()


def single(x):
    return x.astype(np.float32) if x.dtype.kind == "f" else x


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_same_bits_as_contiguous(name, layout):
    if name == "baddbmm" and fastnet.backend.backend() == "numpy":
        pytest.skip("BLAS rounds by the layout of matrices")
    fn, *inputs = OPERATIONS[name]
    for arrays in ([single(x) for x in inputs], [single(as_image(x)) for x in inputs]):
        try:
            expected = run(fn, arrays)
        except (RuntimeError, ValueError, IndexError, TypeError):       # an operation on matrices only
            continue
        assert_same_bits(run(fn, arrays, LAYOUTS[layout]), expected)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in DATA_DEPENDENT])
def test_recorded_for_both_layouts(name):
    """A recording for contiguous arguments does not serve channels-last ones, nor the reverse."""
    fn, *inputs = OPERATIONS[name]
    arrays = [single(as_image(x)) for x in inputs]
    if not any(x.ndim == 4 for x in arrays):
        pytest.skip("it takes no images")

    def both(*xs):
        xs = [x.detach().clone().requires_grad_() if x.is_floating_point() else x for x in xs]
        out = fn(fastnet, *xs)
        if out.requires_grad:
            (out * out).sum().backward()
        return [out.detach(), *(x.grad for x in xs if x.requires_grad)]
    try:
        both(*map(fastnet.from_numpy, arrays))
    except (RuntimeError, ValueError, IndexError, TypeError):
        pytest.skip("an operation on matrices only")
    recorded = fastnet.compile(both)
    for scale in (1.0, 0.5, 0.75, 0.25):
        for layout in (np.ascontiguousarray, in_channels_last):
            xs = [x * np.float32(scale) if x.dtype.kind == "f" else x for x in arrays]
            xs = [fastnet.from_numpy(layout(x) if x.ndim == 4 else x) for x in xs]
            expected = both(*(x.contiguous() for x in xs))
            for call in (recorded, lambda *xs: recorded._call(xs, {})):         # in C if possible, and in Python
                assert_same_bits(call(*xs), expected)


KEEPING = {
    "relu": lambda x: x.relu(),
    "gelu": lambda x: F.gelu(x),
    "leaky_relu": lambda x: F.leaky_relu(x),
    "hardtanh": lambda x: F.hardtanh(x),
    "clamp": lambda x: x.clamp(-1, 1),
    "neg": lambda x: -x,
    "exp": lambda x: x.exp(),
    "cast": lambda x: x.double(),
    "add": lambda x: x + x,
    "add-contiguous": lambda x: x + x.contiguous(),
    "contiguous-add": lambda x: x.contiguous() + x,
    "scale": lambda x: 2 * x,
    "bias": lambda x: x * fastnet.tensor(BIAS),
    "channel": lambda x: x - fastnet.ones(1, 1, 3, 4),
    "compare": lambda x: x > 0,
    "where": lambda x: fastnet.where(x > 0, x, 0.0),
    "masked_fill": lambda x: x.masked_fill(x > 0, 1.0),
    "slice": lambda x: x[:, 1:4].relu(),
    "slice-exp": lambda x: x[:, :, 1:].exp(),
    "clone": lambda x: x.clone(),
    "zeros_like": fastnet.zeros_like,
    "full_like": lambda x: fastnet.full_like(x, 3),
    "ones_like": fastnet.ones_like,
    "cat": lambda x: fastnet.cat([x, x[:, 1:3]], 1),
    "cat-0": lambda x: fastnet.cat([x, x.contiguous()], 0),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
}


@pytest.mark.parametrize("shape", [(2, 5, 7), (2, 5, 3, 4), (2, 5, 2, 3, 4)])
@pytest.mark.parametrize("name", KEEPING)
def test_results_keep_the_layout(name, shape):
    if (len(shape) != 4 and name in ("channel", "bias")) or (len(shape) == 3 and "softmax" in name):
        pytest.skip("images only")
    x = fastnet.from_numpy(in_channels_last(data(*shape).astype(np.float32))).requires_grad_()
    out = KEEPING[name](x)
    assert is_channels_last(out._data, True)
    same = KEEPING[name](x.contiguous())
    assert same.is_contiguous() or "softmax" in name
    np.testing.assert_array_equal(out.detach().numpy(), same.detach().numpy())


def image(*shape):
    return fastnet.from_numpy(in_channels_last(data(*(shape or IMAGE.shape)).astype(np.float32)))


def test_view_copies_where_it_must_and_the_copy_is_read_only():
    x = image().requires_grad_()
    y = x.relu()
    flat = y.view(2, -1)
    assert flat.is_contiguous()
    np.testing.assert_array_equal(flat.detach().numpy(), y.detach().numpy().reshape(2, -1))
    flat.backward(fastnet.ones(2, 60))
    np.testing.assert_array_equal(x.grad.numpy(), x.detach().numpy() > 0)
    with pytest.raises(RuntimeError, match=r"add_: .* read-only, as that of the copy that view\(\) makes"):
        y.detach().view(2, -1).add_(1)
    y.detach().reshape(2, -1).add_(1)
    sliced = image()[:, 1:4]
    assert sliced.view(2, -1).tolist() == sliced.contiguous().view(2, -1).tolist()
    shared = image()
    shared.view(2, 5, 12).zero_()                               # the layout allows a view
    assert not shared.numpy().any()
    with pytest.raises(RuntimeError, match="has no view of shape"):
        fastnet.zeros(2, 3).t().view(-1)
    recorded = fastnet.compile(lambda x: x.view(2, -1) + 1)
    for seed in (1, 2, 3):
        z = image() * seed
        assert recorded(z).tolist() == (z.reshape(2, -1) + 1).tolist()


def test_memory_formats_are_pytorchs():
    x = fastnet.from_numpy(IMAGE)
    last = x.contiguous(memory_format=fastnet.channels_last)
    assert last.stride() == (60, 1, 20, 5) and last.is_contiguous(memory_format=fastnet.channels_last)
    assert not last.is_contiguous() and not last.is_contiguous(memory_format=fastnet.channels_last_3d)
    assert last.contiguous(memory_format=fastnet.channels_last) is last is last.to(memory_format=fastnet.channels_last)
    for same in (x.to(memory_format=fastnet.channels_last), x.to(fastnet.float32, memory_format=fastnet.channels_last),
                 x.clone(memory_format=fastnet.channels_last), last.clone(), last.float(), last.cpu(),
                 fastnet.empty_like(x, memory_format=fastnet.channels_last), fastnet.empty_like(last),
                 fastnet.empty(2, 5, 3, 4, memory_format=fastnet.channels_last, requires_grad=True)):
        assert same.stride() == last.stride()
    for same in (last.contiguous(), last.to(memory_format=fastnet.contiguous_format), x.clone(),
                 last.clone(memory_format=fastnet.contiguous_format),
                 fastnet.ones_like(last, memory_format=fastnet.contiguous_format)):
        assert same.stride() == x.stride()
    assert fastnet.zeros(2, 1, 3, 4).is_contiguous(memory_format=fastnet.channels_last)
    for call in (lambda: x[0].contiguous(memory_format=fastnet.channels_last),
                 lambda: x.to(memory_format=fastnet.channels_last_3d)):
        with pytest.raises(RuntimeError, match=r"needs a tensor of . dimensions, got ."):
            call()
    with pytest.raises(RuntimeError, match="other than preserve_format"):
        x.contiguous(memory_format=fastnet.preserve_format)
    with pytest.raises(RuntimeError, match="expected memory_format to be"):
        x.clone(memory_format="NHWC")


def test_writes_in_place_keep_the_layout():
    expected = np.maximum(IMAGE.astype(np.float32) + 2, 0)
    x = image()
    address = x.data_ptr()
    x += fastnet.full(IMAGE.shape, 2.0)
    F.relu(x, inplace=True)
    assert x.data_ptr() == address and x.is_contiguous(memory_format=fastnet.channels_last)
    np.testing.assert_array_equal(x.numpy(), expected)
    assert not x.fill_(0).numpy().any() and x.is_contiguous(memory_format=fastnet.channels_last)


@pytest.mark.parametrize("layout", [np.ascontiguousarray, in_channels_last])
@pytest.mark.parametrize("write", [
    lambda f, x, y: x.relu_(), lambda f, x, y: f.nn.functional.relu6(x, inplace=True), lambda f, x, y: x.add_(y),
    lambda f, x, y: x.sub_(y[:1]), lambda f, x, y: x.add_(x), lambda f, x, y: x[:, 1:3].relu_(),
    lambda f, x, y: f.nn.functional.hardtanh(x.sub_(1), -0.5, 0.5, inplace=True), lambda f, x, y: x[1].add_(y[0]),
    lambda f, x, y: x.add_(y).relu_()])
def test_gradients_through_writes_in_place(write, layout):
    """PyTorch's values and gradients: of the written tensor, the operands, and views made before."""
    torch = pytest.importorskip("torch")

    def values(f, *arrays):
        a, b = (f.from_numpy(x.copy()).requires_grad_() for x in arrays)
        x = a * 1
        view = x[:, :2] if x.is_contiguous() else x             # old views of tensors that are not contiguous: an error
        write(f, x, b)
        (x * x).sum().backward(retain_graph=True)
        (view * 3).sum().backward()
        return [t.detach().numpy() for t in (x, a.grad, b.grad) if t is not None]
    arrays = [data(2, 5, 3, 4), data(2, 5, 3, 4, seed=9)]
    ours = values(fastnet, *(layout(x) for x in arrays))
    for a, b in zip(ours, values(torch, *arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_a_write_in_place_needs_no_other_memory():
    x, y = (image(4, 32, 64, 64) for _ in range(2))
    with fastnet.no_grad():
        x.relu_()                                               # imports and pools are settled
        before = memory.shared.held, memory.shared.idle
        x.relu_().add_(y).sub_(1.0)
        F.relu6(x, inplace=True)
        assert (memory.shared.held, memory.shared.idle) == before


def test_a_write_in_place_of_a_saved_result_is_found():
    x = image().requires_grad_()
    y = x.exp()
    z = y.relu_()
    with pytest.raises(RuntimeError, match="exp: its result was changed in place"):
        z.sum().backward()
    y = (x * 1).relu_()
    w = y * 2
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"relu.*: its result was changed in place"):
        w.sum().backward()


def test_gradients_of_both_layouts_add_up():
    x = image().requires_grad_()
    w = fastnet.from_numpy(np.round(4 * IMAGE).astype(np.float32))
    y = x * 1
    a, b = y.chunk(2, 1)
    out = fastnet.cat([b, a], 1) * w[:, [3, 4, 0, 1, 2]] + y.contiguous() * w + (y + w)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), (w + w + 1).numpy())
    x.grad.add_(1)


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (3, 64, 9, 9), (1, 70, 33, 65), (2, 3, 2, 3, 4)])
def test_copies_between_layouts(shape):
    x = data(*shape)
    for dtype in (np.float32, np.float64, np.int64, np.uint8, bool):
        y = fastnet.from_numpy(x.astype(dtype))
        last = y.contiguous(memory_format=fastnet.channels_last if len(shape) == 4 else fastnet.channels_last_3d)
        assert_same_bits([last, last.contiguous()], [y, y])


def test_same_bits_on_any_number_of_threads():
    x, y = data(4, 24, 40, 40).astype(np.float32), data(4, 24, 40, 40, seed=2).astype(np.float32)
    functions = (lambda f, a, b: f.relu(a) + b, lambda f, a, b: f.exp(a) * b[:1], lambda f, a, b: a.softmax(1) * b)
    before = fastnet.get_num_threads()
    try:
        for fn in functions:
            expected = run(fn, [x, y])
            for threads in (1, 2, 3, 8):
                if fastnet.backend.compiled_available and fastnet.backend.backend() == "compiled":
                    fastnet.set_num_threads(threads)
                assert_same_bits(run(fn, [x, y], in_channels_last), expected)
    finally:
        if fastnet.backend.compiled_available:
            fastnet.set_num_threads(before)


LABELS = np.random.default_rng(3).integers(0, 5, (2, 3, 4))
SHARES = np.exp(data(2, 5, 3, 4, seed=4)) / np.exp(data(2, 5, 3, 4, seed=4)).sum(1, keepdims=True)
CLASS_WEIGHT = np.array([0.5, 1.0, 2.0, 0.25, 1.5])
LOSSES = {
    **{f"{name}-{reduction}": (getattr(F, name), IMAGE, SHARES, {"reduction": reduction})
       for reduction in ("mean", "none")
       for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div", "cross_entropy",
                    "binary_cross_entropy_with_logits")},
    "bce": (F.binary_cross_entropy, SHARES, SHARES[::-1].copy(), {}),
    "bce-sum": (F.binary_cross_entropy, SHARES, SHARES[::-1].copy(), {"reduction": "sum"}),
    "cross": (F.cross_entropy, IMAGE, LABELS, {}),
    "cross-none": (F.cross_entropy, IMAGE, LABELS, {"reduction": "none"}),
    "cross-all": (F.cross_entropy, IMAGE, LABELS, {"weight": CLASS_WEIGHT, "ignore_index": 2, "label_smoothing": 0.1}),
    "cross-shares": (F.cross_entropy, IMAGE, SHARES, {"weight": CLASS_WEIGHT, "label_smoothing": 0.1}),
    "nll": (F.nll_loss, IMAGE, LABELS, {"weight": CLASS_WEIGHT, "ignore_index": 1}),
    "nll-sum": (F.nll_loss, IMAGE, LABELS, {"reduction": "sum"}),
}


@pytest.mark.filterwarnings("ignore:reduction. .mean. divides")
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_images(name):
    """The same bits for both layouts, eagerly and recorded, and PyTorch's values and gradients."""
    loss, x, target, options = LOSSES[name]

    def step(x, target):
        x = x.detach().clone().requires_grad_()
        value = loss(x, target, **{k: weight if k == "weight" else v for k, v in options.items()})
        value.sum().backward()
        return value.detach(), x.grad
    weight = fastnet.tensor(CLASS_WEIGHT.astype(np.float32))
    recorded = fastnet.compile(step)
    arrays = single(x), single(target)
    for flip in (False, True, False):
        arrays = [np.ascontiguousarray(a[::-1]) for a in arrays] if flip else arrays
        expected = step(*map(fastnet.from_numpy, arrays))
        for call in (step, recorded):
            for layout in (np.ascontiguousarray, in_channels_last):
                assert_same_bits(call(*(fastnet.from_numpy(layout(a)) for a in arrays)), expected)
    torch = pytest.importorskip("torch")
    y = torch.tensor(arrays[0], requires_grad=True)
    value = getattr(torch.nn.functional, loss.__name__)(y, torch.tensor(arrays[1]), **{
        k: torch.tensor(single(v)) if k == "weight" else v for k, v in options.items()})
    value.sum().backward()
    np.testing.assert_allclose(expected[0].numpy(), value.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(expected[1].numpy(), y.grad.numpy(), rtol=1e-4, atol=1e-6)
