import numpy as np

from . import LENGTHS, Case, garbage, real, wild

ONE_DTYPE = (np.float32,)               # for what reads int64 alone

# rows looked up, rows to look in, their width
ROWS = ((0, 5, 3), (1, 1, 1), (7, 5, 1), (9, 10, 7), (33, 100, 16), (64, 3, 17), (300, 50, 33), (40, 9, 64),
        (70, 20, 65), (5, 4, 5000), (5000, 30, 2), (3, 4, 0))
ROWS_BENCH = (4096, 10000, 64)

# (outer, n, m, inner)
COLUMNS = ((1, 1, 1, 1), (0, 3, 2, 1), (2, 3, 0, 4), (128, 10, 1, 1), (3, 5, 7, 1), (5, 4, 9, 3), (2, 6, 5, 63),
           (2, 6, 5, 64), (3, 6, 5, 65), (1, 4, 3, 200), (700, 9, 9, 2), (1, 5000, 9000, 1))
COLUMNS_BENCH = (4096, 100, 1, 1)


def check_index(rng, dtype, n, **attrs):
    index = rng.integers(0, 9, n)
    if attrs:
        index[::3] = attrs["ignore_index"]
    return (index, 9), attrs


def check_index_grid(rng, dtype, n):
    return (rng.integers(0, 2**40, (n, 2, 3)), 2**40), {"what": "row"}


def check_finite(rng, dtype, n):
    x = real(rng, n, dtype)
    x[:1] = np.finfo(dtype).max
    x[1:2] = np.finfo(dtype).smallest_subnormal
    return (x,), {}


def outside(rng, index, size):
    """Indices out of range: they read as zeros and receive nothing."""
    index = np.where(rng.random(index.shape) < 0.2, -1, index)
    return np.where(rng.random(index.shape) < 0.2, size + rng.integers(0, 2**60), index)


def embedding(rng, dtype, size, wild=False):
    n, v, d = size
    index = rng.integers(0, v, n)
    if wild:
        index = outside(rng, index, v)
    return (garbage((n, d), dtype), real(rng, (v, d), dtype), index), {}


def embedding_backward(rng, dtype, size, wild=False, **attrs):
    (dy, dweight, index), _ = embedding(rng, dtype, size, wild)
    return (garbage(dweight.shape, dtype), index, real(rng, dy.shape, dtype)), attrs


def gather(rng, dtype, size, wild=False):
    outer, n, m, inner = size
    index = rng.integers(0, n, (outer, m, inner))
    if wild:
        index = outside(rng, index, n)
    return (garbage(index.shape, dtype), real(rng, (outer, n, inner), dtype), index), {}


def gather_backward(rng, dtype, size, wild=False):
    (dy, dx, index), _ = gather(rng, dtype, size, wild)
    return (garbage(dx.shape, dtype), index, real(rng, dy.shape, dtype)), {}


def bags(rng, dtype, size, wild=False):
    """The table, its index (n,), and the starts of bags, of which some are empty and, if `wild`, some are no lists."""
    (_, weight, index), _ = embedding(rng, dtype, size, wild)
    starts = np.sort(rng.integers(0, len(index) + 1, len(index) // 3 + 2))
    starts[0], starts[-1] = 0, len(index)
    if wild and len(starts) > 4:
        starts[2:4] = -5, len(index) + 2
    return weight, index, starts, (len(starts) - 1, weight.shape[1])


def embedding_bag_backward(rng, dtype, size, wild=False):
    weight, index, starts, shape = bags(rng, dtype, size, wild)
    return (garbage(weight.shape, dtype), index, starts, real(rng, index.shape, dtype, special=False),
            real(rng, shape, dtype, special=False)), {}


def embedding_bag_shares(rng, dtype, size, wild=False):
    weight, index, starts, _ = bags(rng, dtype, size, wild)
    return (garbage(index.shape, dtype), index, starts, len(weight)), {}


def embedding_bag_max(rng, dtype, size, wild=False):
    weight, index, starts, shape = bags(rng, dtype, size, wild)
    weight = np.round(weight)
    weight[rng.random(weight.shape) < 0.05] = np.nan
    return (garbage(shape, dtype), garbage(shape, np.int64), weight, index, starts), {}


def ignoring(rng, dtype, n):
    return check_index(rng, dtype, n, ignore_index=-100)


def padded(rng, dtype, size):
    return embedding_backward(rng, dtype, size, padding_idx=size[1] // 2)


SUMS = {"rtol": (1e-5, 1e-12), "atol": (1e-5, 1e-13)}

CASES = [
    Case("check_index", check_index, dtypes=ONE_DTYPE),
    Case("check_index", ignoring, dtypes=ONE_DTYPE, note="ignore_index", bench=None),
    Case("check_index", check_index_grid, dtypes=ONE_DTYPE, note="grid", bench=None, sizes=LENGTHS[:8]),
    Case("check_finite", check_finite),
    Case("embedding", embedding, sizes=ROWS, bench=ROWS_BENCH),
    Case("embedding", wild(embedding), sizes=ROWS, bench=None, note="outside"),
    Case("embedding_backward", embedding_backward, sizes=ROWS, bench=ROWS_BENCH, **SUMS),
    Case("embedding_backward", padded, sizes=ROWS, bench=None, note="padding", **SUMS),
    Case("embedding_backward", wild(embedding_backward), sizes=ROWS, bench=None, note="outside", **SUMS),
    Case("embedding_bag_backward", embedding_bag_backward, sizes=ROWS, bench=ROWS_BENCH, **SUMS),
    Case("embedding_bag_backward", wild(embedding_bag_backward), sizes=ROWS, bench=None, note="outside", **SUMS),
    Case("embedding_bag_shares", embedding_bag_shares, sizes=ROWS, bench=ROWS_BENCH),
    Case("embedding_bag_shares", wild(embedding_bag_shares), sizes=ROWS, bench=None, note="outside"),
    Case("embedding_bag_max", embedding_bag_max, sizes=ROWS, bench=ROWS_BENCH),
    Case("embedding_bag_max", wild(embedding_bag_max), sizes=ROWS, bench=None, note="outside"),
    Case("gather", gather, sizes=COLUMNS, bench=COLUMNS_BENCH),
    Case("gather", wild(gather), sizes=COLUMNS, bench=None, note="outside"),
    Case("gather_backward", gather_backward, sizes=COLUMNS, bench=COLUMNS_BENCH, **SUMS),
    Case("gather_backward", wild(gather_backward), sizes=COLUMNS, bench=None, note="outside", **SUMS),
]
