"""The schema of constructor arguments that model files hold."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest

import fastnet
from fastnet import nn
from fastnet.nn import architecture
from fastnet.nn.parameter import new_parameter
from fastnet.nn.schema import schema


class Conv(nn.Module):
    """A layer with the arguments of a convolution, without its computation."""

    def __init__(self, channels: int, kernel_size: int | tuple[int, int], padding: int | tuple[int, int] | Literal[
                 "same", "valid"] = 0, groups: Sequence[int] = (), eps: float | None = None, name: str = "conv",
                 bias: bool = True, scale: fastnet.Tensor | None = None, device: Device = None,  # noqa: F821
                 dtype: DTypeLike | None = None) -> None:                                        # noqa: F821
        super().__init__()
        self.channels, self.kernel_size, self.padding, self.groups = channels, kernel_size, padding, list(groups)
        self.eps, self.name = eps, name
        height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
        self.weight = new_parameter(channels, height, width, device=device, dtype=dtype)
        self.register_parameter("bias", new_parameter(channels, device=device, dtype=dtype) if bias else None)
        self.register_buffer("scale", scale)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(architecture.MODULES, "Conv", Conv)


def arguments(**changes):
    return {"channels": 2, "kernel_size": [3, 5], "padding": "same", "groups": [1, 2, 3], "eps": None, "name": "conv",
            "bias": True, "scale": None, "dtype": "float32"} | changes


@pytest.mark.parametrize("layer, described", [
    (lambda: Conv(2, (3, 5), "same", [1, 2, 3]), arguments()),
    (lambda: Conv(2, 3, (1, 2)), arguments(kernel_size=3, padding=[1, 2], groups=[])),
    (lambda: Conv(2, 3, 1, (7,), 1e-3, "x", False), arguments(
        kernel_size=3, padding=1, groups=[7], eps=1e-3, name="x", bias=False)),
    (lambda: Conv(2, 3, eps=float("inf"), scale=fastnet.ones(2)).double(), arguments(
        kernel_size=3, padding=0, groups=[], eps="inf", scale="tensor", dtype="float64")),
])
def test_round_trip(layer, described, tmp_path):
    model = nn.Sequential(layer(), nn.ReLU())
    assert architecture.describe(model)["modules"]["0"]["arguments"] == described
    model.save(tmp_path / "model.safetensors")
    loaded = fastnet.load(tmp_path / "model.safetensors")
    for name in ("channels", "kernel_size", "padding", "groups", "eps", "name"):
        assert getattr(loaded[0], name) == getattr(model[0], name)
        assert type(getattr(loaded[0], name)) is type(getattr(model[0], name))
    assert all(fastnet.equal(a, b) for a, b in zip(model.state_dict().values(), loaded.state_dict().values()))
    assert list(model.state_dict()) == list(loaded.state_dict())


@pytest.mark.parametrize("name, value", [
    ("channels", "2"), ("channels", None), ("channels", [2]), ("channels", 2.0), ("channels", True),
    ("channels", 1 << 63),
    ("kernel_size", [3]), ("kernel_size", [3, 3, 3]), ("kernel_size", [3, 3.0]), ("kernel_size", "same"),
    ("padding", "reflect"), ("padding", None), ("padding", {}), ("groups", 1), ("groups", [1] * 65), ("groups", [[1]]),
    ("eps", "1"), ("eps", True), ("eps", []), ("name", None), ("name", 3), ("bias", 1), ("bias", None),
    ("scale", "x"), ("scale", 1.0), ("dtype", "int64"), ("dtype", []),
])
def test_a_value_of_another_kind_is_refused(name, value):
    with pytest.raises(ValueError, match=f"Conv: {name} cannot be "):
        architecture.build({"class": "Conv", "arguments": arguments(**{name: value})}, {})


def test_a_model_with_such_a_value_is_not_described():
    for name, value in (("padding", "reflect"), ("kernel_size", (1, 2, 3)), ("groups", 3), ("name", None)):
        layer = Conv(2, 3)
        setattr(layer, name, value)
        with pytest.raises(ValueError, match=f"the model, a Conv, .*: {name} is "):
            architecture.describe(layer)


def test_every_module_has_a_schema():
    for cls in architecture.MODULES.values():
        if cls not in (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict):
            assert "device" not in schema(cls)
    assert {a.name: a.required for a in schema(nn.Linear).values()} == {
        "in_features": True, "out_features": True, "bias": False, "dtype": False}


def test_an_annotation_without_a_rule_is_refused():
    class Mapped(nn.Module):
        def __init__(self, function: dict[str, Any]) -> None:
            super().__init__()

    class Bare(nn.Module):
        def __init__(self, size):
            super().__init__()

    with pytest.raises(TypeError, match=r"model files cannot hold an argument of type dict"):
        schema(Mapped)
    with pytest.raises(TypeError, match=r"Bare.__init__: the argument size has no annotation"):
        schema(Bare)
