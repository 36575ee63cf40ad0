"""Second and third derivatives of the operations: against PyTorch where they are stated, an error by name elsewhere."""
import re

import numpy as np
import pytest
from operations import COLUMN, OPERATIONS, POSITIVE, ROW, A, B, data

import fastnet

# the beginnings of the names of operations that must state their second derivative
STATED = (
    "abs", "adaptive", "add", "amax", "atan2", "avg_pool", "bmm", "cat", "clamp", "clone", "contiguous", "conv",
    "cos", "cumsum", "div", "dot", "einsum", "elu", "embedding", "erf", "exp", "expand", "flip", "gather", "gelu",
    "group_norm", "index-", "index_add", "index_copy", "index_fill", "index_select", "interpolate", "leaky_relu",
    "lerp", "linear-", "local_response_norm", "log", "log_softmax", "logaddexp", "logsigmoid", "logsumexp",
    "masked_fill", "matmul", "max-", "max_pool", "max_unpool", "maximum", "mean", "min", "mm", "mul", "narrow", "neg",
    "norm", "outer", "pad", "permute", "pixel", "pow", "prod", "reciprocal", "relu", "repeat", "reshape", "roll",
    "rsqrt", "scatter_add", "select", "setitem", "sigmoid", "silu", "sin", "softmax", "softplus", "sort", "split",
    "sqrt", "square", "stack", "std", "sub", "sum", "take", "tan", "topk", "transpose", "tri", "unbind", "unfold",
    "unsqueeze", "var", "view", "where")
ROUNDED_IN_TORCH = ("celu",)            # a factor is float32
# PyTorch's third derivatives of these take the statistics as constants
SECOND_ONLY = ("batch_norm", "instance_norm", "layer_norm")
LABELS = np.array([0, 3, 1])
FEATURES = data(5, 4, seed=3), data(5, seed=4)
# name -> (function of nn.functional and its tensors, inputs)
LOSSES = {
    "mse_loss": (lambda f, a, b: f.mse_loss(a, b), A, B),
    "mse_loss-none": (lambda f, a, b: f.mse_loss(a, b, reduction="none"), A, B),
    "l1_loss": (lambda f, a, b: f.l1_loss(a**2, b, reduction="sum"), A, B),
    "smooth_l1_loss": (lambda f, a, b: f.smooth_l1_loss(a**2, b, beta=0.7), A, B),
    "huber_loss": (lambda f, a, b: f.huber_loss(a**2, b, delta=0.7), A, B),
    "kl_div": (lambda f, a, b: f.kl_div(a.log_softmax(1), b.softmax(1), reduction="batchmean"), A, B),
    "kl_div-log": (lambda f, a, b: f.kl_div(a, b.log_softmax(1), reduction="none", log_target=True), A, B),
    "bce": (lambda f, a, b: f.binary_cross_entropy(a.sigmoid(), b.sigmoid()), A, B),
    "bce-weight": (lambda f, a, b, w: f.binary_cross_entropy(a.sigmoid(), b.sigmoid(), w), A, B, POSITIVE),
    "bce_with_logits": (lambda f, a, b: f.binary_cross_entropy_with_logits(a, b.sigmoid()), A, B),
    "bce_with_logits-weights": (
        lambda f, a, b, p: f.binary_cross_entropy_with_logits(a, b.sigmoid(), pos_weight=p), A, B, POSITIVE[0]),
    "cross_entropy": (lambda f, a, i: f.cross_entropy(a, i), A, LABELS),
    "cross_entropy-none": (lambda f, a, i: f.cross_entropy(a, i, reduction="none"), A, LABELS),
    "cross_entropy-smooth": (lambda f, a, i: f.cross_entropy(a, i, label_smoothing=0.1, ignore_index=1), A, LABELS),
    "cross_entropy-images": (lambda f, a, i: f.cross_entropy(a, i[:2].reshape(2, 1).expand(2, 4) % 3),
                             data(2, 3, 4), LABELS),
    "cross_entropy-probabilities": (lambda f, a, b: f.cross_entropy(a, b.softmax(1), label_smoothing=0.1), A, B),
    "nll_loss": (lambda f, a, i: f.nll_loss(a.log_softmax(1), i), A, LABELS),
    "nll_loss-none": (lambda f, a, i: f.nll_loss(a.sigmoid().log(), i, ignore_index=3, reduction="none"), A, LABELS),
    "layer_norm": (lambda f, a, w, b: f.layer_norm(a, (4,), w, b), A, ROW, ROW * 2),
    "layer_norm-plain": (lambda f, a: f.layer_norm(a, (3, 4), eps=0.1), A),
    "rms_norm": (lambda f, a, w: f.rms_norm(a, (4,), w), A, ROW),
    "batch_norm": (lambda f, a, w, b: f.batch_norm(a, None, None, w, b, True), A, ROW, ROW * 2),
    "batch_norm-images": (lambda f, a, w, b: f.batch_norm(a, None, None, w, b, True), data(2, 4, 3, 2), ROW, ROW * 2),
    "linear-tanh": (lambda f, a, w, b: f.linear(a, w, b).tanh(), A, *FEATURES),
    "softmax-images": (lambda f, a: a.softmax(1), data(2, 3, 2, 2)),
    "log_softmax-column": (lambda f, a: (a * 2).log_softmax(0), COLUMN),
}
IMAGES, VOLUMES = data(2, 3, 7, 6), data(2, 3, 5, 4, 6)
RESIZED = {                             # name -> (function of nn.functional and a tensor, input)
    "max_pool1d-dilation": (lambda f, x: f.max_pool1d(x, 3, 2, 1, 2), IMAGES[0]),
    "max_pool2d-padding": (lambda f, x: f.max_pool2d(x, (3, 2), (1, 2), 1, ceil_mode=True), IMAGES),
    "max_pool2d-dilation": (lambda f, x: f.max_pool2d(x, 2, 1, 0, (2, 3)), IMAGES[0]),
    "max_pool2d-wide": (lambda f, x: f.max_pool2d(x, 5, 2, 2), IMAGES),
    "max_pool3d-padding": (lambda f, x: f.max_pool3d(x, 2, 2, 1), VOLUMES),
    "adaptive_max_pool1d": (lambda f, x: f.adaptive_max_pool1d(x, 4), IMAGES[0]),
    "adaptive_max_pool3d": (lambda f, x: f.adaptive_max_pool3d(x, (2, 3, 4)), VOLUMES),
    "nearest": (lambda f, x: f.interpolate(x, scale_factor=2, mode="nearest"), IMAGES),
    "nearest-exact": (lambda f, x: f.interpolate(x, (3, 8), mode="nearest-exact"), IMAGES),
    "bilinear": (lambda f, x: f.interpolate(x, (9, 3), mode="bilinear", align_corners=True), IMAGES),
    "trilinear": (lambda f, x: f.interpolate(x, scale_factor=1.3, mode="trilinear"), VOLUMES),
    "same size": (lambda f, x: f.interpolate(x, (7, 6), mode="bilinear"), IMAGES),
    "local_response_norm": (lambda f, x: f.local_response_norm(x, 2, 0.5, 0.6, 0.7), IMAGES),
    "local_response_norm-wide": (lambda f, x: f.local_response_norm(x, 9), IMAGES),
}


def derivatives(library, function, arrays):
    """The first three derivatives of a smooth function of a result, with respect to its floating-point arguments."""
    tensors = [library.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    xs = [x for x in tensors if x.requires_grad]
    y = function(library, *tensors)
    weight = library.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)))
    first = library.autograd.grad((y * y * weight).sum(), xs, create_graph=True)
    second = library.autograd.grad(sum((g * g * g).sum() for g in first), xs, create_graph=True, allow_unused=True)
    rest = [g.tanh().sum() for g in second if g is not None and g.requires_grad]
    third = library.autograd.grad(sum(rest), xs, allow_unused=True) if rest else [None] * len(xs)
    return [None if g is None else g.detach().numpy() for g in (*first, *second, *third)]


def assert_as_pytorch(name, function, arrays):
    torch = pytest.importorskip("torch")
    try:
        expected = derivatives(torch, function, arrays)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"PyTorch: {error}")
    found = derivatives(fastnet, function, arrays)
    if name.startswith(SECOND_ONLY):
        found, expected = (list_[:len(list_) * 2 // 3] for list_ in (found, expected))
    for ours, theirs in zip(found, expected, strict=True):
        if ours is None or theirs is None:          # one library says unused where the other computes zeros
            assert not np.any(ours if theirs is None else theirs)
        else:
            tolerance = 1e-6 if name.startswith(ROUNDED_IN_TORCH) else 1e-9
            np.testing.assert_allclose(ours, theirs, tolerance, tolerance * max(1, np.abs(theirs).max(initial=0)))


def is_stated(name):
    return name.startswith(STATED) and not name.startswith(("log_ndtr", "logcumsumexp", "linear_cross_entropy"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_three_derivatives_of_an_operation(name):
    function, *arrays = OPERATIONS[name]
    if is_stated(name):
        assert_as_pytorch(name, function, arrays)
        return
    try:
        derivatives(fastnet, function, arrays)
    except RuntimeError as error:
        text = str(error)
    else:
        assert_as_pytorch(name, function, arrays)
        return
    assert re.match(r"\w+: expected an operation that states its second derivative", text)


@pytest.mark.parametrize("name", LOSSES)
def test_three_derivatives_of_a_loss_or_norm(name):
    function, *arrays = LOSSES[name]
    assert_as_pytorch(name, lambda library, *xs: function(library.nn.functional, *xs), arrays)


@pytest.mark.parametrize("name", RESIZED)
def test_three_derivatives_of_pooling_and_resizing(name):
    function, images = RESIZED[name]
    assert_as_pytorch(name, lambda library, x: function(library.nn.functional, x), [images])


def test_gradients_of_max_pooling_are_recorded():
    def penalty(x):
        slope, = fastnet.autograd.grad(fastnet.nn.functional.max_pool2d(x, 2).pow(2).sum(), x, create_graph=True)
        return fastnet.autograd.grad(slope.pow(2).sum(), x)[0]
    recorded = fastnet.compile(penalty)
    for seed in range(3):
        x = fastnet.tensor(data(1, 2, 4, 4, seed=seed), requires_grad=True)
        np.testing.assert_array_equal(recorded(x).numpy(), penalty(x).numpy())


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "RNN"])
def test_the_error_of_a_recurrent_layer_names_it(layer):
    x = fastnet.randn(2, 3, 4, requires_grad=True)
    slope, = fastnet.grad(getattr(fastnet.nn, layer)(4, 5)(x)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=f"^{layer.lower()}: expected an operation that states its second"):
        slope.sum().backward()


@pytest.mark.parametrize("norm", ["layer_norm", "batch_norm"])
def test_the_third_derivative_of_a_norm_is_that_of_differences(norm):
    def second(a):
        x = fastnet.tensor(a, requires_grad=True)
        f = fastnet.nn.functional
        y = f.layer_norm(x, (4,)) if norm == "layer_norm" else f.batch_norm(x, None, None, training=True)
        first, = fastnet.grad((y**3).sum(), x, create_graph=True)
        return x, fastnet.grad((first * first).sum(), x, create_graph=True)[0].tanh().sum()
    x, value = second(A)
    third, = fastnet.grad(value, x)
    step = 1e-5
    for place in ((0, 1), (2, 3)):
        moved = [A.copy(), A.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        high, low = (second(a)[1].item() for a in moved)
        assert third[place].item() == pytest.approx((high - low) / (2 * step), rel=1e-5, abs=1e-5)


def test_backward_with_create_graph_leaves_gradients_on_the_tape():
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    x.grad.sum().backward()
    assert x.grad.tolist() == [3 + 6, 12 + 12]


def test_grad_with_batched_and_materialized_gradients():
    x, unused = fastnet.tensor([1.0, 2.0], requires_grad=True), fastnet.ones(1, requires_grad=True)
    rows, = fastnet.grad(x * x, x, fastnet.eye(2), is_grads_batched=True)
    assert rows.tolist() == [[2, 0], [0, 4]]
    assert fastnet.grad(x.sum(), (x, unused), materialize_grads=True)[1].tolist() == [0]
    with pytest.raises(ValueError, match="allow_unused"):
        fastnet.grad(x.sum(), (x, unused), materialize_grads=True, allow_unused=False)
    with pytest.raises(RuntimeError, match="do not depend on input 1"):
        fastnet.grad(x.sum(), (x, unused))


def test_backward_into_given_inputs_only():
    x, y = fastnet.ones(2, requires_grad=True), fastnet.ones(2, requires_grad=True)
    z = x * 2
    (z * y).sum().backward(inputs=[z, y])
    assert x.grad is None and y.grad.tolist() == [2, 2] and z.grad.tolist() == [1, 1]


def test_only_the_nodes_between_outputs_and_inputs_are_visited():
    x = fastnet.ones(2, requires_grad=True)
    y = x * 2
    z = (y * 3).sum()
    calls = []
    x.register_hook(calls.append)
    assert fastnet.grad(z, y)[0].tolist() == [3, 3] and not calls
    y.sum().backward()                      # the node before y is not freed
    assert len(calls) == 1


def test_a_saved_argument_that_changed_is_refused():
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    first, = fastnet.grad((x**3).sum(), x, create_graph=True)
    with fastnet.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="was changed in place"):
        first.sum().backward()
