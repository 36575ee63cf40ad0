"""`nn.Buffer`: tensors that register themselves as buffers."""
import copy

import pytest

import fastnet
from fastnet import nn


class Shift(nn.Module):
    def __init__(self, persistent=True):
        super().__init__()
        self.shift = nn.Buffer(fastnet.tensor([1.0, 2.0]), persistent=persistent)

    def forward(self, x):
        return x + self.shift


def test_a_buffer_registers_itself():
    model = Shift()
    assert [name for name, _ in model.named_buffers()] == list(model.state_dict()) == ["shift"]
    assert list(model.parameters()) == [] and isinstance(model.shift, nn.Buffer)
    assert model(fastnet.ones(2)).tolist() == [2, 3]
    assert fastnet.compile(model)(fastnet.ones(2)).tolist() == [2, 3]
    model.shift = nn.Buffer(fastnet.zeros(2), persistent=False)
    assert list(model.state_dict()) == [] and model(fastnet.ones(2)).tolist() == [1, 1]


def test_a_buffer_that_is_not_persistent_is_not_saved():
    assert list(Shift(persistent=False).state_dict()) == []


@pytest.mark.parametrize("persistent", [True, False])
def test_copies_keep_a_buffer(persistent):
    made = copy.deepcopy(Shift(persistent))
    assert made.shift.tolist() == [1, 2] and isinstance(made.shift, nn.Buffer)
    assert list(made.state_dict()) == ["shift"] * persistent
    assert made.double().shift.dtype == fastnet.float64


def test_a_buffer_shares_the_memory_of_its_tensor():
    x = fastnet.ones(2)
    buffer = nn.Buffer(x)
    x.add_(1)
    assert buffer.tolist() == [2, 2] and not buffer.requires_grad
    assert repr(buffer) == "Buffer containing:\ntensor([2., 2.])"
