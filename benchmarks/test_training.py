"""One training step of fastnet, eager and compiled, and of NumPy by hand: `pytest benchmarks/test_training.py`."""
import pytest

from .timing import fastest_blas
from .training import NETS, TRAINERS, check_losses, prepare

pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: pip install '.[bench]'")


@pytest.mark.benchmark(max_time=0.5, min_rounds=9, disable_gc=True, warmup=True, warmup_iterations=5)
@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name.replace(" ", "-"))
def test_step(benchmark, net, trainer):
    benchmark.group = f"training step: {net.label}"
    by_hand, expected = prepare(net, "NumPy")
    timed, losses = prepare(net, trainer)
    check_losses(net, losses, expected)
    with fastest_blas(by_hand):
        benchmark(timed.run)
