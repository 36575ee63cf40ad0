"""The stubs of the operations are current, and every public name has a complete signature."""
import importlib.util
import inspect

import pytest
from data_tools import ROOT

import fastnet
import fastnet.nn.functional


def _generator():
    spec = importlib.util.spec_from_file_location("stubs", ROOT / "tools" / "stubs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stubs = _generator()


@pytest.mark.parametrize("path", stubs.STUBS)
def test_stubs_are_current(path):
    difference = stubs.difference(path)
    assert not difference, f"{difference}\nrun python tools/stubs.py"


def _public():
    """(name, function) of each public function, and of each public method and operator of Tensor."""
    for module in (fastnet, fastnet.nn.functional):
        for name in module.__all__:
            if inspect.isroutine(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)
    for name, member in vars(fastnet.Tensor).items():
        if callable(member) and not name.startswith("_"):
            yield f"fastnet.Tensor.{name}", member
    for name, member in stubs.tensor_members():
        if name.startswith("__") and callable(member):
            yield f"fastnet.Tensor.{name}", member


PUBLIC = dict(_public())


@pytest.mark.parametrize("name", PUBLIC)
def test_signatures_are_complete(name):
    signature = inspect.signature(PUBLIC[name])
    given = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    assert not [p.name for p in given if p.name in ("args", "kwargs")]
    assert not [p.name for p in given if p.annotation is p.empty]
    assert signature.return_annotation is not inspect.Signature.empty


def test_overloads_stand_in_the_stub():
    text = (ROOT / "fastnet/functional/__init__.pyi").read_text()
    assert "def max(input: Tensor) -> Tensor" in text
    assert "def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices" in text


def test_a_stub_out_of_date_is_shown_as_a_diff(tmp_path, monkeypatch, capsys):
    (tmp_path / "fastnet" / "nn").mkdir(parents=True)
    (tmp_path / "fastnet/nn/functional.pyi").write_text("def relu(input): ...\n")
    monkeypatch.setattr(stubs, "ROOT", tmp_path)
    monkeypatch.setattr(stubs, "STUBS", {"fastnet/nn/functional.pyi": stubs.STUBS["fastnet/nn/functional.pyi"]})
    monkeypatch.setattr("sys.argv", ["stubs.py", "--check"])
    assert stubs.main() == 1
    assert "-def relu(input): ..." in capsys.readouterr().out
