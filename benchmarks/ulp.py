"""The largest errors of the float32 functions over all floats, or every --stride-th, in units in the last place.

    python -m benchmarks.ulp                one in 257 of the 2^32 bit patterns: seconds
    python -m benchmarks.ulp --stride 1     every one: minutes

True values come from the float64 kernels; tests/kernels/test_ulp.py measures the errors of those. Prints a line for
each function and a column for each instruction set, and fails if an error exceeds its bound (`ulp` in the reference).
"""
import argparse
import sys
import time

import numpy as np
from ulp_tools import ATTRS, BOUNDED, ulp_errors

from fastnet.backend import K, available_isas, set_isa

CHUNK = 1 << 13                         # small enough for the cache


def floats(stride):
    """All float32 bit patterns, in chunks, `stride` apart."""
    for start in range(0, 1 << 32, CHUNK * stride):
        bits = np.arange(start, min(start + CHUNK * stride, 1 << 32), stride, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def worst(name, isas, stride):
    """(largest error, its argument) of the kernel for each instruction set."""
    function, attrs = getattr(K, name), ATTRS.get(name, {})
    most = dict.fromkeys(isas, (0.0, np.nan))
    for x in floats(stride):
        with np.errstate(invalid="ignore"):             # signalling NaN
            wide = x.astype(np.float64)
        set_isa(available_isas()[-1])
        function(true := np.empty_like(wide), wide, **attrs)
        for isa in isas:
            set_isa(isa)
            function(got := np.empty_like(x), x, **attrs)
            errors = ulp_errors(got, true)
            at = errors.argmax()
            if not errors[at] <= most[isa][0]:          # true for NaN, too, which argmax finds first
                most[isa] = float(errors[at]), float(x[at])
    return most


def main(argv=None):
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ulp", description=__doc__.partition("\n")[0])
    parser.add_argument("--stride", type=int, default=257, help="test every n-th float (default: %(default)s)")
    parser.add_argument("--isa", nargs="*", default=available_isas(), help="instruction sets (default: all available)")
    parser.add_argument("functions", nargs="*", help=f"{', '.join(BOUNDED)} (default: all)")
    args = parser.parse_args(argv)
    exceeded = False
    print("function   bound", *(f"{isa:>9s} at             " for isa in args.isa), "  seconds")
    for name in args.functions or BOUNDED:
        start, bound = time.perf_counter(), BOUNDED[name][0]
        most = worst(name, args.isa, args.stride)
        exceeded |= not all(error <= bound for error, _ in most.values())
        columns = (f"{error:9.3f} at {x:<12.6g}" for error, x in most.values())
        print(f"{name:9s} {bound:6.1f}", *columns, f"{time.perf_counter() - start:9.0f}", flush=True)
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
