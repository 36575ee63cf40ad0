"""Helpers of the kernels of linear algebra."""
import math

import numpy as np


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix that an operation of linear algebra cannot take: singular, not positive definite, without convergence.

    Example:
        >>> import fastnet
        >>> try:
        ...     fastnet.linalg.inv(fastnet.zeros(2, 2))
        ... except fastnet.linalg.LinAlgError as error:
        ...     print(error)
        linalg.inv: singular matrix
    """


def lapack(name, function, *arrays):
    """function(*arrays); NumPy's error as a LinAlgError that names the operation."""
    try:
        return function(*arrays)
    except np.linalg.LinAlgError as error:
        text = str(error)[:1].lower() + str(error)[1:]
        raise LinAlgError(f"linalg.{name}: {text}") from None


def transposed(a):
    """a (..., m, n) as (..., n, m)."""
    return a.swapaxes(-1, -2)


def half_diagonal(a):
    """a with half of its diagonal."""
    return a * np.where(np.eye(a.shape[-1], dtype=bool), 0.5, 1).astype(a.dtype)


def symmetric(a):
    """(a + a^T) / 2"""
    return (a + transposed(a)) / 2


def join(out, *parts):
    """Write arrays (..., *shape) one after the other into the last dimension of out."""
    start = 0
    for part in parts:
        size = math.prod(part.shape[out.ndim - 1:])
        out[..., start:start + size] = part.reshape(*out.shape[:-1], size)
        start += size


def split(joined, *shapes):
    """The arrays (..., *shape) that `join` wrote."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(joined[..., start:start + size].reshape(*joined.shape[:-1], *shape))
        start += size
    return parts
