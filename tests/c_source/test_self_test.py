"""The self-test of an emitted file: infinite numbers, NaN, and files that were damaged."""
import subprocess

import pytest
from c_tools import COMPILERS, FLAGS, run

import fastnet
from fastnet import nn


class Masked(nn.Module):
    """Three numbers of which the second becomes infinite or NaN."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return (x * 0 + fastnet.tensor([1.5, 2.5, 3.5])).masked_fill(fastnet.tensor([False, True, False]), self.value)


def wrong_numbers(made):
    """How many numbers are wrong by the self-test."""
    program = made.source.with_suffix("")
    run(COMPILERS[0], *FLAGS, "-DNET_SELF_TEST", made.source, "-o", program, "-lm")
    return int(subprocess.run([program], capture_output=True, text=True).stdout.split(", ")[1].split()[0])


@pytest.mark.parametrize("value, written", [(float("inf"), "INFINITY"), (-float("inf"), "-INFINITY"),
                                            (float("nan"), "NAN")])
def test_outputs_that_are_not_finite(value, written, tmp_path):
    made = fastnet.export_c(Masked(value), fastnet.ones(3), tmp_path / "net.c", self_test=1)
    assert wrong_numbers(made) == 0
    text = made.source.read_text()
    expected = text.index("expected_output[3]")
    for right, damaged in (("3.5f", "3.6f"), ("1.5f", "NAN"), ("1.5f", "INFINITY"), (written, "2.5f")):
        made.source.write_text(text[:expected] + text[expected:].replace(right, damaged, 1))
        assert wrong_numbers(made) == 1


def test_the_logarithm_of_negative_numbers(tmp_path):
    class Logarithm(nn.Module):
        def forward(self, x):
            return x.log()

    made = fastnet.export_c(Logarithm(), fastnet.tensor([-1.0, 0.0, 1.0, 2.0]), tmp_path / "net.c", self_test=8)
    assert wrong_numbers(made) == 0
