"""Dynamic and weight-only quantisation, and weights of 16 bits in files."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn
from fastnet.nn import quantized
from fastnet.nn.quantized import dynamic
from fastnet.quantization import gptq, round_to_nearest

rng = np.random.default_rng(0)


def tensor(*shape):
    return fastnet.tensor(rng.normal(size=shape).astype(np.float32))


def relative(got, expected):
    return float((got - expected).square().mean().sqrt() / expected.square().mean().sqrt())


def test_dynamic_linear():
    layer, x = nn.Linear(40, 30), tensor(5, 7, 40)
    small = dynamic.Linear.from_float(layer)
    assert small.weight.dtype == np.int8 and relative(small(x), layer(x).detach()) < 0.02


@pytest.mark.parametrize("make, cls", [(nn.LSTM, dynamic.LSTM), (nn.GRU, dynamic.GRU)])
@pytest.mark.parametrize("options", [{}, {"batch_first": True, "num_layers": 2}, {"bidirectional": True}])
def test_dynamic_recurrent_layers(make, cls, options):
    layer, x = make(6, 8, **options), tensor(5, 5, 6)
    small = cls.from_float(layer)
    (expected, ends), (got, last) = layer(x), small(x)
    assert got.shape == expected.shape and relative(got, expected.detach()) < 0.05
    for a, b in zip(ends if isinstance(ends, tuple) else [ends], last if isinstance(last, tuple) else [last]):
        assert a.shape == b.shape and relative(b, a.detach()) < 0.05
    assert small(x[:, 0])[0].shape == layer(x[:, 0])[0].shape
    again, _ = small(x, last)
    assert relative(again, layer(x, ends)[0].detach()) < 0.05


@pytest.mark.parametrize("shapes", [[(1, 1, 8)] * 2, [(1, 5, 8)], [(5, 8)] * 2])
def test_states_that_do_not_fit(shapes):
    states = tuple(fastnet.zeros(*shape) for shape in shapes)
    with pytest.raises(RuntimeError, match=r"expected hx to be 2 tensor\(s\) of shape \(1, 5, 8\)"):
        dynamic.LSTM(6, 8)(tensor(4, 5, 6), states)
    with pytest.raises(RuntimeError, match="got PackedSequence"):
        dynamic.LSTM(6, 8)(nn.utils.rnn.pack_sequence([tensor(4, 6), tensor(2, 6)]))


def test_dynamic_models(tmp_path):
    ids = fastnet.tensor(rng.integers(0, 100, (4, 9)))
    model = models.lstm_classifier(3, 100).eval()
    small, _ = fastnet.quantize(model, ids, "dynamic", speed=False)
    assert relative(small(ids).detach(), model(ids).detach()) < 0.1
    ids, model = tensor(4, 1, 25, 10), models.gru_kws(bins=10).eval()
    small, report = fastnet.quantize(model, ids, "dynamic", speed=False)
    assert {layer.type for layer in report.layers} >= {"int8"} and report.after["bytes"] < report.before["bytes"]
    small.save(tmp_path / "m.safetensors")
    got = small(ids).detach()
    np.testing.assert_array_equal(fastnet.load(tmp_path / "m.safetensors")(ids).detach().numpy(), got.numpy())
    assert relative(got, model(ids).detach()) < 0.1


@pytest.mark.parametrize("bits, limit", [(4, 0.13), (8, 0.01)])
@pytest.mark.parametrize("group", [32, 128])
def test_round_to_nearest(bits, limit, group):
    weight = rng.normal(size=(20, 256)).astype(np.float32)
    found = round_to_nearest(weight, bits, group)
    assert found.scale.shape == (20, 256 // group)
    assert np.square(found.real() - weight).mean() ** 0.5 < limit
    layer = quantized.WeightOnlyLinear(256, 20, bits, group)
    layer.set_integers(*found, None)
    x = tensor(12, 256)
    for rows in (x, x[:2]):
        np.testing.assert_allclose(layer(rows).numpy(), rows.numpy() @ found.real().T, rtol=1e-3, atol=1e-3)


def test_gptq_lowers_the_error_of_products():
    x = rng.normal(size=(600, 64)) @ rng.normal(size=(64, 64))
    weight = rng.normal(size=(16, 64))
    hessian = x.T @ x
    hessian[:, 5] = hessian[5] = 0
    weight[:, 5] = 3
    x[:, 5] = 0
    errors = [np.square(x @ (w.real() - weight).T).mean()
              for w in (round_to_nearest(weight, 4, 32), gptq(weight, hessian, 4, 32))]
    assert errors[1] < 0.8 * errors[0]
    with pytest.raises(ValueError, match="Hessian"):
        gptq(weight, hessian[:3], 4, 32)


@pytest.mark.parametrize("method", ["rtn", "gptq"])
def test_a_language_model(method, tmp_path):
    fastnet.manual_seed(0)
    model = models.gpt(20, 16, 32, 2, 2)
    ids = rng.integers(0, 20, (16, 17))
    data = [(ids[:, :-1], ids[:, 1:])]
    small, report = fastnet.quantize(model, data, "weight_only", bits=4, method=method, speed=False)
    assert isinstance(small, models.GPT) and [layer.type for layer in report.layers].count("int4") == 8
    assert abs(report.after["loss"] - report.before["loss"]) < 0.02
    small.save(tmp_path / "m.safetensors")
    loaded = fastnet.load(tmp_path / "m.safetensors")
    with fastnet.no_grad():
        got, expected = (m(fastnet.tensor(ids[:, :-1])).numpy() for m in (loaded, small))
    np.testing.assert_array_equal(got, expected)
    assert loaded.generate([[1]], 5, seed=0).shape == (1, 6)


def test_gptq_of_a_layer_that_is_not_called():
    class Partial(nn.Module):
        def __init__(self):
            super().__init__()
            self.called, self.other = nn.Linear(64, 64), nn.Linear(64, 64)

        def forward(self, x):
            return self.called(x)

    _, report = fastnet.quantize(Partial(), tensor(4, 64), "weight_only", method="gptq", speed=False)
    assert [layer.type for layer in report.layers] == ["int8", "int8"]


@pytest.mark.parametrize("bits, group, message", [(3, 32, "4 or 8, got 3"), (4, 31, "groups of 31")])
def test_groups_that_do_not_fit(bits, group, message):
    weight = rng.normal(size=(2, 64))
    for quantised in (round_to_nearest, lambda *given: gptq(weight, np.eye(64), *given[1:])):
        with pytest.raises(ValueError, match=message):
            quantised(weight, bits, group)


def test_a_shared_weight_stays():
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    model[1].weight = model[0].weight
    _, report = fastnet.quantize(model, tensor(4, 64), "weight_only", speed=False)
    assert not report.layers


# ---- 16 bits in files -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype, digits", [("float16", 11), ("bfloat16", 8)])
def test_narrow_files(dtype, digits, tmp_path):
    model = nn.Linear(50, 40)
    paths = tmp_path / "wide.safetensors", tmp_path / "narrow.safetensors"
    model.save(paths[0])
    model.save(paths[1], dtype=dtype)
    wide, narrow = (path.stat().st_size for path in paths)
    assert narrow < 0.6 * wide
    loaded = fastnet.load(paths[1])
    assert loaded.weight.dtype == np.float32
    weight = model.weight.detach().numpy()
    assert np.abs(loaded.weight.detach().numpy() - weight).max() <= np.abs(weight).max() * 2.0 ** -digits
    loaded.save(paths[0], dtype=dtype)              # numbers of 16 bits stay
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with pytest.raises(ValueError, match="dtype"):
        model.save(paths[0], dtype="float8")


def test_bfloat16_rounds_as_pytorch_does(tmp_path):
    torch = pytest.importorskip("torch")
    values = np.concatenate([rng.normal(size=1000), [np.inf, -np.inf, np.nan, 0.0, -0.0, 3.39e38, 1e-45]])
    values = values.astype(np.float32)
    model = nn.Linear(len(values), 1, bias=False)
    with fastnet.no_grad():
        model.weight.copy_(fastnet.tensor(values))
    model.save(tmp_path / "m.safetensors", dtype="bfloat16")
    got = fastnet.load(tmp_path / "m.safetensors").weight.detach().numpy()[0]
    np.testing.assert_array_equal(got, torch.tensor(values).to(torch.bfloat16).float().numpy())
