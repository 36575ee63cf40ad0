import numpy as np

from . import Case, garbage, real, wild

# (outer, input d, h, w, output d, h, w, inner)
VOLUMES = ((0, 1, 2, 3, 1, 3, 4, 2), (1, 1, 1, 1, 1, 1, 1, 1), (2, 1, 3, 4, 1, 5, 7, 0), (2, 2, 3, 4, 3, 5, 9, 3),
           (3, 1, 1, 70, 1, 1, 90, 1), (2, 3, 4, 5, 0, 4, 5, 3), (2, 1, 5, 6, 1, 9, 11, 15), (1, 2, 5, 6, 3, 4, 4, 16),
           (2, 1, 4, 5, 1, 6, 8, 17), (1, 1, 3, 3, 1, 5, 5, 64), (2, 1, 40, 50, 1, 45, 55, 3),
           (5, 1, 20, 21, 1, 40, 42, 33))
BENCH = (8, 1, 56, 56, 1, 58, 58, 64)
SUMS = {"rtol": (1e-5, 1e-12), "atol": (1e-5, 1e-13)}


def indices(rng, n, count, wild):
    """Runs of adjacent indices, as padding has, and some out of range if `wild`."""
    index = np.minimum(np.arange(count), n - 1)
    index[:2] = rng.integers(0, n, min(count, 2))
    if wild:
        index = np.where(rng.random(count) < 0.2, -1, index)
        index = np.where(rng.random(count) < 0.1, n + rng.integers(0, 2**60), index)
    return index


def take_volume(rng, dtype, size, wild=False):
    outer, *spatial, inner = size
    before, after = spatial[:3], spatial[3:]
    lists = [indices(rng, n, count, wild) for n, count in zip(before, after)]
    return (garbage((outer, *after, inner), dtype), real(rng, (outer, *before, inner), dtype), *lists, 2.5), {}


def lists_of(index, n):
    """The transposed lists: for each of n inputs the positions that copy it, and where its list starts."""
    order = np.argsort(index, kind="stable")
    return order, np.searchsorted(index[order], np.arange(n + 1))


def take_volume_backward(rng, dtype, size, wild=False):
    (out, x, *lists, _), _ = take_volume(rng, dtype, size)
    flat = []
    for index, n in zip(lists, x.shape[1:4]):
        positions, starts = lists_of(index, n)
        if wild:
            positions = indices(rng, index.size, index.size, True)
            starts = np.where(rng.random(starts.size) < 0.1, index.size, starts)
        flat += [positions, starts]
    return (garbage(x.shape, dtype), real(rng, out.shape, dtype, special=False), *flat), {}


CASES = [
    Case("take_volume", take_volume, VOLUMES, BENCH),
    Case("take_volume", wild(take_volume), VOLUMES, None, note="outside"),
    Case("take_volume_backward", take_volume_backward, VOLUMES, BENCH, **SUMS),
    Case("take_volume_backward", wild(take_volume_backward), VOLUMES, None, note="outside", **SUMS),
]
