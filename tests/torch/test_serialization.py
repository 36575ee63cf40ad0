"""torch.save and torch.load: containers, files, checkpoints, and files that are refused."""
import argparse
import collections
import io
import pickle

import numpy as np
import pytest

import fastnet.torch as torch

VALUES = [
    {"a": torch.ones(2), "b": torch.arange(3)}, {"state": {"x": [torch.ones(1), (1, 2.5, None, "text", True)]}},
    torch.arange(4), [1, 2], (torch.zeros(()),), 3, None, "text", {1: {2: "x"}}, {"inf": float("inf")}, {1, 2},
    np.arange(3), {"": torch.ones(1)}, {"a/b": torch.ones(1), 'quote"': torch.zeros(1)}, {}, torch.zeros(0, 3),
    collections.OrderedDict(w=torch.ones(1)), torch.arange(6).reshape(2, 3).t()]


def same(a, b):
    if isinstance(a, torch.Tensor | np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:40])
def test_a_value_comes_back_from_a_path_and_from_a_file(value, tmp_path):
    path, file = tmp_path / "value.pt", io.BytesIO()
    torch.save(value, path)
    torch.save(value, file)
    file.seek(0)
    assert same(value, torch.load(path, weights_only=True)) and same(value, torch.load(file, map_location="cpu"))


def test_a_checkpoint_continues_a_training(tmp_path):
    def make():
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.Adam(model.parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    (model, optimizer), (other, its_optimizer) = make(), make()
    step(model, optimizer)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                "args": argparse.Namespace(lr=0.1, layers=(3, 2))}, tmp_path / "c.pt")
    found = torch.load(tmp_path / "c.pt")
    other.load_state_dict(found["model"])
    its_optimizer.load_state_dict(found["optimizer"])
    step(model, optimizer)
    step(other, its_optimizer)
    assert torch.equal(model.weight, other.weight) and found["args"].layers == (3, 2)


def test_a_state_dict_is_a_plain_safetensors_file(tmp_path):
    from safetensors.numpy import load_file
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "m.pt")
    assert sorted(load_file(tmp_path / "m.pt")) == ["bias", "weight"]
    assert list(torch.load(tmp_path / "m.pt")) == ["weight", "bias"]


def test_tensors_that_require_a_gradient_do_so_again():
    file = io.BytesIO()
    torch.save([torch.nn.Parameter(torch.ones(1)), torch.ones(1)], file)
    file.seek(0)
    assert [x.requires_grad for x in torch.load(file)] == [True, False]


@pytest.mark.parametrize("contents", [pickle.dumps({"a": 1}), b"PK\x03\x04" + bytes(50)])
def test_a_pickle_is_refused_with_a_command_that_converts_it(contents, tmp_path):
    path = tmp_path / "old.pth"
    path.write_bytes(contents)
    with pytest.raises(RuntimeError, match=r"pickle.*python -c .*fastnet\.torch\.save\(torch\.load"):
        torch.load(path)


def test_pytorch_tensors_are_converted(tmp_path):
    theirs = pytest.importorskip("torch")
    theirs.save({"w": theirs.ones(2), "epoch": 3}, tmp_path / "old.pt")
    torch.save(theirs.load(tmp_path / "old.pt", weights_only=True), tmp_path / "new.pt")
    assert same({"w": torch.ones(2), "epoch": 3}, torch.load(tmp_path / "new.pt"))


def test_what_cannot_be_saved_or_loaded_is_an_error(tmp_path):
    with pytest.raises(TypeError, match=r"Linear itself .*state_dict"):
        torch.save(torch.nn.Linear(1, 1), tmp_path / "m.pt")
    with pytest.raises(TypeError, match="object at /x/0"):
        torch.save({"x": [object()]}, tmp_path / "m.pt")
    torch.save(1, tmp_path / "m.pt")
    with pytest.raises(RuntimeError, match="cuda"):
        torch.load(tmp_path / "m.pt", map_location="cuda:0")
    (tmp_path / "m.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"m\.pt"):
        torch.load(tmp_path / "m.pt")
    with pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "none.pt")
