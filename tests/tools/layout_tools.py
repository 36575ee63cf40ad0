"""Arrays in channels-last memory."""
import numpy as np


def in_channels_last(x):
    """An array with the values of x and the memory of (N, *spatial, C)."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
