"""Images sampled at given points, and the gradients.

x is (N, D, H, W, C), D = 1 for images; grid (N, L, 2) or (N, L, 3) holds L points (x, y) or (x, y, z) for each image,
and -1 and 1 are its sides; out is (N, L, C). All have one real dtype. `mode` is "bilinear", "nearest" or "bicubic"
(images only), `padding` is "zeros", "border" or "reflection". With align_corners, -1 and 1 are the centres of the
outermost pixels, else their outer edges.
"""
import itertools

import numpy as np

from fastnet._kernels.reference.tools.contract import kernel

_KEYS_SLOPE = -0.75                          # the parameter of Keys's kernel
_FARTHEST = 1e9                          # a position beyond it, or NaN, is outside


@kernel(flushes=True)
def grid_sample(out, x, grid, mode, padding, align_corners):
    """out[n, l] = the interpolated value of x[n] at grid[n, l]."""
    out[...] = 0
    for taps in itertools.product(*_point_taps(x, grid, mode, padding, align_corners)):
        image, place, at, (depth, row, column) = _tapped(x, taps)
        out[image, place] += (depth * row * column)[:, None] * x[(image, *at)]


@kernel(outputs=2, flushes=True)
def grid_sample_backward(dx, dgrid, x, grid, dy, mode, padding, align_corners):
    """The gradients of x and of the grid; either may be None. dx adds the points of an image in their order."""
    if dx is not None:
        dx[...] = 0
    if dgrid is not None:
        dgrid[...] = 0
    for taps in itertools.product(*_point_taps(x, grid, mode, padding, align_corners)):
        image, place, at, weights = _tapped(x, taps)
        if dx is not None:
            np.add.at(dx, (image, *at), np.prod(weights, axis=0)[:, None] * dy[image, place])
        if dgrid is not None:
            dots = np.einsum("kc,kc->k", x[(image, *at)], dy[image, place])
            slopes = [tap[2][image, place] for tap in taps]
            for k in range(grid.shape[2]):                  # x is the last axis of an image
                axis = 2 - k
                others = np.prod([w for i, w in enumerate(weights) if i != axis], axis=0)
                dgrid[image, place, k] += dots * others * slopes[axis]


def _tapped(x, taps):
    """The points that have an element at these taps: (image, point, indices of the three axes, weights)."""
    image, place = np.nonzero(np.logical_and.reduce([tap[0] >= 0 for tap in taps]))
    return image, place, [tap[0][image, place] for tap in taps], [tap[1][image, place] for tap in taps]


def _point_taps(x, grid, mode, padding, align_corners):
    """For each of the three axes its taps: (index, -1 outside; weight; derivative of the weight), each (N, L)."""
    sizes, dims = x.shape[1:4], grid.shape[2]
    none = np.zeros(grid.shape[:2], np.int64), np.ones(grid.shape[:2], x.dtype), np.zeros(grid.shape[:2], x.dtype)
    return [_taps_along(grid[..., 2 - axis], size, mode, padding, align_corners) if 2 - axis < dims else [none]
            for axis, size in enumerate(sizes)]


def _taps_along(coordinate, size, mode, padding, align_corners):
    one, half = coordinate.dtype.type(1), coordinate.dtype.type(0.5)
    scale = (size - 1 if align_corners else size) * half
    at = (coordinate + one) * scale - (0 if align_corners else half)
    slope = np.full_like(at, scale)
    if mode != "bicubic":
        at, inner = _padded_position(at, size, padding, align_corners)
        slope *= inner
    valid = abs(at) < _FARTHEST
    at = np.where(valid, at, 0)
    if mode == "nearest":
        places, weights, slopes = [np.rint(at)], [np.ones_like(at)], [np.zeros_like(at)]
    elif mode == "bilinear":
        first = np.floor(at)
        places, weights, slopes = [first, first + 1], [1 - (at - first), at - first], [-slope, slope]
    else:
        first = np.floor(at)
        places = [_padded_position(first + k, size, padding, align_corners)[0] for k in range(-1, 3)]
        weights = [_keys_kernel(at - first - k)[0] for k in range(-1, 3)]
        slopes = [_keys_kernel(at - first - k)[1] * slope for k in range(-1, 3)]
    found = []
    for place, weight, s in zip(places, weights, slopes):
        inside = valid & (place >= 0) & (place < size)
        found.append((np.where(inside, place, -1).astype(np.int64), weight, s))
    return found


def _keys_kernel(d):
    """Keys's kernel and its derivative at d."""
    a, u = _KEYS_SLOPE, abs(d)
    near, far = ((a + 2) * u - (a + 3)) * u * u + 1, ((a * u - 5 * a) * u + 8 * a) * u - 4 * a
    slope = np.where(u <= 1, (3 * (a + 2) * u - 2 * (a + 3)) * u, (3 * a * u - 10 * a) * u + 8 * a)
    return np.where(u <= 1, near, far).astype(d.dtype), (slope * np.where(d < 0, -1, 1)).astype(d.dtype)


def _padded_position(at, size, padding, align_corners):
    """A position moved into the image, and the derivative of that."""
    slope = np.ones_like(at)
    if padding == "zeros":
        return at, slope
    if padding == "reflection":
        low, span = (0, size - 1) if align_corners else (-0.5, size)
        if span == 0:
            return np.zeros_like(at), np.zeros_like(at)
        offset = abs(at - at.dtype.type(low))
        flips, rest = np.floor(offset / span), np.fmod(offset, span)
        odd = flips % 2 == 1
        slope = np.where(odd, -1, 1) * np.where(at < low, -1, 1).astype(at.dtype)
        at = (np.where(odd, span - rest, rest) + low).astype(at.dtype)
    inside = (at > 0) & (at < size - 1)
    return np.clip(at, 0, size - 1), (slope * inside).astype(at.dtype)
