"""Integers in C: int64 becomes int32_t, and what does not fit is an error; they share memory as floats do."""
import numpy as np
import pytest
from c_tools import exported
from function_module import Function

import fastnet
from fastnet import nn


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


def chain(x):
    for i in range(6):
        x = (x + i).flip(0) * 2 - x
    return x


def test_integers_share_memory_by_their_lifetimes(tmp_path):
    x = fastnet.arange(100)
    compiled, expected = exported(Function(chain), x, tmp_path)
    assert np.array_equal(compiled(x.numpy())[0], expected[0])
    of_floats = fastnet.export_c(Function(chain), x.float(), tmp_path / "floats.c")
    assert compiled.made.ram == of_floats.ram == compiled.made.live_maximum == of_floats.live_maximum == 1200
    with pytest.raises(ValueError, match=r"needs 1,200 bytes of RAM, .*: (\w+ 1,200 bytes; ){2}\w+ 1,200 bytes$"):
        fastnet.export_c(Function(chain), x, tmp_path / "small.c", max_ram=1000)


def test_each_type_has_an_arena(tmp_path):
    def mixed(x):
        y = (x * 2).flip(0)
        integers = (y.long() + 1).flip(0)
        chosen = (integers > 3).flip(0)
        return chain(integers).float() * chosen + chain(y)

    x = fastnet.arange(12).float()
    compiled, expected = exported(Function(mixed), x, tmp_path, self_test=0)
    assert np.array_equal(compiled(x.numpy())[0], expected[0])
    made, text = compiled.made, compiled.made.source.read_text()
    assert "static float arena_float[" in text and "static int32_t arena_int32_t[" in text
    assert "int8_t arena" not in text
    assert made.live_maximum == max(step.bytes for step in made.steps) <= made.ram == made.arena
