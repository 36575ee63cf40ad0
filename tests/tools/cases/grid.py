import itertools

import numpy as np

from . import Case, garbage, real

# (N, D, H, W, C, points); D = 0: an image
IMAGES = ((0, 0, 3, 4, 2, 5), (1, 0, 1, 1, 1, 1), (2, 0, 3, 4, 0, 3), (2, 0, 3, 4, 3, 0), (2, 0, 5, 4, 7, 9),
          (1, 0, 6, 7, 15, 30), (3, 0, 4, 5, 17, 20), (1, 0, 7, 3, 65, 40), (2, 0, 20, 30, 3, 500))
VOLUMES = ((1, 1, 1, 1, 1, 2), (2, 3, 4, 5, 3, 20), (1, 4, 3, 2, 17, 60))
BENCH = (8, 0, 32, 32, 64, 1024)
LOOSE = {"rtol": (2e-5, 1e-12), "atol": (5e-5, 1e-12)}


def points(rng, dtype, n, count, dims):
    """Points inside, beyond the sides, far outside, and NaN."""
    grid = rng.uniform(-1.6, 1.6, (n, count, dims)).astype(dtype)
    if count >= 20:
        grid[:, :3] = np.array([np.nan, np.inf, -1e30])[:, None]
    return grid


def grid_sample(mode, padding, align_corners):
    def make(rng, dtype, size):
        n, d, h, w, c, count = size
        return (garbage((n, count, c), dtype), real(rng, (n, max(d, 1), h, w, c), dtype, special=False),
                points(rng, dtype, n, count, 3 if d else 2), mode, padding, align_corners), {}
    return make


def grid_sample_backward(mode, padding, align_corners, dx=True, dgrid=True):
    def make(rng, dtype, size):
        (out, x, grid, *options), _ = grid_sample(mode, padding, align_corners)(rng, dtype, size)
        return (garbage(x.shape, dtype) if dx else None, garbage(grid.shape, dtype) if dgrid else None, x, grid,
                real(rng, out.shape, dtype, special=False), *options), {}
    return make


OPTIONS = [(mode, padding, align) for mode, padding, align in itertools.product(
    ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True))]
CASES = [case for mode, padding, align in OPTIONS for note in [f"{mode} {padding}{' aligned' * align}"] for case in (
    Case("grid_sample", grid_sample(mode, padding, align), IMAGES + VOLUMES * (mode != "bicubic"),
         BENCH if note == "bilinear zeros" else None, note=note, **LOOSE),
    Case("grid_sample_backward", grid_sample_backward(mode, padding, align), IMAGES + VOLUMES * (mode != "bicubic"),
         BENCH if note == "bilinear zeros" else None, note=note, **LOOSE))]
CASES += [
    Case("grid_sample_backward", grid_sample_backward("bilinear", "zeros", False, dgrid=False), IMAGES[3:], None,
         note="only dx", **LOOSE),
    Case("grid_sample_backward", grid_sample_backward("bilinear", "zeros", False, dx=False), IMAGES[3:], None,
         note="only dgrid", **LOOSE),
]
