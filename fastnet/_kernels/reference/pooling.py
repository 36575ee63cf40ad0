"""Maximum and average over windows of images (N, D, H, W, C), and their gradients.

`windows` holds (kernel, stride, padding, dilation) for each of D, H and W: output o covers the positions
o*stride - padding + k*dilation for k < kernel that lie inside the image. If it is None, pooling is adaptive: output o
of O covers the positions from floor(o*I/O) to ceil((o+1)*I/O) - 1 of I.

A winner of dtype uint8 is the number of the largest element among the kernel's, in row-major order (adaptive: of a
kernel as large as the largest window can be), 255 if no element lies inside the image. A winner of dtype int64 is its
position in the image, (d*H + h)*W + w, or -1.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(outputs=2)
def max_pool(out, winner, x, windows=None):
    """out = the largest element of each window, the last NaN if there is one; winner, which may be None, is its place.

    Of equal elements the first in row-major order wins. A window without elements gives -inf.
    """
    positions = np.arange(np.prod(x.shape[1:4], dtype=int)).reshape(1, *x.shape[1:4], 1)
    best, place = x, np.broadcast_to(positions, x.shape)
    for axis, table in zip((3, 2, 1), reversed(_taps_of_axes(x, out, windows))):
        best, place = _largest(best, place, axis, *table)
    out[...] = best
    if winner is not None:
        winner[...] = place if winner.dtype == np.int64 else _numbers_of(place, x, out, windows)


@kernel(flushes=True)
def max_pool_backward(dx, winner, dy, windows=None):
    """dx = the sum of dy over the windows that chose the element; winner is uint8."""
    n, c = np.arange(dy.shape[0]).reshape(-1, 1, 1, 1, 1), np.arange(dy.shape[4])
    tables = _taps_of_axes(dx, dy, windows)
    kernels = [taps.shape[1] for taps, _ in tables]
    total = np.zeros(dx.shape)
    for code in range(np.prod(kernels, dtype=int)):
        numbers = np.unravel_index(code, kernels)
        d, h, w = np.ix_(*(taps[:, k] for (taps, _), k in zip(tables, numbers)))
        d_inside, h_inside, w_inside = (inside[:, k] for (_, inside), k in zip(tables, numbers))
        inside = d_inside[:, None, None, None] & h_inside[:, None, None] & w_inside[:, None]
        chosen = (winner == code) & inside
        np.add.at(total, (n, d[..., None], h[..., None], w[..., None], c), np.where(chosen, dy, 0))
    dx[...] = total


@kernel(flushes=True)
def avg_pool(out, x, windows=None, count_include_pad=True, divisor=None):
    """out = the sum of each window / divisor.

    The divisor is by default the number of its elements, with those in the padding if count_include_pad.
    """
    total = x
    for axis, (taps, inside) in zip((3, 2, 1), reversed(_taps_of_axes(x, out, windows))):
        parts = (np.where(_as_axis(inside[:, k], axis), total.take(taps[:, k], axis), 0) for k in range(taps.shape[1]))
        total = sum(parts)
    np.divide(total, _divisors(x, out, windows, count_include_pad, divisor), out=out)


@kernel(flushes=True)
def avg_pool_backward(dx, dy, windows=None, count_include_pad=True, divisor=None):
    """dx = the sum of dy / divisor over the windows of the element."""
    g = dy / _divisors(dx, dy, windows, count_include_pad, divisor).astype(dy.dtype)
    for axis, (taps, inside) in zip((1, 2, 3), _taps_of_axes(dx, dy, windows)):
        shape = (*g.shape[:axis], dx.shape[axis], *g.shape[axis + 1:])
        total = np.zeros(shape, g.dtype)
        for k in range(taps.shape[1]):
            np.add.at(total, (slice(None),) * axis + (taps[:, k],), np.where(_as_axis(inside[:, k], axis), g, 0))
        g = total
    dx[...] = g


@kernel()
def max_unpool(out, x, index):
    """out[n, index[n, i, c], c] = x[n, i, c] in the order of i, zeros elsewhere; an index out of range writes nothing.

    out (N, positions, C); x and index, int64, (N, count, C).
    """
    out[...] = 0
    for i in range(x.shape[1]):
        kept = (index[:, i] >= 0) & (index[:, i] < out.shape[1])
        rows, columns = np.nonzero(kept)
        out[rows, index[:, i][kept], columns] = x[:, i][kept]


# ---- windows --------------------------------------------------------------------------------------------------------

def _taps_of_axes(x, out, windows):
    """For each of D, H and W: the positions (outputs, kernel) of the taps, clipped, and whether they are inside."""
    return [_taps_of_axis(x.shape[1 + i], out.shape[1 + i], None if windows is None else windows[i]) for i in range(3)]


def _taps_of_axis(size, outputs, window):
    o = np.arange(outputs)[:, None]
    if window is None:
        kernel = -(-size // max(outputs, 1)) + (size % max(outputs, 1) != 0)
        taps = o * size // max(outputs, 1) + np.arange(kernel)
        inside = taps < -(-(o + 1) * size // max(outputs, 1))
    else:
        kernel, stride, padding, dilation = window
        taps = o * stride - padding + np.arange(kernel) * dilation
        inside = (taps >= 0) & (taps < size)
    return taps.clip(0, max(size - 1, 0)), inside


def _as_axis(values, axis):
    return values.reshape(tuple(-1 if d == axis else 1 for d in range(5)))


def _largest(x, place, axis, taps, inside):
    """The largest element along an axis and its place; the place of the first element if none is larger than -inf."""
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    shape = (*x.shape[:axis], len(taps), *x.shape[axis + 1:])
    best, chosen, found = np.full(shape, low, x.dtype), np.full(shape, -1), np.full(shape, False)
    for k in range(taps.shape[1]):
        value, here = x.take(taps[:, k], axis), place.take(taps[:, k], axis)
        some = _as_axis(inside[:, k], axis) & (here >= 0)
        better = some & (~found | (value > best) | (value != value))
        best, chosen, found = np.where(better, value, best), np.where(better, here, chosen), found | some
    return best, chosen


def _numbers_of(place, x, out, windows):
    """The numbers of the elements within the kernel whose positions in the image are `place`."""
    number = 0
    for axis, (size, position) in enumerate(zip(x.shape[1:4], np.unravel_index(place.clip(0), x.shape[1:4])), 1):
        outputs, window = out.shape[axis], None if windows is None else windows[axis - 1]
        o = np.arange(outputs)
        first = o * size // max(outputs, 1) if window is None else o * window[1] - window[2]
        kernel = _taps_of_axis(size, outputs, window)[0].shape[1]
        number = number * kernel + (position - _as_axis(first, axis)) // (1 if window is None else window[3])
    return np.where(place < 0, 255, number)


def _divisors(x, out, windows, count_include_pad, divisor):
    if divisor is not None:
        return np.asarray(divisor)
    counts = []
    for i, (_, inside) in enumerate(_taps_of_axes(x, out, windows)):
        count = inside.sum(1)
        if windows is not None and count_include_pad:
            kernel, stride, padding, dilation = windows[i]
            start = np.arange(out.shape[1 + i]) * stride - padding
            count = np.minimum(kernel, -(-(x.shape[1 + i] + padding - start) // dilation))
        counts.append(_as_axis(count, 1 + i))
    return (counts[0] * counts[1] * counts[2]).astype(out.dtype)
