"""Random programs whose Python state changes between calls: compiled, they give the bits of eager runs.

`python tests/tools/fuzz_values.py 1000` tries more.
"""
import fuzz_values
import pytest


@pytest.mark.parametrize("first", range(0, 100, 10))
def test_programs(first):
    compiled = sum(fuzz_values.check(seed) for seed in range(first, first + 10))
    assert compiled >= 5                # most of them have nothing that is refused
