"""Integers in C: int64 becomes int32_t, and what does not fit is an error."""
import pytest

import fastnet
from fastnet import nn


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("function", [
    lambda x: x * 5_000_000_000, lambda x: nn.functional.pad(x, (1, 1), value=-2 ** 40),
    lambda x: fastnet.where(x > 1, x, 2 ** 31)], ids=["factor", "padding", "choice"])
def test_a_number_of_more_than_32_bits(function, tmp_path):
    with pytest.raises(NotImplementedError, match=r"of the model expected integers of up to 32 bits, .* got -?\d{10}"):
        fastnet.export_c(Function(function), fastnet.arange(3), tmp_path / "net.c", self_test=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("function, x, name", [
    (lambda x: (x * x).sum(), [70_000, 70_000], "expected_output"), (lambda x: x > 3, [1, 2 ** 31], "test_input")],
    ids=["output", "input"])
def test_a_tested_number_of_more_than_32_bits(function, x, name, tmp_path):
    with pytest.raises(ValueError, match=f"export_c: {name}: expected integers of up to 32 bits"):
        fastnet.export_c(Function(function), fastnet.tensor(x), tmp_path / "net.c")
    assert not list(tmp_path.iterdir())
