"""Every kernel at its bench size, compiled and in NumPy, grouped by kernel: `pytest benchmarks/test_kernels.py`."""
import pytest

from .kernels import BACKENDS, prepare, rows, why_not
from .timing import fastest_blas, undisturbed

pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: pip install '.[bench]'")


@pytest.mark.benchmark(max_time=0.1, min_rounds=5, disable_gc=True, warmup=True, warmup_iterations=2)
@pytest.mark.parametrize("engine", BACKENDS)
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_kernel(benchmark, row, engine):
    reason = why_not(row)
    if reason:
        pytest.skip(reason)
    benchmark.group = f"{row.family}: {row.name} ({row.dtype_name})"
    timed = prepare(row, BACKENDS[engine])
    with undisturbed():
        if timed.restore:
            benchmark.pedantic(timed.run, setup=timed.restore, rounds=30, warmup_rounds=2)
        elif engine == "NumPy" and row.family == "matmul":
            with fastest_blas(timed):
                benchmark(timed.run)
        else:
            benchmark(timed.run)
