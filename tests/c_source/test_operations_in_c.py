"""Each operation that has a rule for C, compiled and compared with Python."""
import numpy as np
import pytest
from c_tools import COMPILERS, compile_source, exported, largest_error, symbols

import fastnet
from fastnet import nn
from fastnet.functional.quantized import dynamic_linear, weight_only_linear

F = nn.functional


class Function(nn.Module):
    """A module that calls a function."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, *inputs):
        return self.function(*self.parts, *inputs)


def chain(*layers):
    return nn.Sequential(*layers)


def of(function, *parts):
    return Function(function, *parts)


fastnet.manual_seed(0)                  # the layers are made here
X2, X3, X4 = (2, 6), (2, 6, 9), (2, 4, 7, 8)
FLOATS = {
    "linear": (chain(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), [X2]),
    "linear without bias": (nn.Linear(9, 4, bias=False), [X3]),
    "linear long": (nn.Linear(1000, 3), [(2, 1000)]),
    "conv1d": (nn.Conv1d(6, 8, 3, stride=2, padding=2, dilation=2, groups=2), [X3]),
    "conv2d": (chain(nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()), [X4]),
    "conv2d uneven": (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2)), [X4]),
    "conv2d same": (nn.Conv2d(4, 6, 4, padding="same"), [X4]),
    "conv2d many channels": (nn.Conv2d(70, 5, 1), [(1, 70, 3, 3)]),
    "depthwise": (nn.Conv2d(4, 8, 3, groups=4, bias=False), [X4]),
    "conv transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), [X4]),
    "conv transposed 1d": (nn.ConvTranspose1d(6, 4, 4, stride=3, dilation=2), [X3]),
    "max pool": (nn.MaxPool2d(3, 2, 1), [X4]),
    "max pool ceil": (nn.MaxPool2d(3, 2, ceil_mode=True), [X4]),
    "max pool dilated": (nn.MaxPool1d(3, 2, 1, dilation=2), [X3]),
    "avg pool": (nn.AvgPool2d(3, 2, 1), [X4]),
    "avg pool ceil": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), [X4]),
    "avg pool inside": (nn.AvgPool2d((2, 3), 2, 1, count_include_pad=False), [X4]),
    "avg pool divisor": (nn.AvgPool2d(2, divisor_override=3), [X4]),
    "adaptive avg pool": (nn.AdaptiveAvgPool2d((3, 5)), [X4]),
    "adaptive max pool": (nn.AdaptiveMaxPool2d((3, 1)), [X4]),
    "adaptive to one": (chain(nn.AdaptiveAvgPool2d(1), nn.Flatten()), [X4]),
    "batch norm": (nn.BatchNorm1d(6), [X3]),
    "batch norm before": (chain(nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3)), [X4]),
    "layer norm": (nn.LayerNorm((6, 9)), [X3]),
    "layer norm plain": (nn.LayerNorm(9, elementwise_affine=False), [X3]),
    "rms norm": (nn.RMSNorm(9), [X3]),
    "group norm": (nn.GroupNorm(2, 4), [X4]),
    "dropout": (chain(nn.Linear(6, 6), nn.Dropout(0.5)), [X2]),
    "softmax": (nn.Softmax(dim=1), [X3]), "softmax last": (nn.Softmax(dim=-1), [X3]),
    "log softmax": (nn.LogSoftmax(dim=1), [X4]),
    "add": (of(lambda x, y: x + y), [X3, X3]), "add broadcast": (of(lambda x, y: x + y), [X3, (6, 1)]),
    "add alpha": (of(lambda x, y: fastnet.add(x, y, alpha=0.5)), [X3, X3]),
    "mul": (of(lambda x, y: x * y * 2), [X3, (2, 1, 9)]), "sub from": (of(lambda x: 1 - x), [X3]),
    "div": (of(lambda x, y: x / (y * y + 1)), [X3, X3]), "same twice": (of(lambda x: (x + 1) * (x + 1)), [X3]),
    "with its own part": (of(lambda x: (x * 2) * (x * 2)[:1]), [X3]),
    "maximum": (of(fastnet.maximum), [X3, X3]), "clamp": (of(lambda x: x.clamp(-0.5, 0.7)), [X3]),
    "where": (of(lambda x: fastnet.where(x > 0, x, x * 0.1)), [X3]),
    "functions": (of(lambda x: (x.abs() + 1).log() + x.exp() * x.sin() - (x * x).sqrt()), [X3]),
    "cat": (of(lambda x, y: fastnet.cat([x, y, x], 1)), [X3, (2, 2, 9)]),
    "cat first": (of(lambda x, y: fastnet.cat([x * 2, y], 0)), [X3, X3]),
    "stack": (of(lambda x, y: fastnet.stack([x, y], 1)), [X3, X3]),
    "chunk": (of(lambda x: (lambda a, b: a * b.sigmoid())(*x.chunk(2, 1))), [X3]),
    "flatten": (chain(nn.Flatten(), nn.Linear(54, 2)), [X3]), "reshape": (of(lambda x: x.reshape(9, 12) * 2), [X3]),
    "transpose": (of(lambda x: x.transpose(1, 2) + 1), [X3]), "permute": (of(lambda x: x.permute(3, 0, 2, 1)), [X4]),
    "squeeze": (of(lambda x: x.unsqueeze(1).squeeze(1) * 3), [X3]), "expand": (of(lambda x: x.expand(4, 2, 6)), [X2]),
    "slices": (of(lambda x: x[:, 1::2, -3:] + x[:, 0:1, :3]), [X3]), "select": (of(lambda x: x[..., -1]), [X3]),
    "flip": (of(lambda x: x.flip(1)), [X3]), "pad": (of(lambda x: F.pad(x, (1, 2, 0, 3), value=0.5)), [X3]),
    "crop": (of(lambda x: F.pad(x, (-1, 2))), [X3]),
    "mean": (of(lambda x: x.mean((2, 3))), [X4]), "mean of batch": (of(lambda x: x.mean((0, 2), keepdim=True)), [X3]),
    "mean of all": (of(lambda x: x.mean()), [X4]), "sum": (of(lambda x: x.sum(1)), [X3]),
    "long sum": (of(lambda x: x.sum()), [(3000,)]),
    "amax": (of(lambda x: x.amax((1, 2))), [X4]), "amin": (of(lambda x: x.amin(-1)), [X4]),
    "argmax": (of(lambda x: x.argmax(1)), [X3]), "argmin": (of(lambda x: x.argmin()), [X3]),
    "matmul": (of(lambda x, y: x @ y), [(3, 2, 4), (3, 4, 5)]),
    "matmul shared": (of(lambda x, y: x @ y), [(3, 2, 20), (20, 5)]),
    "lstm": (nn.LSTM(6, 5, 2), [(7, 2, 6)]),
    "lstm both": (nn.LSTM(6, 5, bidirectional=True, batch_first=True), [(2, 7, 6)]),
    "lstm from a state": (of(lambda m, x, h, c: m(x, (h, c)), nn.LSTM(6, 5)), [(7, 2, 6), (1, 2, 5), (1, 2, 5)]),
    "lstm unbatched": (of(lambda m, x: m(x)[0][-1], nn.LSTM(6, 5, bias=False)), [(7, 6)]),
    "gru": (nn.GRU(6, 5, 2, batch_first=True, bidirectional=True), [(2, 7, 6)]),
    "gru no bias": (nn.GRU(6, 5, bias=False), [(7, 1, 6)]),
    "rnn": (nn.RNN(6, 5), [(7, 2, 6)]), "rnn relu": (nn.RNN(6, 5, nonlinearity="relu"), [(7, 2, 6)]),
    "lstm cell": (nn.LSTMCell(6, 5), [X2]), "gru cell": (nn.GRUCell(6, 5), [X2, (2, 5)]),
    "attention": (of(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)),
                  [(2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 6)]),
    "attention masked": (of(lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m)),
                         [(2, 3, 4, 4), (2, 3, 5, 4), (2, 3, 5, 6), (4, 5)]),
    "multihead": (of(lambda m, x: m(x, x, x, need_weights=False)[0], nn.MultiheadAttention(8, 2, batch_first=True)),
                  [(2, 5, 8)]),
    "transformer": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), [(2, 5, 8)]),
    "several outputs": (of(lambda a, b, x: (a(x), {"z": b(x).relu()}, x), nn.Linear(6, 2), nn.Linear(6, 3)), [X2]),
    "an output twice": (of(lambda a, x: (lambda y: (y, y + 1, y))(a(x)), nn.Linear(6, 2)), [X2]),
    "a view as output": (of(lambda a, x: a(x).t(), nn.Linear(6, 2)), [X2]),
    "a part as output": (of(lambda a, x: a(x)[:, 1:2].relu(), nn.Linear(6, 2)), [(1, 6)]),
}
ACTIVATIONS = [nn.ReLU(), nn.ReLU6(), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Hardswish(), nn.Hardsigmoid(), nn.SELU(),
               nn.GELU(), nn.GELU("tanh"), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.Softplus(2.0), nn.Hardtanh(-0.5, 2.0),
               nn.Mish(), nn.Softsign(), nn.CELU(0.5), nn.LogSigmoid(), nn.GLU(), nn.PReLU(), nn.Softmin(1)]
FLOATS |= {repr(layer): (chain(nn.Linear(6, 8), layer), [X2]) for layer in ACTIVATIONS}
LOOSE = {"functions", "long sum"}               # sums of terms that are larger than the result


def inputs(shapes):
    fastnet.manual_seed(1)
    return tuple(fastnet.randn(*shape) for shape in shapes)


@pytest.mark.parametrize("name", FLOATS)
def test_float_operations(name, tmp_path):
    model, shapes = FLOATS[name]
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.copy_(fastnet.randn(*module.running_mean.shape))
            module.running_var.copy_(fastnet.rand(*module.running_var.shape) + 0.5)
    given = inputs(shapes)
    compiled, expected = exported(model, given, tmp_path)
    found = compiled(*(x.numpy() for x in given))
    assert largest_error(found, expected) <= (5e-6 if name in LOOSE else 1e-6)
    made = compiled.made
    assert made.arena <= made.live_maximum + 512 and not {"malloc", "free"} & symbols(compiled.path)
    assert largest_error(compiled(*(x.numpy() for x in given)), found) == 0         # a second call


def test_indices(tmp_path):
    model = chain(nn.Embedding(7, 5), nn.Flatten(), nn.Linear(15, 4))
    tokens = fastnet.tensor([[1, 0, 6], [3, 3, 2]])
    compiled, expected = exported(model, tokens, tmp_path)
    assert "const int32_t *input" in compiled.made.header.read_text()
    assert largest_error(compiled(tokens.numpy()), expected) < 1e-6


INTEGERS = {
    "a fraction": lambda x: (x < 0.5, x == 0.5, x >= 1.0, x > -0.5),
    "booleans": lambda x: (((x > 0) + (x < 2)).float(), ((x > 0) * (x < 2)).float()),
    "large numbers": lambda x: (x.abs(), x.amax(), x.amin(), x.argmax(), x.clamp(min=0), x.sum(dim=())),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integers(name, tmp_path):
    x = fastnet.tensor([0, 1, 2, -1, (1 << 24), -3, (1 << 24) + 1])
    compiled, expected = exported(of(INTEGERS[name]), x, tmp_path)
    assert all(map(np.array_equal, compiled(x.numpy()), expected))


@pytest.mark.parametrize("size", [1e3, 1e5, 1e38])
def test_log_softmax_of_large_numbers(size, tmp_path):
    x = fastnet.tensor(np.float32([[0, 1, 2, 3, 4, 5]])) * 0.25 + size
    compiled, expected = exported(nn.LogSoftmax(-1), x, tmp_path, self_test=0)
    np.testing.assert_allclose(compiled(x.numpy())[0], expected[0], rtol=2e-7)


def test_nan_reaches_the_result(tmp_path):
    x = fastnet.tensor([[[2.0, float("nan"), 1.0, 3.0, -1.0, 0.0]]])
    model = of(lambda x: (x.relu(), x.amax(), x.amin(), x.argmax(), x.argmin(), nn.functional.max_pool1d(x, 2)))
    compiled, expected = exported(model, x, tmp_path, self_test=0)
    for found, wanted in zip(compiled(x.numpy()), expected, strict=True):
        assert np.array_equal(found, wanted, equal_nan=True)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", ["-O0", "-O3", "-Os"])
def test_compilers(compiler, level, tmp_path):
    model = chain(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3), nn.Softmax(1))
    x = fastnet.randn(1, 1, 8, 8)
    compiled, expected = exported(model, x, tmp_path)
    compile_source(compiled.made, level, compiler=compiler)
    assert largest_error(compiled(x.numpy()), expected) < 1e-6


def small_weights():
    draw = np.random.default_rng(0)
    eight, four = (fastnet.tensor(draw.integers(low, high, shape).astype(dtype)) for low, high, shape, dtype in (
        (-127, 128, (5, 12), np.int8), (0, 256, (5, 6), np.uint8)))
    scale, bias = fastnet.rand(5, 3), fastnet.randn(5)
    return {
        "8 bits": lambda x: weight_only_linear(x, eight, scale / 100, bias=bias),
        "8 bits, zeros": lambda x: weight_only_linear(x, eight, scale, fastnet.full((5, 3), 7, dtype=fastnet.int8)),
        "4 bits": lambda x: weight_only_linear(x, four, scale),
        "4 bits, zeros": lambda x: weight_only_linear(x, four, scale, fastnet.full((5, 3), 7, dtype=fastnet.uint8)),
        "dynamic": lambda x: dynamic_linear(x, eight, scale[:, 0], bias),
        "dynamic relu": lambda x: dynamic_linear(x, eight, scale[:, 0], relu=True),
    }


@pytest.mark.parametrize("name", ["8 bits", "8 bits, zeros", "4 bits", "4 bits, zeros", "dynamic", "dynamic relu"])
def test_small_weights(name, tmp_path):
    model, x = of(small_weights()[name]), fastnet.randn(3, 12)
    compiled, expected = exported(model, x, tmp_path)
    assert largest_error(compiled(x.numpy()), expected) <= 1e-6
    positive = x.relu()                     # rows without negative numbers have the least integer as zero point
    assert largest_error(compiled(positive.numpy()), [model(positive).numpy()]) <= 1e-6
