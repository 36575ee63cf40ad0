"""The table of kernel cases, run by the parity tests, the same-bits tests and the benchmarks.

There is one module for each family of kernels, found by its name; each defines CASES, a list of Case.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnet._kernels.reference import FAMILIES

# near the widths of vectors (2 to 16 lanes, 4 vectors a loop) and near a block of 4096 elements (src/launch.h)
LENGTHS = (0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 4095, 4097, 13001)


GARBAGE = 77


@dataclass
class Case:
    """One way to call one kernel.

    Args:
        kernel: its name.
        make: `make(rng, dtype, size)` gives (args, attrs): all positional arguments, outputs first and holding
            garbage, and the keyword arguments. `rng` is a numpy Generator, `dtype` float32 or float64.
        sizes: the sizes to test, in the form that `make` takes.
        bench: the size to time, or None.
        rtol, atol: tolerance against the reference, for float32 and float64.
        note: distinguishes cases of one kernel.
        dtypes: float32 and float64 must be served by the compiled kernel; others it may leave to the reference.
        raises: the exception that both twins raise, with the same message.
    """
    kernel: str
    make: Callable
    sizes: tuple = LENGTHS
    bench: object = 1 << 20
    rtol: tuple = (2e-6, 1e-13)
    atol: tuple = (1e-6, 1e-14)
    note: str = ""
    dtypes: tuple = (np.float32, np.float64)
    raises: type[Exception] | None = None

    @property
    def id(self):
        return self.kernel + (f"-{self.note}" if self.note else "")


def garbage(shape, dtype):
    """An output before the kernel writes it, with values that no kernel computes."""
    return np.full(shape, GARBAGE, dtype)


def real(rng, shape, dtype, special=True):
    """Normally distributed numbers; from 16 elements on, zeros and large values are among them."""
    x = rng.standard_normal(shape).astype(dtype)
    if special and x.size >= 16:
        x.reshape(-1)[:4] = (0.0, -0.0, 80.0, -80.0)
    return x


def wild(make):
    """A `make` with some indices out of range."""
    return lambda rng, dtype, size: make(rng, dtype, size, wild=True)


def all_cases():
    """Every case of every family."""
    return [case for family in FAMILIES for case in importlib.import_module(f"{__name__}.{family}").CASES]
