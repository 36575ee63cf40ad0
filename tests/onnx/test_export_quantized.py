"""Quantised operations as QDQ nodes: results of ONNX Runtime differ from fastnet's by 1 at most, where roundings do."""
import numpy as np
import pytest
from function_module import Function
from onnx_tools import checked, results

import fastnet
from fastnet import nn
from fastnet.functional import quantized as Q
from fastnet.nn import quantized

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

rng = np.random.default_rng(2)


def int8(*shape, low=-128):
    return fastnet.tensor(rng.integers(low, 128, shape).astype(np.int8))


def factors(count, low=0.0005, high=0.002):
    return [fastnet.tensor(a) for a in Q.factors_of(rng.uniform(low, high, count))]


def agrees(path, function, *example, limit=1, share=0.03, **options):
    """Export and run: all integers are at most `limit` apart, and all but a share of them are equal."""
    model = Function(function)
    fastnet.onnx.export(model, example, path, **options)
    made = checked(path)
    expected = model(*example)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for got, wanted in zip(results(path, example), expected, strict=True):
        wanted = wanted.numpy()
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
            continue
        apart = np.abs(got.astype(int) - wanted)
        assert apart.max(initial=0) <= limit and (apart > 0).mean() <= share
    return [node.op_type for node in made.graph.node]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.onnx"


def test_conversions(path):
    x = fastnet.tensor(rng.uniform(-3, 3, (4, 5)).astype(np.float32))
    assert agrees(path, lambda x: Q.quantize(x, 0.02, 3), x) == ["QuantizeLinear"]
    scales, zeros = fastnet.tensor(rng.uniform(0.01, 0.1, 5).astype(np.float32)), fastnet.tensor([0, 1, -2, 3, 4])
    agrees(path, lambda x: Q.quantize(x, scales, zeros, 1), x)
    agrees(path, lambda q: Q.dequantize(q, scales, zeros, 1), int8(4, 5))
    agrees(path, lambda q: Q.dequantize(q, 0.25, -3), int8(4, 5))
    agrees(path, lambda q: Q.requantize(q, 0.5, 3, 0.7, -2, low=-2), int8(4, 5))
    assert agrees(path, Q.quantize_dynamic, x) == ["DynamicQuantizeLinear"]


@pytest.mark.parametrize("low", [-128, 5])
def test_linear(path, low):
    weight, bias = int8(6, 16, low=-127), fastnet.tensor(rng.integers(-1000, 1000, 6).astype(np.int32))
    multiplier, shift = factors(6)
    for shape in ((40, 16), (8, 10, 16)):
        operators = agrees(path, lambda x: Q.quantized_linear(x, weight, bias, multiplier, shift, 3, 5, low),
                           int8(*shape))
        assert operators.count("DequantizeLinear") == 3 and operators[-1] == "QuantizeLinear"


def test_conv(path):
    weight, bias = int8(6, 2, 3, 3, low=-127), fastnet.tensor(rng.integers(-1000, 1000, 6).astype(np.int32))
    multiplier, shift = factors(6)
    for options in ({"padding": 1}, {"stride": 2, "padding": [(0, 1), (1, 2)]}, {"dilation": 2, "low": 5}):
        agrees(path, lambda x, options=options: Q.quantized_conv(x, weight, bias, multiplier, shift, 3, 5, groups=2,
                                                                 **options), int8(2, 4, 8, 7))


def test_element_by_element(path):
    a, b = int8(4, 5), int8(4, 5)
    agrees(path, lambda a, b: Q.quantized_add(a, b, 0.1, 3, 0.2, -4, 0.25, 1), a, b)
    agrees(path, lambda a, b: Q.quantized_add(a, b, 0.1, 3, 0.2, -4, 0.25, 1, low=1), a, b)
    agrees(path, lambda a, b: Q.quantized_mul(a, b, 0.1, 3, 0.2, -4, 2.0, 1), a, b)
    agrees(path, lambda a, b: Q.quantized_concat([a, b], [0.1, 0.2], [3, 4], 0.2, 4, 1), a, b, share=0.3)
    table = fastnet.tensor(Q.function_table(np.tanh, 0.05, 0, 1 / 128, 0))
    agrees(path, lambda a: Q.quantized_function(a, table), a)
    agrees(path, lambda a: Q.quantized_softmax(a, 0.05), a, share=0.2)


def test_pooling(path):
    x = int8(2, 3, 7, 6)
    agrees(path, lambda x: Q.quantized_max_pool(x, 3, 2, 1), x)
    agrees(path, lambda x: Q.quantized_avg_pool(x, 2, zero_point=4), x, share=0.3)
    agrees(path, lambda x: Q.quantized_avg_pool(x, 3, 2, 1, 4, ceil_mode=True), x, share=0.3)


def test_integer_products(path):
    agrees(path, lambda a, b: Q.integer_matmul(a, b), int8(3, 4), int8(4, 5))


def test_weights_of_8_and_4_bits(path):
    x = fastnet.tensor(rng.standard_normal((3, 64)).astype(np.float32))
    scale, bias = (fastnet.tensor(rng.uniform(0.01, 0.02, shape).astype(np.float32)) for shape in ((8, 2), (8,)))
    agrees(path, lambda x: Q.weight_only_linear(x, WIDE, scale, None, bias), x)
    agrees(path, lambda x: Q.weight_only_linear(x, PACKED, scale, None, bias), x)
    zeros = fastnet.tensor(rng.integers(0, 16, (8, 2)).astype(np.uint8))
    agrees(path, lambda x: Q.weight_only_linear(x, PACKED, scale, zeros), x)
    assert path.stat().st_size < 8 * 64 * 2 + 3000                      # the weight is packed in the file


WIDE, PACKED = int8(8, 64), fastnet.tensor(rng.integers(0, 256, (8, 32)).astype(np.uint8))


def test_dynamic_linear_keeps_its_activations(path):
    x, scale = fastnet.tensor(rng.standard_normal((3, 64)).astype(np.float32)), fastnet.full((8,), 0.01)
    model = Function(lambda x: Q.dynamic_linear(x, WIDE, scale, None))
    fastnet.onnx.export(model, (x,), path)
    expected = x.numpy() @ (WIDE.numpy().astype(np.float32) * 0.01).T
    np.testing.assert_allclose(results(path, [x])[0], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_recurrent_layers(path, cell):
    units, gates = 8, {"lstm": 4, "gru": 3}[cell]
    weights = [int8(gates * units, n, low=-127) for n in (6, units)]
    weights += [fastnet.tensor(rng.integers(-500, 500, gates * units).astype(np.int32)) for _ in range(2)]
    scale_x, scale_w, scale_h = 0.02, 0.005, 1 / 128
    numbers = [fastnet.tensor(a) for scale in (scale_x, scale_h)
               for a in Q.factors_of([scale * scale_w * 2.0 ** 12] * (gates * units))]
    result = Q.factor_of(2.0 ** (-30 if cell == "lstm" else -15) / scale_h)
    function = {"lstm": lambda x: Q.quantized_lstm(x, (None, None), weights, numbers, 3, 0, result)[0],
                "gru": lambda x: Q.quantized_gru(x, None, weights, numbers, 3, 0, result)[0]}[cell]
    operators = agrees(path, function, int8(5, 2, 6), limit=3, share=0.9)
    assert cell.upper() in operators


# ---- modules --------------------------------------------------------------------------------------------------------

def random_floats(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def test_a_quantised_network(path):
    q = quantized
    conv = q.Conv2d(3, 4, (3, 3), (1, 1), (1, 1), (1, 1), 1, 1 / 64, 2, 1 / 16, -5, "relu")
    model = nn.Sequential(q.Quantize(1 / 64, 2), conv, nn.Flatten(), q.Linear(4 * 36, 5, 1 / 16, -5, 1 / 4, 1),
                          q.DeQuantize(1 / 4, 1)).eval()
    model[1].set_weight(random_floats(4, 3, 3, 3), random_floats(4))
    model[3].set_weight(random_floats(5, 144) / 4, random_floats(5))
    x = fastnet.tensor(2 * random_floats(20, 3, 6, 6))
    fastnet.onnx.export(model, x, path)
    made = checked(path)
    found, expected = results(path, [x])[0], model(x).numpy()
    assert np.abs(found - expected).max() <= 0.25 and (found != expected).mean() < 0.05
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.9
    weights = {x.name: x.data_type for x in made.graph.initializer}
    assert weights["1.weight"] == weights["3.weight"] == 3 and weights["1.bias"] == 6       # int8 and int32


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_quantised_recurrent_modules(path, cell):
    layer = getattr(quantized, cell)(6, 8, 2, batch_first=True, input_scale=1 / 64, input_zero_point=3)
    layer.set_weights(getattr(nn, cell)(6, 8, 2))
    agrees(path, layer.eval(), int8(3, 5, 6), limit=2, share=0.9)


def test_weight_only_module(path):
    layer = quantized.WeightOnlyLinear(64, 3, bits=4).eval()
    layer.set_integers(rng.integers(0, 16, (3, 64)), rng.uniform(0.01, 0.02, (3, 2)), rng.integers(5, 9, (3, 2)), None)
    agrees(path, layer, fastnet.tensor(random_floats(5, 64)))


def test_a_trained_network(path):
    """Of 1,797 digits, ONNX Runtime classifies at least 99.9% as fastnet's int8 model does."""
    samples = pytest.importorskip("sklearn.datasets")
    digits = samples.load_digits()
    x, y = (digits.images[:, None] / 8 - 1).astype(np.float32), digits.target
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                          nn.Linear(128, 10))
    fastnet.Trainer(model, "adamw", loss="cross_entropy").fit(x, y, epochs=4, progress=False)
    small, _ = fastnet.quantize(model, x[:200], faster_only=False, speed=False)
    small.eval()
    fastnet.onnx.export(small, fastnet.tensor(x[:1]), path, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    operators = [node.op_type for node in checked(path).graph.node]
    assert operators.count("Conv") == 2 and operators[0] == "QuantizeLinear" and operators[-1] == "DequantizeLinear"
    found, expected = results(path, [x])[0], small(fastnet.tensor(x)).detach().numpy()
    assert (expected.argmax(1) == y).mean() > 0.95
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.999
    assert path.stat().st_size < 25_000                             # a byte for each weight
