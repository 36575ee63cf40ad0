"""The time of float32 relative to int8, in hundredths, by python -m benchmarks.integers --write."""

__all__ = ["RATIOS"]

RATIOS: dict[tuple[str, str], tuple[int, ...]] = {
}
