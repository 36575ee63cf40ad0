"""The table of kernel cases: what the parity tests, the same-bits tests and the benchmarks all run.

One module for each family of kernels; each defines CASES, a list of Case.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnet._kernels.reference import FAMILIES

# around the widths of the vectors (2 to 16 lanes, 4 vectors to a loop), and around a block of 4096
LENGTHS = (0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 4095, 4097, 13001)


GARBAGE = 77


@dataclass
class Case:
    """One way to call one kernel.

    Args:
        kernel: its name.
        make: `make(rng, dtype, size)` gives (args, attrs): all positional arguments, outputs first and holding
            garbage, and the keyword arguments. `rng` is a numpy Generator, `dtype` float32 or float64.
        sizes: the sizes to test, of whatever form `make` takes.
        bench: the size to time; None: not timed.
        rtol, atol: tolerance against the reference, for float32 and float64.
        note: tells cases of one kernel apart.
        dtypes: float32 and float64 must be served by the compiled kernel; others it may leave to the reference.
        raises: what both twins raise, with the same message, instead of computing anything.
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
    """An output before the kernel writes it: nothing that a kernel could leave unnoticed."""
    return np.full(shape, GARBAGE, dtype)


def real(rng, shape, dtype, special=True):
    """Normal numbers with, from 16 elements on, zeros, infinities' neighbours and large values among them."""
    x = rng.standard_normal(shape).astype(dtype)
    if special and x.size >= 16:
        x.reshape(-1)[:4] = (0.0, -0.0, 80.0, -80.0)
    return x


def all_cases():
    """Every case of every family."""
    return [case for family in FAMILIES for case in importlib.import_module(f"{__name__}.{family}").CASES]
