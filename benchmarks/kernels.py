"""The kernels to time: every case with a `bench` size, compiled and as the NumPy reference."""
from dataclasses import dataclass

import numpy as np
from cases import Case
from kernel_tools import BUILT, CASES, COMPILED, arguments, arrays, has_twin, kernels, launch

from fastnet._kernels.reference import FAMILIES
from fastnet.backend import K, use_backend

from .timing import Timed

BACKENDS = {"NumPy": "numpy", "fastnet": "compiled"}
FAMILY = {name: family for family in FAMILIES for name in kernels(family)}
# The number of calls of an in-place kernel before its arrays are restored: repeated clipping of a gradient would reach
# subnormal numbers.
IN_PLACE_CALLS = 17


@dataclass(frozen=True)
class Row:
    """One kernel case with one dtype."""
    case: Case
    dtype: type

    @property
    def family(self):
        return FAMILY[self.case.kernel]

    @property
    def name(self):
        return self.case.id

    @property
    def dtype_name(self):
        return np.dtype(self.dtype).name

    @property
    def id(self):
        return f"{self.family}-{self.name}-{self.dtype_name}"


def rows(dtypes=(np.float32, np.float64), text=""):
    """The rows to time, ordered by family.

    Args:
        text: a text that the name of the kernel or the family must contain.
    """
    cases = [c for c in CASES if c.bench is not None and not c.raises]
    found = [Row(case, dtype) for case in cases for dtype in dtypes if dtype in case.dtypes]
    return sorted((row for row in found if text in row.id), key=lambda row: FAMILIES.index(row.family))


def why_not(row):
    """The reason why a row cannot be compared, or None if the compiled kernel takes its dtype."""
    if not has_twin(row.family):
        return f"{row.family} has only its NumPy form"
    if not BUILT:
        return "the compiled kernels are not built"
    if row.case.kernel not in COMPILED:
        return f"{row.family} has no compiled kernel {row.case.kernel}"
    return None if _takes(row) else f"the compiled {row.case.kernel} leaves {row.dtype_name} to NumPy"


def _takes(row):
    args, attrs = arguments(row.case, row.dtype, row.case.bench)
    try:
        with np.errstate(all="ignore"):
            COMPILED[row.case.kernel](*args, **attrs)
    except launch.UnsupportedDtype:
        return False
    except launch.NeedsPacking:         # the dispatcher copies, then calls the same kernel; both are timed
        return True
    return True


def prepare(row, backend):
    """The Timed call of a kernel on `backend`, "compiled" or "numpy", through the dispatcher, on separate arrays."""
    with use_backend(backend):
        fn = getattr(K, row.case.kernel)
    args, attrs = arguments(row.case, row.dtype, row.case.bench)
    if not row.case.kernel.endswith("_"):
        return Timed(lambda: fn(*args, **attrs))
    firsts = [(a, a.copy()) for _, a in arrays(args, attrs)]

    def restore():
        for array, first in firsts:
            array[...] = first
    return Timed(lambda: fn(*args, **attrs), restore, IN_PLACE_CALLS)
