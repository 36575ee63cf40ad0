"""Summaries: the table, the counts of parameters and multiply-adds, and memory."""
import pytest

import fastnet
from fastnet import models, nn
from fastnet.models import summary

# name -> multiply-adds of one picture of 224x224, as published with the networks
PUBLISHED = {"resnet18": 1.81e9, "resnet50": 4.09e9, "mobilenet_v2": 0.30e9, "squeezenet1_1": 0.35e9,
             "alexnet": 0.71e9, "vgg16": 15.47e9}
LARGE = ("vgg16",)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.models] if name in LARGE else [])
                                  for name in PUBLISHED])
def test_multiply_adds_are_the_published_ones(name):
    found = summary(getattr(models, name)(), (1, 3, 224, 224), verbose=False)
    assert found.multiply_adds == pytest.approx(PUBLISHED[name], rel=0.01)
    assert found.layers[0].multiply_adds == found.multiply_adds


def test_the_table(capsys):
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 2))
    found = summary(model, (5, 3))
    assert capsys.readouterr().out == f"{found}\n"
    labels = [line.partition("(")[0].rstrip() for line in str(found).splitlines()[2:7]]
    assert labels == ["Sequential", "├─ 0: Sequential", "│  ├─ 0: Linear", "│  └─ 1: ReLU", "└─ 1: Linear"]
    assert [layer.parameters for layer in found.layers] == [26, 16, 16, 0, 10]
    assert len(str(summary(model, (5, 3), depth=1, verbose=False)).splitlines()) == len(str(found).splitlines()) - 2


def test_convolutions():
    model = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1, groups=4), nn.ConvTranspose2d(12, 6, 2, 2, groups=2))
    first, second = summary(model, (2, 8, 10, 10), verbose=False).layers[1:]
    assert first.multiply_adds == 2 * 12 * 25 * (8 // 4) * 9
    assert second.multiply_adds == 2 * 12 * 25 * (6 // 2) * 4


def test_products():
    class Product(nn.Module):
        def forward(self, a, b):
            return a @ b

    assert summary(Product(), [(7, 2, 3), (7, 3, 4)], verbose=False).multiply_adds == 7 * 2 * 3 * 4
    assert summary(Product(), [(2, 3), (3,)], verbose=False).multiply_adds == 6


def test_dtypes_and_several_inputs():
    class Lookup(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(5, 3)

        def forward(self, index, scale):
            return self.table(index) * scale

    found = summary(Lookup(), [(2, 4), (3,)], dtypes=[fastnet.int64, fastnet.float32], verbose=False)
    assert found.layers[0].output_shapes == ((2, 4, 3),) and found.input_bytes == 8 * 8 + 3 * 4
    with pytest.raises(ValueError, match="expected a dtype for each of 2 inputs, got 1"):
        summary(Lookup(), [(2, 4), (3,)], dtypes=[fastnet.int64])
    with pytest.raises(ValueError, match="expected input_size to be a shape"):
        summary(Lookup(), 5)


def test_frozen_and_shared_parameters():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    model[1].bias.requires_grad = False
    found = summary(model, (1, 3), verbose=False)
    assert (found.parameters, found.trainable_parameters) == (15, 12) and "3 of them frozen" in str(found)


def test_memory():
    model = nn.Sequential(nn.Linear(4, 100), nn.Linear(100, 1), nn.Linear(1, 50), nn.Flatten())
    found = summary(model, (1, 4), verbose=False)
    assert found.inference_bytes == 4 * 101                 # of the first two results
    assert found.training_bytes == 4 * (100 + 1 + 50) + found.parameter_bytes


def test_a_container_that_is_not_called_has_a_row():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
            self.last = nn.Linear(3, 3)

        def forward(self, x):
            return self.first[1](self.last(self.first[0](x)))

    found = summary(Net(), (2, 3), verbose=False)
    assert [layer.path for layer in found.layers] == ["", "first", "first.0", "first.1", "last"]
    assert found.layers[1] == models.LayerSummary("first", "ModuleList", (), 24, 36)
    assert "│  └─ 1: Linear" in str(found)


def test_a_module_that_is_called_twice_is_one_row():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x):
            return self.linear(self.linear(x))

    found = summary(Twice(), (2, 3), verbose=False)
    assert [layer.path for layer in found.layers] == ["", "linear"] and found.layers[1].multiply_adds == 2 * 18


def test_errors():
    with pytest.raises(ValueError, match=r"got \(1, -28, 28\)"):
        summary(models.lenet5(), (1, -28, 28))
    with pytest.raises(ValueError, match=r"shape \(1, 28, 28\); input_size includes the batch"):
        summary(models.lenet5(), (1, 28, 28))
