"""Elementary functions against true values: within the bounds of the contract on every instruction set."""
import functools

import mpmath
import numpy as np
import pytest
from kernel_tools import COMPILED, ISAS, REFERENCE, built, instruction_set
from ulp_tools import ATTRS, BOUNDED, ulp_errors

pytestmark = built

EXACT = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "tanh": mpmath.tanh, "erf": mpmath.erf,
    "log": lambda x: mpmath.log(x) if x >= 0 else mpmath.nan,
    "log1p": lambda x: mpmath.log1p(x) if x >= -1 else mpmath.nan,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}
# where results overflow, underflow or saturate, and where a function changes from one formula to another
EDGES = (709.782712893384, -708.3964185322641, -745.1332191019412, -37.42994775023705, 0.34657359027997264, 4 / 3,
         2 / 3, 1 / 3, -1 / 3, 0.921875, 6, 20, 40, 1e-17, 1, 2**53, 88.72283905206835, -87.33654475055310, 4, 2**24)


def neighbours(values, steps=2):
    """The values, and as many of the numbers before and after each."""
    found = [values := np.asarray(values)]
    for direction in (-np.inf, np.inf):
        x = values
        for _ in range(steps):
            found.append(x := np.nextafter(x, values.dtype.type(direction)))
    return np.concatenate(found)


@functools.cache
def doubles():
    rng = np.random.default_rng(1)
    powers = 2.0 ** np.arange(-1022, 1024, 31)
    edges = neighbours([*EDGES, *-np.array(EDGES), *powers, *-powers, *np.arange(-1074, 1025, 61) * np.log(2)])
    special = (0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, np.finfo(float).max, -np.finfo(float).max)
    near = rng.uniform(-1, 1, 400), rng.uniform(-7, 7, 400), rng.uniform(-750, 750, 200)
    logarithmic = np.exp(rng.uniform(-40, 40, 200))
    return np.concatenate([special, edges, *near, logarithmic, 1 + np.exp(rng.uniform(-36, 0, 100))])


@functools.cache
def exact(name):
    """(value, rest): what is true of doubles(), rounded, and what the rounding left."""
    with mpmath.workdps(50):
        true = [EXACT[name](mpmath.mpf(x)) for x in doubles().tolist()]
        value = np.array([float(y) for y in true])
        rest = [float(y - v) if np.isfinite(v) else 0 for y, v in zip(true, value.tolist())]
    return value, np.array(rest)


def floats():
    """One in 65537 of all bit patterns, and what is near the edges."""
    bits = np.arange(0, 1 << 32, (1 << 16) + 1, dtype=np.uint64).astype(np.uint32)
    edges = np.array([*EDGES, *np.arange(-150, 129) * np.log(2), 0.0], np.float32)
    x = np.concatenate([bits.view(np.float32), neighbours(np.concatenate([edges, -edges]))])
    return x[~np.isnan(x)]


def assert_bounded(name, x, true, rest=0.0):
    bound = BOUNDED[name][x.dtype == np.float64]
    for isa in ISAS:
        with instruction_set(isa):
            COMPILED[name](got := np.empty_like(x), x, **ATTRS.get(name, {}))
        errors = ulp_errors(got, true, rest)
        at = errors.argmax()
        assert errors[at] <= bound, f"{name}({x[at]!r}) = {got[at]!r} on {isa}: {errors[at]:.2f} ulp from {true[at]!r}"


def test_every_bounded_function_has_true_values():
    assert set(BOUNDED) == set(EXACT)


@pytest.mark.parametrize("name", BOUNDED)
def test_float32(name):
    x = floats()
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        REFERENCE[name](true := np.empty_like(wide), wide, **ATTRS.get(name, {}))
    assert_bounded(name, x, true)


@pytest.mark.parametrize("name", BOUNDED)
def test_float64(name):
    assert_bounded(name, doubles(), *exact(name))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["tanh", "erf", "expm1", "log1p"])
def test_zero_keeps_its_sign(name, dtype):
    for isa in ISAS:
        with instruction_set(isa):
            COMPILED[name](got := np.ones(2, dtype), np.array([0.0, -0.0], dtype))
        np.testing.assert_array_equal(np.signbit(got), [False, True])
        np.testing.assert_array_equal(got, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_functions(name, dtype):
    x = doubles()[np.abs(doubles()) <= np.finfo(dtype).max].astype(dtype)
    for isa in ISAS:
        with instruction_set(isa):
            COMPILED[name](up := np.empty_like(x), x)
            COMPILED[name](down := np.empty_like(x), -x)
        np.testing.assert_array_equal(up, -down)
        assert (np.abs(up) <= 1).all()


def test_errors_are_measured():
    true = np.array([1.0, 1.0, 1.5, -2.0, 0.0, np.inf, np.nan, 1e-310, 1.0])
    got = np.array([1.0, 1 + 2.0**-23, 1.5 + 3 * 2.0**-23, -2 - 2.0**-21, 1.0, np.inf, 1.0, 0, np.nan], np.float32)
    errors = ulp_errors(got, true)
    np.testing.assert_array_equal(errors, [0, 1, 3, 2, np.inf, 0, np.inf, 0, np.nan])
    assert ulp_errors(np.array([1.0]), np.array([1.0]), np.array([2.0**-53]))[0] == 0.5
