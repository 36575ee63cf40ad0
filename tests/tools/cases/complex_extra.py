import numpy as np

from . import Case, garbage, real

SIZES = (0, 1, 17)
COMPLEX = (np.complex64, np.complex128)
PART = {np.complex64: np.float32, np.complex128: np.float64}


def numbers(rng, dtype, *shape):
    return (real(rng, shape, np.float64, False) + 1j * real(rng, shape, np.float64, False)).astype(dtype)


def unary(rng, dtype, n):
    return (garbage(n, dtype), numbers(rng, dtype, n)), {}


def to_real(rng, dtype, n):
    return (garbage(n, PART[dtype]), numbers(rng, dtype, n)), {}


def real_slope(rng, dtype, n):
    return (garbage(n, dtype), numbers(rng, dtype, n), real(rng, n, PART[dtype])), {}


def transform(inverse):
    return lambda rng, dtype, n: (
        (garbage((2, n + 1), dtype), numbers(rng, dtype, 2, n + 1), (1,), inverse, "ortho"), {})


def rfft(rng, dtype, n):
    return (garbage((2, (n + 1) // 2 + 1), dtype), real(rng, (2, n + 1), PART[dtype]), 1, "backward"), {}


def irfft(rng, dtype, n):
    return (garbage((2, n + 1), PART[dtype]), numbers(rng, dtype, 2, (n + 1) // 2 + 1), 1, "forward"), {}


def rfft_backward(rng, dtype, n):
    return (garbage((2, n + 1), PART[dtype]), numbers(rng, dtype, 2, (n + 1) // 2 + 1), 1, "backward"), {}


def irfft_backward(rng, dtype, n):
    return (garbage((2, (n + 1) // 2 + 1), dtype), real(rng, (2, n + 1), PART[dtype]), 1, "backward"), {}


CASES = [Case(name, make, SIZES, None, note=note, dtypes=COMPLEX) for name, make, note in (
    ("conj", unary, ""), ("angle", to_real, ""), ("complex_abs", to_real, ""),
    ("complex_abs_backward", real_slope, ""), ("angle_backward", real_slope, ""),
    ("times_i", lambda rng, dtype, n: ((garbage(n, dtype), real(rng, n, PART[dtype]), -1), {}), ""),
    ("fft", transform(False), ""),
    ("fft", transform(True), "inverse"), ("fft_real", rfft, ""), ("fft_real_inverse", irfft, ""),
    ("fft_real_backward", rfft_backward, ""), ("fft_real_inverse_backward", irfft_backward, ""))]
