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
    if not out.size:
        return
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
    if not out.size:
        return
    total = x
    for axis, table in zip((3, 2, 1), reversed(_taps_of_axes(x, out, windows))):
        total = np.stack([total.take(t[i], axis).sum(axis, dtype=np.float64) for t, i in zip(*table)], axis)
    out[...] = total / divisors(x, out, windows, count_include_pad, divisor)


@kernel(flushes=True)
def avg_pool_backward(dx, dy, windows=None, count_include_pad=True, divisor=None):
    """dx = the sum of dy / divisor over the windows of the element."""
    g = dy / divisors(dx, dy, windows, count_include_pad, divisor)
    for axis, table in zip((1, 2, 3), _taps_of_axes(dx, dy, windows)):
        total = np.zeros((*g.shape[:axis], dx.shape[axis], *g.shape[axis + 1:]))
        for o, (t, i) in enumerate(zip(*table)):
            total[(slice(None),) * axis + (t[i],)] += g.take([o], axis)
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
    """The largest element of each window along an axis and its place."""
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    nothing = (*x.shape[:axis], 1, *x.shape[axis + 1:])
    found = []
    for t, i in zip(taps, inside):
        values, places = x.take(t[i], axis), place.take(t[i], axis)
        if not i.any():
            found.append((np.full(nothing, low, x.dtype), np.full(nothing, -1)))
            continue
        nan = values != values
        last_nan = values.shape[axis] - 1 - np.flip(nan, axis).argmax(axis, keepdims=True)
        k = np.where(nan.any(axis, keepdims=True), last_nan, values.argmax(axis, keepdims=True))
        found.append((np.take_along_axis(values, k, axis), np.take_along_axis(places, k, axis)))
    return tuple(np.concatenate(parts, axis) for parts in zip(*found))


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


def divisors(x, out, windows, count_include_pad, divisor=None):
    """The divisor of the sum of each window: `divisor`, or the number of elements, (1, D, H, W, 1).

    With count_include_pad, the elements of the padding count, but not those that a last window has beyond it.
    """
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
    return counts[0] * counts[1] * counts[2]
