"""Quantised forms of loaded ONNX files, whose linear layers are products with a matrix of weights."""
import numpy as np
import pytest
from fuzz_onnx import content, graph, node

import fastnet
from fastnet import nn
from fastnet.onnx.forms import DataType
from fastnet.quantization.measure import relative_error


class Product(nn.Module):
    """x @ weight + bias, with the weight as PyTorch's exporter writes it, (inputs, outputs)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(fastnet.randn(inputs, outputs) / inputs ** 0.5)
        self.bias = nn.Parameter(fastnet.randn(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Tokens(nn.Module):
    """Products over (N, T, C), one of them without a bias, and a head over (N, C)."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Product(16, 64), nn.Linear(64, 32, bias=False)
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        x = nn.functional.gelu(self.second(nn.functional.relu(self.first(x))))
        return self.head(x[:, 0] + x[:, 1])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """The model as an ONNX file holds it: the weights are parameters without layers."""
    path = tmp_path_factory.mktemp("onnx") / "tokens.onnx"
    fastnet.manual_seed(0)
    fastnet.onnx.export(Tokens(), fastnet.ones(2, 5, 16), path, dynamic_axes={"x": {0: "batch", 1: "time"}})
    return fastnet.onnx.load(path)


def tokens(n=64, time=5):
    return fastnet.randn(n, time, 16)


def error(model, reference, x):
    return relative_error(model(x).detach().numpy(), reference(x).detach().numpy())


@pytest.mark.parametrize("scheme, options, size, limit", [
    ("static", {}, 0.45, 0.04), ("dynamic", {}, 0.35, 0.02), ("weight_only", {}, 0.4, 0.02),
    ("weight_only", {"bits": 4, "method": "gptq"}, 0.25, 0.2)])
def test_products_of_three_dimensions_are_quantised(loaded, tmp_path, scheme, options, size, limit):
    x = tokens()
    small, report = fastnet.quantize(loaded, x, scheme, faster_only=False, speed=False, **options)
    layers = {layer.name: layer for layer in report.layers if layer.operation == "Linear"}
    assert list(layers) == ["first", "second", "head"]
    assert {layer.type for layer in layers.values()} == {f"int{options.get('bits', 8)}"}
    assert report.after["bytes"] < size * report.before["bytes"]
    assert error(small, loaded, x) < limit
    assert small(tokens(3, 9)).shape == (3, 4)                  # the file's open dimensions stay open
    small.save(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(fastnet.load(tmp_path / "small.safetensors")(x).numpy(), small(x).numpy())


def test_an_activation_is_part_of_the_layer(loaded):
    small, report = fastnet.quantize(loaded, tokens(), faster_only=False, speed=False)
    assert small.get_submodule("first").activation == "relu"
    assert "relu" not in {layer.operation for layer in report.layers}


def test_a_product_quantises_as_a_linear_layer():
    product, linear, x = Product(16, 8), nn.Linear(16, 8), tokens()
    linear.load_state_dict({"weight": product.weight.detach().t(), "bias": product.bias})
    ours, other = (fastnet.quantize(model, x, faster_only=False, speed=False)[0] for model in (product, linear))
    np.testing.assert_array_equal(ours(x).numpy(), other(x).numpy())


def test_files_need_a_batch_to_be_traced(loaded):
    with pytest.raises(TypeError, match="expected data as an array"):
        fastnet.quantize(loaded, scheme="dynamic")


def test_small_layers_stay_float32_by_default(loaded):
    _, report = fastnet.quantize(loaded, tokens(), "dynamic", speed=False)
    assert [(layer.name, layer.type) for layer in report.layers] == [
        ("first", "int8"), ("second", "int8"), ("head", "float32")]


class Transposed(nn.Module):
    """Products with stored and transposed matrices, one of which an embedding reads, too."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(fastnet.randn(20, 8))
        self.matrix = nn.Parameter(fastnet.randn(8, 8))

    def forward(self, index):
        x = nn.functional.embedding(index, self.table)
        return (x @ self.matrix) @ self.table.t()


def test_a_weight_that_other_operations_read_stays_shared():
    model, index = Transposed(), fastnet.randint(0, 20, (12, 3))
    small, report = fastnet.quantize(model, index, "dynamic", faster_only=False, speed=False)
    assert [layer.type for layer in report.layers] == ["int8"]  # of the matrix
    assert report.after["bytes"] < report.before["bytes"]
    assert error(small, model, index) < 0.02


class Twice(nn.Module):
    """A layer that is called twice, and another one with the same bias."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)
        self.second.bias = self.first.bias

    def forward(self, x):
        return self.second(self.first(self.first(x).tanh()).tanh())


@pytest.mark.parametrize("scheme", ["dynamic", "weight_only"])
def test_layers_that_share_weights_or_biases(scheme, tmp_path):
    fastnet.onnx.export(Twice(), fastnet.ones(2, 5, 16), tmp_path / "twice.onnx", dynamic_axes={"x": {0: "n"}},
                        input_names=["x"])
    model, x = fastnet.onnx.load(tmp_path / "twice.onnx"), tokens()
    small, report = fastnet.quantize(model, x, scheme, faster_only=False, speed=False)
    assert [layer.type for layer in report.layers] == ["int8", "int8"]
    assert report.after["bytes"] < 0.45 * report.before["bytes"] and error(small, model, x) < 0.02


class Images(nn.Module):
    """A convolution, a pool of the whole image, a mean over it, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(16, 4)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.conv(x), 0.1)
        pooled = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.last(fastnet.cat([pooled, x.mean((2, 3))], 1))


def test_images_of_open_sizes(tmp_path):
    axes = {"x": {0: "n", 2: "h", 3: "w"}}
    fastnet.onnx.export(Images(), fastnet.ones(2, 3, 8, 8), tmp_path / "m.onnx", dynamic_axes=axes)
    model = fastnet.onnx.load(tmp_path / "m.onnx")
    x, other = fastnet.randn(32, 3, 8, 8), fastnet.randn(3, 3, 9, 14)
    small, report = fastnet.quantize(model, x, faster_only=False, speed=False)
    assert {layer.type for layer in report.layers} == {"int8"}
    assert error(small, model, x) < 0.05 and error(small, model, other) < 0.05
    small.save(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(fastnet.load(tmp_path / "small.safetensors")(other).numpy(), small(other).numpy())


class Mean(nn.Module):
    """The mean over the tokens."""

    def forward(self, x):
        return x.mean(1)


def test_a_mean_over_an_open_length_is_exported_again(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model, path = nn.Sequential(nn.Linear(16, 8), Mean(), nn.Linear(8, 3)), tmp_path / "mean.onnx"
    axes = {"x": {0: "n", 1: "time"}}
    fastnet.onnx.export(model, fastnet.ones(2, 5, 16), path, input_names=["x"], dynamic_axes=axes)
    small, report = fastnet.quantize(fastnet.onnx.load(path), tokens(), faster_only=False, speed=False)
    assert {layer.type for layer in report.layers} == {"int8"}
    fastnet.onnx.export(small, fastnet.ones(2, 5, 16), path, dynamic_axes=axes)
    x = tokens(4, 11)
    [found] = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x.numpy()})
    step = small.get_submodule(small.steps[-1].module).scale
    assert np.abs(found - small(x).numpy()).max() < 1.5 * step and error(small, model, x) < 0.05


class Factors(nn.Module):
    """A product with a product of two weights, as of adapters, and a linear map of a weight."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(fastnet.randn(16, 2)), nn.Parameter(fastnet.randn(2, 16))
        self.row, self.scale = nn.Parameter(fastnet.randn(1, 2)), nn.Parameter(fastnet.randn(2, 16))

    def forward(self, x):
        return x @ (self.a @ self.b) + nn.functional.linear(self.row, self.scale.t())


@pytest.mark.parametrize("scheme", ["static", "dynamic", "weight_only"])
def test_products_of_weights_stay_float32(scheme):
    model, x = Factors(), tokens()
    small, report = fastnet.quantize(model, x, scheme, faster_only=False, speed=False)
    assert "int8" not in {layer.type for layer in report.layers} and error(small, model, x) < 1e-6


class Tied(nn.Module):
    """A product with a transposed table, before and after other operations read the table."""

    def __init__(self, first):
        super().__init__()
        self.first, self.table = first, nn.Parameter(fastnet.randn(8, 16))

    def forward(self, x):
        parts = (x @ self.table.t()).mean(), (self.table * 0.5).sum()
        return x * (parts[0] + parts[1] if self.first else parts[1] + (x @ self.table.t()).mean())


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("scheme", ["static", "dynamic", "weight_only"])
def test_a_table_that_other_operations_read(scheme, first):
    model, x = Tied(first), tokens()
    small, _ = fastnet.quantize(model, x, scheme, faster_only=False, speed=False)
    assert error(small, model, x) < 0.02


class Places(nn.Module):
    """Maxima and their places."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(fastnet.randn(16, 16))

    def forward(self, x):
        return nn.functional.max_pool1d(x @ self.weight, 2, return_indices=True)


@pytest.mark.parametrize("scheme", ["static", "dynamic"])
def test_operations_with_several_results(scheme):
    with pytest.raises(NotImplementedError, match="operation 'max_pool' of module '' has several results"):
        fastnet.quantize(Places(), tokens(), scheme)


@pytest.mark.parametrize("names", [("training", "steps"), ("forward", "training"), ("w:0", "a/b")])
@pytest.mark.parametrize("scheme", ["static", "dynamic"])
def test_names_of_weights(scheme, names, tmp_path):
    weights = dict(zip(names, (fastnet.randn(*shape).numpy() for shape in ((16, 8), (1, 8)))))
    path = tmp_path / "m.onnx"
    path.write_bytes(content(graph([node("MatMul", f"x {names[0]}", "h"), node("Mul", f"h {names[1]}", "y")],
                                   [("x", DataType.FLOAT, ["n", 5, 16])], **weights)))
    model, x = fastnet.onnx.load(path), tokens()
    small, _ = fastnet.quantize(model, x, scheme, faster_only=False, speed=False)
    assert error(small, model, x) < 0.02
