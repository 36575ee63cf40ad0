"""A thousand random configurations of operations over images against PyTorch.

`python tests/tools/fuzz_images.py 10000` tries more.
"""
import fuzz_images
import pytest

pytestmark = pytest.mark.usefixtures("torch_on_one_thread")


@pytest.mark.parametrize("first", range(0, 500, 100))
@pytest.mark.parametrize("kind", fuzz_images.KINDS)
def test_configurations(kind, first):
    for seed in range(first, first + 100):
        fuzz_images.check(seed, kind)
