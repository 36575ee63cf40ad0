"""The largest error, in units in the last place, of the float32 functions over all floats (or every --stride-th).

    python benchmarks/ulp.py                one in 257 of the 2^32 bit patterns: seconds
    python benchmarks/ulp.py --stride 1     every one: an hour

Errors are taken where the result is a normal number. Elsewhere it must be what the true value rounds to (NaN, an
infinity), or differ from the true value by no more than the smallest normal number.
"""
import argparse

import numpy as np

from fastnet.backend import K, available_isas, set_isa, use_backend

TINY = float(np.finfo(np.float32).tiny)
CHUNK = 1 << 21


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def erf(x):
    y = np.empty_like(x)
    with use_backend("numpy"):
        K.erf(y, x)
    return y


# name -> (the true value in float64, attributes of the kernel)
FUNCTIONS = {
    "exp": (np.exp, {}), "expm1": (np.expm1, {}), "log": (np.log, {}), "log1p": (np.log1p, {}),
    "sigmoid": (sigmoid, {}), "tanh": (np.tanh, {}), "erf": (erf, {}),
    "softplus": (softplus, {"beta": 1.0, "threshold": 1e30}),
}


def floats(stride):
    """All float32 bit patterns, in chunks, `stride` apart."""
    for start in range(0, 1 << 32, CHUNK * stride):
        bits = np.arange(start, min(start + CHUNK * stride, 1 << 32), stride, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def errors(got, true):
    """The error of each result in ulp, or inf where it is wrong in kind, and 0 where only the absolute error counts."""
    rounded = true.astype(np.float32)
    difference = np.abs(got - true)
    same = (got == rounded) | np.isnan(got) & np.isnan(rounded)
    ulp = np.where(same | (difference <= TINY), 0, np.inf)
    normal = (np.abs(true) >= TINY) & np.isfinite(rounded)
    ulp[normal] = difference[normal] / np.spacing(np.abs(rounded[normal])).astype(np.float64)
    return ulp


def worst(name, stride):
    """(error, argument) where the kernel errs most."""
    true, attrs = FUNCTIONS[name]
    most = (0.0, 0.0)
    for x in floats(stride):
        got = np.empty_like(x)
        getattr(K, name)(got, x, **attrs)
        with np.errstate(all="ignore"):
            ulp = errors(got, true(x.astype(np.float64)))
        at = ulp.argmax()
        most = max(most, (float(ulp[at]), float(x[at])))
    return most


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stride", type=int, default=257, help="test one float in so many (default: %(default)s)")
    parser.add_argument("--isa", nargs="*", default=available_isas(), help="instruction sets (default: all there are)")
    parser.add_argument("functions", nargs="*", default=list(FUNCTIONS), help=f"{', '.join(FUNCTIONS)} (default: all)")
    args = parser.parse_args()
    for isa in args.isa:
        set_isa(isa)
        for name in args.functions:
            ulp, x = worst(name, args.stride)
            print(f"{isa:9s} {name:9s} {ulp:7.3f} ulp at {x!r}", flush=True)


if __name__ == "__main__":
    main()
