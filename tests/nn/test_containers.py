"""Sequential, ModuleList, ModuleDict and ParameterList."""
from collections import OrderedDict

import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


def test_sequential():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    m = nn.Sequential(a, b, c)
    assert len(m) == 3 and list(m) == [a, b, c] and m[-1] is c and a in m
    assert isinstance(m[:2], nn.Sequential) and list(m[:2]) == [a, b] and m[:2][0].weight is a.weight
    x = fastnet.randn(5, 2)
    assert (m(x) == c(b(a(x)))).all()
    m[1] = nn.Tanh()
    assert isinstance(m[1], nn.Tanh) and [k for k, _ in m.named_children()] == ["0", "1", "2"]
    m.append(nn.Identity()).insert(0, nn.Flatten())
    assert [type(x).__name__ for x in m] == ["Flatten", "Linear", "Tanh", "Linear", "Identity"]
    del m[0]
    assert m.pop(-1).__class__ is nn.Identity and list(dict(m.named_children())) == ["0", "1", "2"]
    m.extend([nn.ReLU()])
    m += [nn.ReLU()]
    assert len(m) == 5
    named = nn.Sequential(OrderedDict(first=a, second=c))
    assert named.first is a and list(named[1:].state_dict()) == ["second.weight", "second.bias"]
    with pytest.raises(IndexError, match=r"3 is out of range.*2 entries"):
        named[3]
    with pytest.raises(TypeError, match="expected entry 1 to be a Module, got the class ReLU; create an instance"):
        nn.Sequential(a, nn.ReLU)


def test_module_list():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert len(layers) == 3 and list(layers.state_dict())[-1] == "2.bias"
    assert isinstance(layers[1:], nn.ModuleList) and layers[1:][0] is layers[1]
    removed = layers.pop(0)
    assert removed not in layers and [k for k, _ in layers.named_children()] == ["0", "1"]
    layers[0] = nn.ReLU()
    assert repr(layers).startswith("ModuleList(\n  (0): ReLU()")
    with pytest.raises(TypeError, match="expected entry 2 to be a Module, got"):
        layers.append(3)
    with pytest.raises(NotImplementedError, match="ModuleList"):
        layers(fastnet.ones(1))


def test_module_dict():
    heads = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.ReLU()})
    assert list(heads) == list(heads.keys()) == ["a", "b"] and "a" in heads and len(heads) == 2
    assert list(heads.state_dict()) == ["a.weight", "a.bias"] and dict(heads.items())["b"] is heads["b"]
    heads["c"] = nn.Tanh()
    heads.update([("b", nn.Tanh())])
    assert [type(m).__name__ for m in heads.values()] == ["Linear", "Tanh", "Tanh"]
    del heads["c"]
    assert isinstance(heads.pop("a"), nn.Linear) and list(heads) == ["b"]
    heads.clear()
    assert len(heads) == 0
    with pytest.raises(TypeError, match="expected entry 'x' to be a Module, got"):
        heads["x"] = 3
    with pytest.raises(KeyError):
        heads["missing"]


def test_parameter_list():
    p = nn.ParameterList([fastnet.ones(2), nn.Parameter(fastnet.zeros(3))])
    assert list(p.state_dict()) == ["0", "1"] and p[1].shape == (3,) and len(p) == 2
    p[0] = nn.Parameter(fastnet.ones(4))
    assert [x.shape for x in p] == [(4,), (3,)]
    assert repr(p) == "ParameterList(\n  (0): Parameter(shape=(4,))\n  (1): Parameter(shape=(3,))\n)  # 7 parameters"
