"""Operations on quantised tensors: exact integers, closeness to the real numbers, recordings, backends, errors."""
import itertools
from fractions import Fraction

import numpy as np
import pytest

import fastnet
from fastnet._kernels.reference.tools.fixed_point import divided, multiplied
from fastnet.functional import quantized as q
from fastnet.functional.integer_speed import GRIDS, is_faster, speedup
from fastnet.nn import functional as F


def drawn(rng, *shape):
    return fastnet.tensor(rng.integers(-128, 128, shape).astype(np.int8))


def real(rng, *shape):
    return fastnet.tensor(rng.standard_normal(shape).astype(np.float32))


def factors(*reals):
    return [fastnet.tensor(a) for a in q.factors_of(reals)]


# ---- factors --------------------------------------------------------------------------------------------------------

def half_away(x, bits):
    doubled = Fraction(abs(x) * 2 + (1 << bits), 1 << (bits + 1))
    return (1 if x >= 0 else -1) * (doubled.numerator // doubled.denominator)


def test_multiplied_is_exact():
    """Against integers of any size in Python, extremes included."""
    rng = np.random.default_rng(0)
    numbers = [*rng.integers(-1 << 31, 1 << 31, 2000).tolist(), 0, 1, -1, (1 << 31) - 1, -1 << 31]
    for x, multiplier, shift in zip(numbers, rng.integers(1 << 30, 1 << 31, len(numbers)).tolist(),
                                    rng.integers(-31, 31, len(numbers)).tolist()):
        left = min(max(x, -(1 << 31) >> max(shift, 0)), ((1 << 31) - 1) >> max(shift, 0)) << max(shift, 0)
        high = (left * multiplier + (1 << 30)) >> 31
        assert multiplied(x, multiplier, shift) == half_away(high, max(-shift, 0))
    assert divided(np.array([-3, -2, -1, 1, 2, 3]), 1).tolist() == [-2, -1, -1, 1, 1, 2]


def test_factors():
    real_factors = np.array([0.0, 2.0 ** -40, 2.0 ** -32, 1e-6, 0.1, 0.5, 1 - 2.0 ** -40, 1.0, 3.0, 1e9])
    multiplier, shift = q.factors_of(real_factors)
    close = multiplier * 2.0 ** (shift - 31.0)
    assert multiplier.dtype == shift.dtype == np.int32 and multiplier[:2].tolist() == [0, 0]
    np.testing.assert_allclose(close[2:], real_factors[2:], rtol=2.0 ** -30)
    assert np.all(multiplier[2:] >= 1 << 30)
    for wrong in (-1.0, 2.0 ** 30, np.nan):
        with pytest.raises(ValueError, match="expected factors from 0"):
            q.factors_of([wrong])


# ---- conversions ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("last", [False, True])
def test_quantize_and_back(axis, last):
    rng = np.random.default_rng(1)
    x = real(rng, 2, 3, 4, 5)
    x = x.contiguous(memory_format=fastnet.channels_last) if last else x
    count = 1 if axis is None else x.shape[axis]
    scale, zero = rng.uniform(0.02, 0.05, count).astype(np.float32), rng.integers(-20, 20, count).astype(np.int32)
    shape = [1] * 4
    shape[axis or 0] = count
    by_hand = np.clip(np.rint(x.numpy() / scale.reshape(shape)) + zero.reshape(shape), -128, 127)
    given = (float(scale[0]), int(zero[0])) if axis is None else (fastnet.tensor(scale), fastnet.tensor(zero))
    found = q.quantize(x, *given, axis=axis)
    assert found.dtype == fastnet.int8
    np.testing.assert_array_equal(found.numpy(), by_hand)
    back = q.dequantize(found, *given, axis=axis)
    np.testing.assert_allclose(back.numpy(), (by_hand - zero.reshape(shape)) * scale.reshape(shape), rtol=1e-6)


def test_quantize_dynamic():
    x = real(np.random.default_rng(2), 5, 7)
    found, scale, zero = q.quantize_dynamic(x)
    assert found.dtype == zero.dtype == fastnet.uint8 and scale.shape == zero.shape == ()
    np.testing.assert_allclose((found.numpy().astype(float) - zero.item()) * scale.item(), x.numpy(), atol=scale.item())


# ---- products -------------------------------------------------------------------------------------------------------

def by_hand(sums, multiplier, shift, zero_out, low, high):
    return np.clip(multiplied(sums, multiplier.numpy(), shift.numpy()) + zero_out, low, high)


@pytest.mark.parametrize("rows", [1, 3, 5, 40])
def test_linear(rows):
    rng = np.random.default_rng(rows)
    x, w = drawn(rng, 2, rows, 33), drawn(rng, 20, 33)
    bias = fastnet.tensor(rng.integers(-1000, 1000, 20).astype(np.int32))
    multiplier, shift = factors(*rng.uniform(1e-4, 1e-2, 20))
    found = q.quantized_linear(x, w, bias, multiplier, shift, zero_x=-4, zero_out=7, low=7)
    sums = (x.numpy().astype(np.int64) + 4) @ w.numpy().astype(np.int64).T + bias.numpy()
    np.testing.assert_array_equal(found.numpy(), by_hand(sums, multiplier, shift, 7, 7, 127))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("groups, channels, filters", [(1, 3, 8), (2, 4, 6), (5, 5, 5), (3, 3, 6)])
def test_conv(dims, groups, channels, filters):
    """Exact over strides, paddings and dilations, for both dtypes."""
    rng = np.random.default_rng(dims)
    kernel = (3, 2, 3)[:dims]
    w = drawn(rng, filters, channels // groups, *kernel)
    multiplier, shift = factors(*rng.uniform(1e-4, 1e-2, filters))
    for stride, padding, dilation in itertools.product((1, 2), (0, 2), (1, 2)):
        x = drawn(rng, 2, channels, *(9, 7, 6)[:dims])
        conv = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
        zero = 11
        padded = F.pad((x.double() - zero), (padding, padding) * dims)
        sums = conv(padded, w.double(), None, stride, 0, dilation, groups).numpy().astype(np.int64)
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        found = q.quantized_conv(x, w, None, multiplier, shift, zero, 5, **options)
        expected = by_hand(np.moveaxis(sums, 1, -1), multiplier, shift, 5, -128, 127)
        np.testing.assert_array_equal(np.moveaxis(found.numpy(), 1, -1), expected)
        np.testing.assert_array_equal(q.integer_conv(x, w, zero, **options).numpy(), sums)


def test_conv_paddings():
    rng = np.random.default_rng(3)
    x, w, (multiplier, shift) = drawn(rng, 1, 2, 5, 6), drawn(rng, 3, 2, 2, 3), factors(0.001, 0.001, 0.001)
    same = q.quantized_conv(x, w, None, multiplier, shift, 4, 0, padding="same")
    assert same.shape == (1, 3, 5, 6)
    pairs = q.quantized_conv(x, w, None, multiplier, shift, 4, 0, padding=[(0, 1), (1, 1)])
    np.testing.assert_array_equal(same.numpy(), pairs.numpy())


def test_layouts_give_the_same_bits():
    rng = np.random.default_rng(4)
    x, w, (multiplier, shift) = drawn(rng, 2, 6, 5, 4), drawn(rng, 4, 6, 3, 3), factors(*[0.001] * 4)
    first = q.quantized_conv(x, w, None, multiplier, shift, 0, 0)
    last = q.quantized_conv(x.contiguous(memory_format=fastnet.channels_last), w, None, multiplier, shift, 0, 0)
    np.testing.assert_array_equal(first.numpy(), last.numpy())
    assert first.is_contiguous(fastnet.channels_last)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integer_matmul(dtype):
    rng = np.random.default_rng(5)
    limits = np.iinfo(dtype)
    a, b = (rng.integers(limits.min, limits.max + 1, s).astype(dtype) for s in ((3, 4, 9), (9, 5)))
    zero_a, zero_b = np.array(7, dtype), rng.integers(limits.min, limits.max + 1, 5).astype(dtype)
    expected = (a.astype(np.int64) - zero_a) @ (b.astype(np.int64) - zero_b)
    found = q.integer_matmul(*map(fastnet.tensor, (a, b, zero_a, zero_b)))
    assert found.dtype == fastnet.int32
    np.testing.assert_array_equal(found.numpy(), expected)
    batched = q.integer_matmul(fastnet.tensor(a), fastnet.tensor(np.broadcast_to(b, (3, 9, 5)).copy()))
    np.testing.assert_array_equal(batched.numpy(), a.astype(np.int64) @ b.astype(np.int64))


def test_dynamic_linear():
    rng = np.random.default_rng(6)
    x, w = real(rng, 3, 4, 50), drawn(rng, 8, 50)
    scale, bias = fastnet.tensor(rng.uniform(0.001, 0.002, 8).astype(np.float32)), real(rng, 8)
    x.requires_grad_()
    found = q.dynamic_linear(x, w, scale, bias)
    weight = w.float() * scale.unsqueeze(1)
    np.testing.assert_allclose(found.detach().numpy(), F.linear(x, weight, bias).detach().numpy(), atol=0.02)
    g = real(rng, 3, 4, 8)
    found.backward(g)
    np.testing.assert_allclose(x.grad.numpy(), (g @ weight).numpy(), rtol=1e-4, atol=1e-4)
    one_row = q.dynamic_linear(x.detach()[1, 2], w, scale, bias)
    np.testing.assert_array_equal(one_row.numpy(), found.detach()[1, 2].numpy())        # rows do not depend on others


@pytest.mark.parametrize("rows", [1, 3, 20])
@pytest.mark.parametrize("bits, groups, zeros", [(8, 1, False), (8, 4, True), (4, 4, False), (4, 2, True)])
def test_weight_only_linear(rows, bits, groups, zeros):
    rng = np.random.default_rng(7)
    x, bias, columns = real(rng, rows, 128), real(rng, 10), 10
    scale = rng.uniform(0.01, 0.02, (columns, groups)).astype(np.float32)
    if bits == 8:
        numbers, middle = rng.integers(-128, 128, (columns, 128)), 0
        weight = numbers.astype(np.int8)
    else:
        numbers, middle = rng.integers(0, 16, (columns, 128)), 8
        weight = (numbers[:, ::2] | numbers[:, 1::2] << 4).astype(np.uint8)
    zero = rng.integers(0, 16, scale.shape).astype(weight.dtype) if zeros else None
    middles = middle if zero is None else zero[:, :, None].astype(int)
    whole = fastnet.tensor(((numbers.reshape(columns, groups, -1) - middles) * scale[:, :, None]).reshape(columns, 128)
                           .astype(np.float32))
    x.requires_grad_()
    given = [fastnet.tensor(a) for a in (weight, scale)] + [None if zero is None else fastnet.tensor(zero), bias]
    found = q.weight_only_linear(x, *given)
    np.testing.assert_allclose(found.detach().numpy(), F.linear(x, whole, bias).detach().numpy(), rtol=1e-4, atol=1e-3)
    found.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.broadcast_to(whole.numpy().sum(0), (rows, 128)), rtol=1e-4, atol=1e-3)


# ---- maps and pools -------------------------------------------------------------------------------------------------

def test_sums_products_and_joins():
    """Within one step of the real result."""
    rng = np.random.default_rng(8)
    a, b = drawn(rng, 3, 40), drawn(rng, 1, 40)
    real_a, real_b = (a.numpy() - 3.0) * 0.05, (b.numpy() + 10.0) * 0.02
    found = q.quantized_add(a, b, 0.05, 3, 0.02, -10, 0.1, -4)
    assert np.abs(found.numpy() - np.clip((real_a + real_b) / 0.1 - 4, -128, 127)).max() <= 0.51
    found = q.quantized_mul(a, b, 0.05, 3, 0.02, -10, 0.2, 6)
    assert np.abs(found.numpy() - np.clip(real_a * real_b / 0.2 + 6, -128, 127)).max() <= 0.51
    found = q.quantized_concat([a, b], [0.05, 0.02], [3, -10], 0.05, 3)
    np.testing.assert_array_equal(found.numpy()[:3], a.numpy())
    # TensorFlow Lite rounds twice: small numbers first to halves
    assert np.abs(found.numpy()[3:] - np.clip(real_b / 0.05 + 3, -128, 127)).max() <= 0.76
    table = fastnet.tensor(q.function_table(np.tanh, 0.05, 3, 1 / 128, 0))
    assert np.abs(q.quantized_function(a, table).numpy() - np.clip(np.tanh(real_a) * 128, -128, 127)).max() <= 0.51


def test_softmax():
    x = drawn(np.random.default_rng(9), 4, 7, 5)
    found = (q.quantized_softmax(x, 0.08, dim=1).numpy() + 128.0) / 256
    expected = (x.float() * 0.08).softmax(1).numpy()
    assert np.abs(found - expected).max() < 0.005


def test_pools():
    x = drawn(np.random.default_rng(10), 2, 3, 9, 8)
    largest = F.max_pool2d(x.float(), 3, 2, 1).numpy()
    np.testing.assert_array_equal(q.quantized_max_pool(x, 3, 2, 1).numpy(), largest)
    for inside, ceil in itertools.product((True, False), repeat=2):     # with ceil, windows leave the padded image
        mean = F.avg_pool2d(x.double() - 5, 3, 2, 1, ceil, not inside).numpy() + 5
        found = q.quantized_avg_pool(x, 3, 2, 1, 5, not inside, ceil).numpy()
        assert found.shape == mean.shape and np.abs(found - mean).max() <= 0.5 + 1e-9


# ---- recurrent layers -----------------------------------------------------------------------------------------------

def quantised_layer(layer, x_scale, h_scale, gates):
    """Weights and factors of a float layer."""
    weights, multipliers = [], []
    for name, scale in (("weight_ih_l0", x_scale), ("weight_hh_l0", h_scale)):
        w = getattr(layer, name).detach().numpy()
        scales = np.abs(w).max(1) / 127
        weights.append(fastnet.tensor(np.rint(w / scales[:, None]).astype(np.int8)))
        bias = getattr(layer, name.replace("weight", "bias")).detach().numpy()
        multipliers.append((scale * scales, np.rint(bias / (scale * scales)).astype(np.int32)))
    biases = [fastnet.tensor(bias) for _, bias in multipliers]
    return [*weights, *biases], [f for scales, _ in multipliers for f in factors(*(scales * 4096))]


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_recurrent_layers(kind):
    fastnet.manual_seed(0)
    layer = (fastnet.nn.LSTM if kind == "lstm" else fastnet.nn.GRU)(12, 20)
    rng = np.random.default_rng(11)
    x = drawn(rng, 15, 3, 12)
    weights, multipliers = quantised_layer(layer, 0.02, 1 / 128, 4)
    exact = layer(x.float() * 0.02)[0].detach().numpy()
    if kind == "lstm":
        out, state = q.quantized_lstm(x, (None, None), weights, multipliers, 0, 0, q.factor_of(2.0 ** -23))
        half, c = q.quantized_lstm(x[:7], (None, None), weights, multipliers, 0, 0, q.factor_of(2.0 ** -23))
        rest, last = q.quantized_lstm(x[7:], (half[-1], c), weights, multipliers, 0, 0, q.factor_of(2.0 ** -23))
    else:
        out, state = q.quantized_gru(x, None, weights, multipliers, 0, 0, q.factor_of(2.0 ** -8))
        half, c = q.quantized_gru(x[:7], None, weights, multipliers, 0, 0, q.factor_of(2.0 ** -8))
        rest, last = q.quantized_gru(x[7:], c, weights, multipliers, 0, 0, q.factor_of(2.0 ** -8))
    assert out.dtype == fastnet.int8 and state.dtype == fastnet.int16
    assert np.abs(out.numpy() / 128 - exact).max() < 0.03
    np.testing.assert_array_equal(np.concatenate([half.numpy(), rest.numpy()]), out.numpy())        # streaming
    np.testing.assert_array_equal(last.numpy(), state.numpy())


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_dynamic_layers(kind):
    fastnet.manual_seed(1)
    layer = (fastnet.nn.LSTM if kind == "lstm" else fastnet.nn.GRU)(6, 10)
    x, zero = real(np.random.default_rng(12), 5, 2, 6), fastnet.zeros(2, 10)
    weights = [getattr(layer, f"weight_{part}_l0").detach() for part in ("ih", "hh")]
    scales = [w.abs().amax(1) / 127 for w in weights]
    whole = [q.quantize(w, s, 0, axis=0) for w, s in zip(weights, scales)]
    biases = [getattr(layer, f"bias_{part}_l0").detach() for part in ("ih", "hh")]
    run, state = (q.dynamic_lstm, (zero, zero)) if kind == "lstm" else (q.dynamic_gru, zero)
    out, _ = run(x, state, whole, scales, biases)
    assert np.abs(out.numpy() - layer(x)[0].detach().numpy()).max() < 0.02


# ---- recordings and backends ----------------------------------------------------------------------------------------

def programs():
    rng = np.random.default_rng(13)
    w, filters, tall = drawn(rng, 20, 12), drawn(rng, 20, 12, 3, 3), drawn(rng, 80, 20)
    twenty, eighty = factors(*[0.001] * 20), factors(*[0.2] * 80)
    scale = fastnet.tensor(rng.uniform(0.01, 0.02, 20).astype(np.float32))
    wide = drawn(rng, 80, 12)
    return {
        "linear": (lambda x: q.quantized_linear(x, w, None, *twenty, 1, 2), drawn(rng, 9, 12)),
        "few": (lambda x: q.quantized_linear(x, w, None, *twenty, 1, 2), drawn(rng, 2, 12)),
        "conv": (lambda x: q.quantized_conv(x, filters, None, *twenty, 1, 2, padding=1), drawn(rng, 2, 12, 7, 6)),
        "pool": (lambda x: q.quantized_avg_pool(q.quantized_max_pool(x, 2), 2, zero_point=3), drawn(rng, 2, 3, 8, 8)),
        "add": (lambda x: q.quantized_add(x, x, 0.1, 2, 0.2, 3, 0.3, 4), drawn(rng, 5, 7)),
        "softmax": (lambda x: q.quantized_softmax(x, 0.1), drawn(rng, 5, 7)),
        "dynamic": (lambda x: q.dynamic_linear(x, w, scale), real(rng, 9, 12)),
        "back": (lambda x: q.dequantize(q.quantize(x, 0.1, 3), 0.1, 3), real(rng, 9, 12)),
        "lstm": (lambda x: q.quantized_lstm(x, (None, None), [wide, tall, None, None], [*eighty, *eighty], 0, 0,
                                            q.factor_of(2.0 ** -23))[0], drawn(rng, 4, 3, 12)),
    }


@pytest.mark.parametrize("name", programs())
def test_recordings_and_backends(name):
    function, x = programs()[name]
    expected = function(x).numpy()
    with fastnet.use_backend("numpy"):
        np.testing.assert_array_equal(function(x).numpy(), expected)
    other = x.flip(0)
    for freeze in (False, True):
        compiled = fastnet.compile(function, freeze=freeze)
        for given in (x, other, x):
            np.testing.assert_array_equal(compiled(given).numpy(), function(given).numpy())


def test_errors():
    rng = np.random.default_rng(14)
    x, w, (multiplier, shift) = drawn(rng, 2, 3), drawn(rng, 4, 3), factors(*[0.1] * 4)
    with pytest.raises(RuntimeError, match="expected input of dtype int8 or uint8, got float32"):
        q.quantized_linear(x.float(), w, None, multiplier, shift, 0, 0)
    with pytest.raises(RuntimeError, match="expected an input with 3 features"):
        q.quantized_linear(drawn(rng, 2, 4), w, None, multiplier, shift, 0, 0)
    with pytest.raises(RuntimeError, match="expected a floating-point input"):
        q.quantize(x, 0.1, 0)
    with pytest.raises(TypeError, match="expected the dtype int8 or uint8"):
        q.quantize(x.float(), 0.1, 0, dtype="int32")
    with pytest.raises(RuntimeError, match="expected a scale with 3 elements"):
        q.quantize(x.float(), fastnet.ones(2), 0, axis=1)
    with pytest.raises(RuntimeError, match="does not fit a padded input"):
        q.quantized_conv(drawn(rng, 1, 1, 2), drawn(rng, 1, 1, 3), None, *factors(0.1), 0, 0)


# ---- the table of speeds --------------------------------------------------------------------------------------------

def test_speeds():
    for kind, grid in GRIDS.items():
        sizes = {name: measured[-1] for name, measured in grid.items()}
        assert speedup(kind, "an unknown set", **sizes) == 1.0 and not is_faster(kind, "an unknown set", **sizes)
        assert speedup(kind, "avx512vnni", **sizes) > 0
    with pytest.raises(ValueError, match="expected one of linear"):
        speedup("linear", "avx2", rows=1)
