import numpy as np

from . import LENGTHS, Case, garbage, real

SMALL = (0, 1, 5, 129, 4099)
# counters that pass 2^32 and 2^64 within the draw, and a seed that needs both words of the key
STATES = {"": (42, 0), "carry": (2**63 + 2**32 + 5, 2**32 - 100), "wrap": (7, 2**64 - 100)}


def state(note):
    return np.array(STATES[note], np.uint64)


def draw(*args, dtype=None, note="", **attrs):
    def make(rng, real_type, n):
        return (garbage(n, dtype or real_type), state(note), 3, *args), attrs
    return make


def bernoulli(bad=None):
    def make(rng, dtype, n):
        p = rng.random(n).astype(dtype)
        p[:2] = (0, 1)[:n]
        if bad is not None:
            p[-1] = bad
        return (garbage(n, dtype), p, state(""), 3), {}
    return make


def with_nans(rng, dtype, n):
    x = real(rng, n, dtype)
    x[4:7] = (np.nan, np.inf, -np.inf)[:max(0, min(3, n - 4))]
    return x


def dropout(p, note=""):
    def make(rng, dtype, n):
        return (garbage(n, dtype), garbage(n, np.uint8), with_nans(rng, dtype, n), state(note), 3, p), {}
    return make


def dropout_backward(p):
    def make(rng, dtype, n):
        return (garbage(n, dtype), rng.integers(0, 2, n).astype(np.uint8), with_nans(rng, dtype, n), p), {}
    return make


def uniform(note, *args, **more):
    """Both twins round alike, step by step: the same bits."""
    return Case("random_uniform", draw(*args), rtol=(0, 0), atol=(0, 0), note=note, **more)


def integers(note, *args, **more):
    return Case("random_integers", draw(*args, dtype=np.int64), dtypes=(np.float32,), note=note, **more)


CASES = [
    uniform("", -1.0, 3.0),
    *(Case("random_uniform", draw(note=note), SMALL, None, (0, 0), (0, 0), note=note) for note in ("carry", "wrap")),
    uniform("empty range", 2.5, 2.5, sizes=SMALL, bench=None),
    uniform("rounds up", 1.0, 1.0000001, sizes=SMALL, bench=None),
    uniform("low above high", 2.0, 1.0, sizes=(4,), raises=RuntimeError),
    uniform("too wide", -1.7e308, 1.7e308, sizes=(4,), raises=RuntimeError),
    uniform("infinite", 0.0, float("inf"), sizes=(4,), raises=RuntimeError),
    uniform("nan", float("nan"), 1.0, sizes=(4,), raises=RuntimeError),
    Case("random_normal", draw()),
    Case("random_normal", draw(mean=-2.0, std=0.5), SMALL, None, note="mean and std"),
    Case("random_normal", draw(1.0, -1.0), (4,), raises=RuntimeError, note="negative std"),
    integers("", -3, 40),
    integers("one", 5, 6, sizes=SMALL, bench=None),
    integers("large", -2**62, 2**62 + 12345, sizes=SMALL, bench=None),
    integers("all", -2**63, 2**63, sizes=SMALL, bench=None),
    integers("empty range", 3, 3, sizes=(4,), raises=RuntimeError),
    integers("too low", -2**63 - 1, 3, sizes=(4,), raises=RuntimeError),
    Case("random_bernoulli", bernoulli(), rtol=(0, 0), atol=(0, 0)),
    *(Case("random_bernoulli", bernoulli(bad), (1, 20, 5000), raises=RuntimeError, note=str(bad))
      for bad in (-0.25, 1.5, float("nan"))),
    Case("dropout", dropout(0.3), LENGTHS, rtol=(0, 0), atol=(0, 0)),
    *(Case("dropout", dropout(p), SMALL, None, (0, 0), (0, 0), note=f"p={p}") for p in (0, 1, 1e-10)),
    Case("dropout", dropout(0.5, "carry"), SMALL, None, (0, 0), (0, 0), note="carry"),
    Case("dropout", dropout(1.5), (4,), raises=ValueError, note="p above 1"),
    Case("dropout_backward", dropout_backward(0.3), rtol=(0, 0), atol=(0, 0)),
    Case("dropout_backward", dropout_backward(1), SMALL, None, note="p=1"),
    Case("dropout_backward", dropout_backward(-0.5), (4,), raises=ValueError, note="p below 0"),
]
