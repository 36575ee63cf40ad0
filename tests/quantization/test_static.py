"""Static quantisation: integer models of traced networks, their files and their reports."""
import json

import numpy as np
import pytest

import fastnet
from fastnet import models, nn
from fastnet.quantization import StepModel, convert, prepare_qat
from fastnet.quantization.measure import batches_of, relative_error
from fastnet.quantization.static import calibrated, converted_with_layers


def images(*shape):
    return fastnet.randn(*shape).numpy()


def randomized(model, seed=0):
    """Give the batch norms of a model statistics and weights other than the initial ones."""
    generator = np.random.default_rng(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            n = module.num_features
            for tensor, values in ((module.running_mean, generator.normal(size=n) * 0.2),
                                   (module.running_var, generator.uniform(0.5, 1.5, n)),
                                   (module.weight, generator.uniform(0.5, 1.5, n)),
                                   (module.bias, generator.normal(size=n) * 0.2)):
                with fastnet.no_grad():
                    tensor.copy_(fastnet.tensor(values.astype(np.float32)))
        if isinstance(module, nn.Linear) and not module.weight.any():
            nn.init.normal_(module.weight, 0.0, 0.1)
    return model.eval()


class Mixed(nn.Module):
    """Residual sum, product by a gate, concatenation, pools, moves and element-wise functions."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.ReLU6())
        self.gate = nn.Conv2d(8, 8, 1)
        self.branch = nn.Sequential(nn.Conv2d(8, 4, 1), nn.Hardswish())
        self.fc = nn.Linear(12 * 4, 5)

    def forward(self, x):
        x = self.first(x)
        x = nn.functional.relu(x + self.depthwise(x))
        x = x * self.gate(nn.functional.adaptive_avg_pool2d(x, 1)).sigmoid()
        x = fastnet.cat([nn.functional.max_pool2d(x, 2), nn.functional.avg_pool2d(self.branch(x), 2)], 1)
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))


def static(model, x, **options):
    return fastnet.quantize(model, x, faster_only=False, speed=False, **options)


def test_a_network_of_all_operations():
    model, x = randomized(Mixed()), images(32, 3, 8, 8)
    small, report = static(model, x)
    expected, got = model(fastnet.tensor(x)).detach().numpy(), small(fastnet.tensor(x)).numpy()
    assert np.sqrt(np.square(got - expected).mean() / np.square(expected).mean()) < 0.08
    assert {layer.type for layer in report.layers} == {"int8"} and all(layer.error < 0.08 for layer in report.layers)
    assert report.after["bytes"] < 0.7 * report.before["bytes"]
    kinds = [step.entry.get("op") or type(small.get_submodule(step.module)).__name__ for step in small.steps]
    for kind in ("Quantize", "Conv2d", "Add", "Mul", "Concat", "Function", "Linear", "quantized_max_pool",
                 "quantized_avg_pool"):
        assert kind in kinds, kinds
    assert kinds.count("Quantize") == kinds.count("DeQuantize") == 1        # integers throughout


def test_the_batch_is_open():
    model = randomized(Mixed())
    small, _ = static(model, images(16, 3, 8, 8))
    for n in (1, 3):
        assert small(fastnet.tensor(images(n, 3, 8, 8))).shape == (n, 5)
    with pytest.raises(RuntimeError, match="expected the input"):
        small(fastnet.tensor(images(2, 3, 9, 8)))


def test_what_has_no_int8_form_stays_float32():
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.LayerNorm(32), nn.Linear(32, 4), nn.Softmax(1)).eval()
    small, report = static(model, images(50, 16))
    assert [(layer.operation, layer.type) for layer in report.layers] == [
        ("Linear", "int8"), ("layer_norm", "float32"), ("Linear", "int8"), ("softmax", "float32")]
    assert report.layers[1].reason == "no int8 form"
    x = fastnet.tensor(images(9, 16))
    np.testing.assert_allclose(small(x).numpy(), model(x).detach().numpy(), atol=0.05)


@pytest.mark.parametrize("calibration", ["MinMax", "Entropy", "Percentile", "MovingAverage"])
def test_calibrations(calibration):
    model = randomized(models.ds_cnn(4, channels=8))
    x = images(20, 1, 20, 10)
    small, _ = static(model, (x, np.zeros(20, np.int64)), calibration=calibration)
    error = small(fastnet.tensor(x)).numpy() - model(fastnet.tensor(x)).detach().numpy()
    assert np.abs(error).max() < 0.5


MODELS = {
    "resnet8": ({}, (3, 32, 32)), "ds_cnn": ({"channels": 16}, (1, 49, 10)), "lenet5": ({}, (1, 28, 28)),
    "mobilenet_v2": ({}, (3, 32, 32)), "autoencoder": ({}, (1, 28, 28)), "gru_kws": ({"bins": 10}, (1, 25, 10)),
    "vit_tiny": ({}, (3, 32, 32)), "squeezenet1_1": ({}, (3, 64, 64)), "shufflenet_v2_x1_0": ({}, (3, 64, 64)),
    "mobilenet_v3_small": ({}, (3, 64, 64)), "efficientnet_b0": ({}, (3, 64, 64)), "densenet121": ({}, (3, 64, 64)),
    "googlenet": ({"aux_logits": False}, (3, 64, 64)), "resnet18": ({"small_images": True}, (3, 32, 32)),
}
SLOW = "squeezenet1_1", "shufflenet_v2_x1_0", "efficientnet_b0", "densenet121", "googlenet", "resnet18"


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.models] if name in SLOW else [])
                                  for name in MODELS])
def test_models(name, tmp_path):
    options, shape = MODELS[name]
    model = randomized(getattr(models, name)(**options))
    x = images(4, *shape)
    small, report = static(model, x)
    expected, got = model(fastnet.tensor(x)).detach().numpy(), small(fastnet.tensor(x)).numpy()
    assert got.shape == expected.shape and np.isfinite(got).all()
    assert np.square(got - expected).mean() < 0.1 * np.square(expected).mean()
    assert any(layer.type == "int8" for layer in report.layers)
    small.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(fastnet.load(tmp_path / "m.safetensors")(fastnet.tensor(x)).numpy(), got)


# ---- files ----------------------------------------------------------------------------------------------------------

def test_files(tmp_path):
    small, _ = static(randomized(Mixed()), images(16, 3, 8, 8))
    path = tmp_path / "m.safetensors"
    small.save(path, metadata={"classes": list("abcde")})
    loaded = fastnet.load(path)
    assert isinstance(loaded, StepModel) and not loaded.training and loaded.notes == small.notes
    x = fastnet.tensor(images(3, 3, 8, 8))
    np.testing.assert_array_equal(loaded(x).numpy(), small(x).numpy())
    assert repr(loaded) == repr(small) and list(loaded.state_dict()) == list(small.state_dict())
    small.load_state_dict(loaded.state_dict())
    assert path.stat().st_size < 25_000


def test_a_prepared_model_in_a_file(tmp_path):
    prepared = prepare_qat(randomized(Mixed()), fastnet.tensor(images(2, 3, 8, 8)), faster_only=False)
    x = fastnet.tensor(images(8, 3, 8, 8))
    prepared(x)
    prepared.eval().save(tmp_path / "m.safetensors")
    loaded = fastnet.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded(x).detach().numpy(), prepared(x).detach().numpy())
    np.testing.assert_array_equal(convert(loaded)(x).numpy(), convert(prepared)(x).numpy())


@pytest.mark.parametrize("change, message", [
    (lambda d: d.pop("steps"), "no steps"),
    (lambda d: d["steps"].append({"out": "y", "op": "system", "arguments": {}}), "no operation"),
    (lambda d: d["steps"].append({"op": "relu"}), "out"),
    (lambda d: d["outputs"].append("missing"), "no value"),
    (lambda d: d["modules"].update(x={"class": "Nothing", "arguments": {}}), "no module"),
    (lambda d: d["modules"].update(x={"class": "Linear", "arguments": {"code": 1}}), "no argument"),
    (lambda d: d["tensors"].update(x={"kind": "buffer", "shape": [-1], "dtype": "float32"}), "shape"),
    (lambda d: d.update(inputs=3), "inputs"),
    (lambda d: d["steps"].append({"out": "y", "op": "relu", "arguments": {"x": {"what": 1}}}), "argument"),
    (lambda d: d["outputs"].append([1]), "outputs"),
    (lambda d: d["steps"][0].update(inputs=["missing"]), "no value"),
    (lambda d: d["steps"].reverse(), "no value"),
    (lambda d: d["inputs"][0].update(shape=[{"dim": [5, "batch", "1e999999999", None, 0]}, 4]), "argument"),
], ids=range(13))
def test_damaged_programs(change, message):
    described = static(nn.Sequential(nn.Linear(4, 4)), images(5, 4))[0].description
    change(described)
    with pytest.raises(ValueError, match=message):
        StepModel(json.dumps(described))


# ---- reports --------------------------------------------------------------------------------------------------------

def test_the_report():
    model = randomized(models.ds_cnn(4, channels=16))
    x, y = images(40, 1, 20, 10), np.random.default_rng(0).integers(0, 4, 40)
    small, report = fastnet.quantize(model, (x, y), faster_only=False)
    assert set(report.before) == set(report.after) == {"accuracy", "loss", "bytes", "seconds"}
    assert abs(report.before["accuracy"] - report.after["accuracy"]) <= 0.1
    text = str(report)
    assert text.splitlines()[0].split() == ["static", "float32", "quantised"] and "int8" in text
    json.dumps(report.to_dict())
    assert model.training is False
    batches = [(x[i:i + 10], y[i:i + 10]) for i in range(0, 40, 10)]
    again, _ = fastnet.quantize(model, batches, faster_only=False, speed=False)
    np.testing.assert_array_equal(again(fastnet.tensor(x)).numpy(), small(fastnet.tensor(x)).numpy())


@pytest.mark.parametrize("arguments, error", [
    ({"scheme": "int8"}, "scheme"), ({"calibration": "Max"}, "calibration"), ({"bits": 3}, "bits"),
    ({"data": np.zeros((0, 4), np.float32)}, "at least one sample"), ({"scheme": "qat"}, "labels"),
    ({"batch_size": 0}, "batch_size"), ({"group_size": 1}, "group_size"), ({"epochs": -1}, "epochs"),
    ({"data": (images(4, 4), np.zeros(4, np.float32))}, "labels that are classes"),
    ({"data": (images(4, 4), np.zeros(5, np.int64))}, "each of 4 samples"),
    ({"data": [(images(4, 4), np.zeros(3, np.int64))]}, "each of 4 samples"),
    ({"data": np.float32([[0, 1, 2, np.inf]])}, "finite values"),
    ({"data": np.float32([[0, 1, 2, np.nan]])}, "finite values")])
def test_wrong_arguments(arguments, error):
    arguments = {"data": images(4, 4), "faster_only": False, **arguments}
    with pytest.raises(ValueError, match=error):
        fastnet.quantize(nn.Linear(4, 4), **arguments)


def test_data_of_another_kind():
    with pytest.raises(TypeError, match=r"expected data as an array, a tensor, .*got None"):
        fastnet.quantize(nn.Linear(3, 3), None)
    with pytest.raises(ValueError, match="first dimension counts samples, got 1"):
        fastnet.quantize(nn.Linear(3, 3), [1, 2, 3])


def test_the_reason_of_a_recurrent_layer_that_stays_float32():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 4, bidirectional=True)

        def forward(self, x):
            return self.rnn(x)[0]
    _, report = static(Tagger(), images(5, 2, 3))
    assert "of one direction" in report.layers[0].reason


@pytest.mark.parametrize("scheme", ["static", "dynamic", "weight_only", "qat"])
def test_the_caller_keeps_modes_and_random_state(scheme):
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3))
    model[1].eval()
    x, state = images(8, 64), fastnet.get_rng_state()
    fastnet.quantize(model, (x, np.arange(8) % 3), scheme, speed=False)
    assert [module.training for module in model.modules()] == [True, True, False, True, True]
    assert np.array_equal(fastnet.get_rng_state(), state)


def test_a_label_for_each_pixel():
    model, x = nn.Conv2d(1, 3, 3, padding=1), images(4, 1, 5, 6)
    labels = model(fastnet.tensor(x)).argmax(1).numpy()
    _, report = static(model, (x, labels))
    assert report.before["accuracy"] == 1 and report.after["accuracy"] > 0.9


@pytest.mark.parametrize("counted", [True, False])
def test_average_pools_whose_last_window_leaves_the_padding(counted):
    pool = nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=counted)
    model, x = nn.Sequential(nn.Conv2d(1, 4, 1), pool).eval(), images(4, 1, 6, 6)
    small, _ = static(model, x)
    np.testing.assert_allclose(small(fastnet.tensor(x)).numpy(), model(fastnet.tensor(x)).detach().numpy(), atol=0.03)
    assert "quantized_avg_pool" in [step.entry.get("op") for step in small.steps]


def test_not_a_module():
    with pytest.raises(TypeError, match="Module"):
        fastnet.quantize(lambda x: x, images(2, 2))
    with pytest.raises(TypeError, match="prepare_qat"):
        convert(nn.Linear(2, 2))


@pytest.mark.parametrize("scheme", ["static", "dynamic", "weight_only", "qat"])
def test_a_model_that_is_quantised_already(scheme):
    model, x = nn.Sequential(nn.Linear(64, 64)), images(8, 64)
    made = prepare_qat(model, fastnet.tensor(x), faster_only=False) if scheme == "qat" else fastnet.quantize(
        model, x, scheme, faster_only=False, speed=False)[0]
    for again in (lambda: fastnet.quantize(made, x), lambda: prepare_qat(made, fastnet.tensor(x))):
        with pytest.raises(ValueError, match="expected a model of float32, got one with a quantised layer, '"):
            again()


def test_convert_needs_data():
    with pytest.raises(ValueError, match="has seen no values"):
        convert(prepare_qat(nn.Linear(64, 64), fastnet.ones(1, 64), faster_only=False))


def test_integers_are_those_of_the_prepared_model():
    model, x = randomized(Mixed()), images(64, 3, 8, 8)
    prepared = calibrated(model, batches_of(x, 64), "MinMax", False)
    small, _ = converted_with_layers(prepared, (fastnet.tensor(x),))
    expected, got = prepared(fastnet.tensor(x)).detach().numpy(), small(fastnet.tensor(x)).numpy()
    step = prepared.get_submodule("activations.linear_1").scale.item()
    assert np.abs(got - expected).max() <= 4.5 * step
    assert (got.argmax(1) == expected.argmax(1)).mean() > 0.95


def test_exports_have_the_names_of_the_inputs(tmp_path):
    x = images(8, 4)
    model, _ = fastnet.quantize(nn.Sequential(nn.Linear(4, 4)), x, faster_only=False, speed=False)
    fastnet.onnx.export(model, fastnet.tensor(x), tmp_path / "m.onnx", dynamic_axes={"input": {0: "n"}})
    assert [str(value) for value in fastnet.onnx.load(tmp_path / "m.onnx").inputs] == ["input: float32 (n, 4)"]
    assert "net_run(const float *input, float *output)" in _header(model, fastnet.tensor(x), tmp_path)


def _header(model, example, folder):
    fastnet.export_c(model, example, folder / "net.c")
    return (folder / "net.h").read_text()


@pytest.mark.parametrize("activation", [
    nn.LeakyReLU(0.2), nn.ELU(0.5), nn.SELU(), nn.Softplus(2.0), nn.Hardtanh(-0.5, 0.7), nn.ReLU6(), nn.CELU(),
    nn.Mish(), nn.GELU("tanh")], ids=lambda x: type(x).__name__)
def test_activations_are_read_from_a_table(activation):
    fastnet.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 8), activation), images(64, 6)
    small, report = static(model, x)
    assert {layer.type for layer in report.layers} == {"int8"} and all(layer.error < 0.05 for layer in report.layers)
    assert relative_error(small(fastnet.tensor(x)).numpy(), model(fastnet.tensor(x)).detach().numpy()) < 0.05


class Mean(nn.Module):
    """A mean over dimensions between a layer and a sum."""

    def __init__(self, layer, dim, keepdim):
        super().__init__()
        self.layer, self.dim, self.keepdim = layer, dim, keepdim

    def forward(self, x):
        return self.layer(x).mean(self.dim, self.keepdim)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("layer, shape, dim", [
    (nn.Conv2d(3, 4, 3), (3, 8, 8), (2, 3)), (nn.Conv1d(3, 4, 3), (3, 8), -1), (nn.Conv2d(3, 4, 3), (3, 8, 8), 1),
    (nn.Conv2d(3, 4, 3), (3, 8, 8), (1, 3)), (nn.Linear(6, 4), (5, 6), 1), (nn.Linear(6, 4), (6,), -1),
    (nn.Linear(6, 4), (6,), []), (nn.Linear(6, 4), (5, 2, 3, 6), (2, 4, 1))])
def test_means_are_average_pools(layer, shape, dim, keepdim):
    model, x = Mean(layer, dim, keepdim).eval(), images(32, *shape)
    small, report = static(model, x)
    assert [layer.type for layer in report.layers] == ["int8"]
    kinds = [step.entry.get("op") or type(small.get_submodule(step.module)).__name__ for step in small.steps]
    assert "quantized_avg_pool" in kinds and "mean" not in kinds and kinds[-1] == "DeQuantize"
    expected, found = model(fastnet.tensor(x)).detach().numpy(), small(fastnet.tensor(x)).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1.5 * small.get_submodule(small.steps[-1].module).scale     # one rounding


def test_means_over_open_dimensions():
    model, x = Mean(nn.Linear(6, 4), (0, 1), False).eval(), images(32, 6)
    small, report = static(model, x)
    assert [layer.type for layer in report.layers] == ["int8"]
    some = fastnet.tensor(x[:5])
    assert abs(small(some) - model(some)).item() < small.get_submodule(small.steps[-1].module).scale
    many = Mean(nn.Linear(6, 4), (0, 1, 2, 3), False).eval()
    reasons = [layer.reason for layer in static(many, images(32, 2, 3, 6))[1].layers]
    assert reasons == ["", "it averages over 4 dimensions, of which one is open"]


def test_reasons_of_means_and_pools():
    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x):
            y = self.layer(x)[:, None]
            return y.mean(1, dtype=fastnet.float64), nn.functional.avg_pool2d(y, 2, divisor_override=3)
    small, report = static(Other(), images(32, 4, 6))
    assert small(fastnet.ones(1, 4, 6))[0].dtype is fastnet.float64
    assert [layer.reason for layer in report.layers] == [
        "", "its result is float64", "no int8 form with indices or a divisor"]


class Operands(nn.Module):
    """Operations with a constant, and with a tensor of another dtype."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x, labels):
        return self.layer(x) * 2 + labels


def test_reasons_of_operands():
    _, report = fastnet.quantize(Operands(), ((images(32, 6), np.ones((32, 6), np.int32)), None), faster_only=False,
                                 speed=False)
    assert [layer.reason for layer in report.layers] == ["", "an operand is a constant", "an operand is int32"]


def test_layers_in_float_have_their_names_in_graphs():
    x = images(32, 6)
    small, _ = static(nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8)), x)
    graph = fastnet.graph.trace(nn.Sequential(small, nn.Linear(8, 4), nn.Tanh()), fastnet.tensor(x))
    assert [(node.operation, node.module) for node in graph.nodes][-3:] == [
        ("layer_norm", "0.1"), ("linear", "1"), ("tanh", "2")]
