"""Models of float16 and bfloat16: files, compiled calls, attributions, adapters, and what asks for float32."""
import pytest

import fastnet
from fastnet import nn

DTYPES = ("float16", "bfloat16")


@pytest.fixture(params=DTYPES)
def dtype(request):
    if request.param == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return fastnet.ones(1).to(getattr(fastnet, request.param)).dtype


def network(dtype=None):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
    return model if dtype is None else model.to(dtype)


@pytest.fixture
def model(dtype):
    fastnet.manual_seed(0)
    return network(dtype)


@pytest.fixture
def x(dtype):
    return fastnet.randn(2, 1, 8, 8, generator=fastnet.Generator().manual_seed(1)).to(dtype)


def test_a_file_has_the_dtype_of_the_model(model, x, dtype, tmp_path):
    model.save(tmp_path / "m.safetensors")
    loaded = fastnet.load(tmp_path / "m.safetensors")
    assert loaded[0].weight.dtype == dtype and fastnet.equal(loaded(x), model(x))


def test_a_state_dict_moves_between_dtypes(model, x, dtype):
    same, wide = network(dtype), network()
    same.load_state_dict(model.state_dict())
    wide.load_state_dict(model.state_dict())
    assert fastnet.equal(same(x), model(x)) and wide[0].weight.dtype == fastnet.float32
    assert fastnet.allclose(wide(x.float()), model(x).float(), atol=0.03)


def test_torch_files_keep_model_and_optimizer(model, x, dtype, tmp_path):
    import fastnet.torch as torch
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x).float(), fastnet.tensor([0, 1]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "c.pt")
    found, other = torch.load(tmp_path / "c.pt"), network(dtype)
    other.load_state_dict(found["model"])
    restored = torch.optim.AdamW(other.parameters(), lr=1e-2)
    restored.load_state_dict(found["optimizer"])
    assert fastnet.equal(other(x), model(x)) and restored.state[other[0].weight]["exp_avg"].dtype == dtype


def test_compiled_calls_and_adapters_keep_the_dtype(model, x, dtype):
    assert fastnet.equal(fastnet.compile(model)(x), model(x))
    fastnet.lora.apply(model, r=2)
    assert model(x).dtype == dtype


@pytest.mark.parametrize("method", ["Saliency", "IntegratedGradients", "GuidedBackprop", "FeatureAblation"])
def test_attributions_are_near_those_of_float32(model, x, dtype, method):
    wide = network()
    wide.load_state_dict(model.state_dict())
    explain = getattr(fastnet.explain, method)
    ours, exact = explain(model).attribute(x, target=1), explain(wide).attribute(x.float(), target=1)
    assert ours.dtype == dtype
    assert fastnet.allclose(ours.float(), exact, atol=0.1 * float(exact.abs().max()))


def test_onnx_files_hold_float16(model, x, dtype, tmp_path):
    path = tmp_path / "m.onnx"
    if dtype == fastnet.float16:
        fastnet.onnx.export(model, x, path)
        assert fastnet.equal(fastnet.onnx.load(path)(x), model(x))
    else:
        with pytest.raises(TypeError, match=r"bfloat16.*\.float\(\)"):
            fastnet.onnx.export(model, x, path)
        assert not path.exists()


def test_c_source_and_quantisation_ask_for_float32(model, x, tmp_path):
    with pytest.raises(NotImplementedError, match=r"float16.*\.float\(\)"):
        fastnet.export_c(model, x, tmp_path / "m.c")
    for scheme in ("static", "dynamic", "weight_only"):
        with pytest.raises(TypeError, match=r"float32, got b?float16 for '0\.weight'.*\.float\(\)"):
            fastnet.quantize(model, x, scheme)
    made, report = fastnet.quantize(model.float(), x.float(), faster_only=False)
    assert any(layer.type == "int8" for layer in report.layers) and made(x.float()).dtype == fastnet.float32
