import numpy as np

from . import Case, garbage

COUNTS = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 65, 300)


def boxes(rng, dtype, n, ties=False):
    """Corners (4, n) of boxes, many of which overlap; with ties, of few values, so that some are equal or empty."""
    low = rng.integers(0, 8, (2, n)) if ties else rng.uniform(0, 60, (2, n))
    size = rng.integers(0, 4, (2, n)) if ties else rng.uniform(5, 40, (2, n))
    return np.concatenate([low, low + size]).astype(dtype)


def nms(threshold=0.5, ties=False, wild=False):
    def make(rng, dtype, n):
        corners = boxes(rng, dtype, n, ties)
        if wild:
            corners[rng.random(corners.shape) < 0.1] = np.nan
            corners[rng.random(corners.shape) < 0.1] = np.inf
        return (garbage(n, dtype), corners, threshold), {}
    return make


CASES = [
    Case("nms", nms(), COUNTS, 2000),
    Case("nms", nms(0.1), COUNTS, None, note="few"),
    Case("nms", nms(ties=True), COUNTS, None, note="ties"),
    Case("nms", nms(wild=True), COUNTS, None, note="wild"),
]
