"""A few hundred random configurations of operations over images against PyTorch.

`python tests/tools/fuzz_images.py 10000` tries more.
"""
import fuzz_images
import pytest


@pytest.mark.parametrize("first", range(0, 200, 40))
@pytest.mark.parametrize("kind", fuzz_images.KINDS)
def test_configurations(kind, first):
    pytest.importorskip("torch")
    for seed in range(first, first + 40):
        fuzz_images.check(seed, kind)
