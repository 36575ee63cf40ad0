"""Local response norm over neighbouring channels, and its gradient.

All arrays are (R, C), rows of channels, of one real dtype. The window of channel c has `size` channels, c - size // 2
to c + (size - 1) // 2; those outside of the row count as 0.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


def _window_sums(x, before, after):
    """The sums over channels c - before to c + after."""
    channels = x.shape[1]
    before, after = min(before, channels), min(after, channels)
    padded = np.pad(x, ((0, 0), (before, after)))
    return sum(padded[:, o:o + channels] for o in range(before + 1 + after))


@kernel(outputs=2, flushes=True)
def local_response_norm(out, scale, x, size, alpha, beta, k):
    """scale = k + alpha/size * (sum of x^2 over the window); out = x * scale^-beta."""
    scale[...] = k + alpha / size * _window_sums(x * x, size // 2, (size - 1) // 2)
    np.multiply(x, np.power(scale, -beta), out=out)


@kernel(flushes=True)
def local_response_norm_backward(dx, x, scale, dy, size, alpha, beta):
    """dx = dy*scale^-beta - 2*alpha*beta/size * x * (sum of dy*x*scale^(-beta - 1) over the windows that x is in)."""
    direct = dy * np.power(scale, -beta)
    sums = _window_sums(direct * x / scale, (size - 1) // 2, size // 2)
    np.subtract(direct, 2 * alpha * beta / size * x * sums, out=dx)
