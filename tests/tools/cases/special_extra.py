
from . import Case, garbage

SIZES = (0, 1, 17)
UNARY = ("gammaln", "psi", "erfc", "erfcx", "erfinv", "ndtr", "ndtri", "log_ndtr", "i0", "i0e", "i1", "i1e", "j0", "j1",
         "y0", "y1", "k0", "k1", "k0e", "k1e", "spherical_jn0", "exp2", "sinc", "entr",
         "airy_ai")
SMOOTH = ("gammaln", "psi", "erfc", "erfcx", "erfinv", "ndtr", "ndtri", "log_ndtr", "i0", "i0e", "i1", "i1e", "exp2",
          "sinc", "entr")
POLYNOMIALS = tuple(f"{family}_polynomial_{kind}" for family, kinds in (
    ("chebyshev", "tuvw"), ("shifted_chebyshev", "tuvw"), ("hermite", ("h", "he")), ("laguerre", "l"),
    ("legendre", "p"))
    for kind in kinds)
BINARY = ("zeta", "gammainc", "gammaincc")
ORDERED = ("polygamma", "multigammaln")


def unit(rng, n, dtype):
    return rng.uniform(0.1, 0.9, n).astype(dtype)


def unary(function, order=None):
    return lambda rng, dtype, n: ((garbage(n, dtype), unit(rng, n, dtype) + (order or 0), order, function), {})


def unary_backward(function, order=None):
    return lambda rng, dtype, n: (
        (garbage(n, dtype), unit(rng, n, dtype), unit(rng, n, dtype) + (order or 0), order, unit(rng, n, dtype),
         function), {})


def binary(function):
    return lambda rng, dtype, n: ((garbage(n, dtype), 1 + unit(rng, n, dtype), unit(rng, 1, dtype), function), {})


def binary_backward(function):
    return lambda rng, dtype, n: (
        (garbage(n, dtype), unit(rng, n, dtype), 1 + unit(rng, n, dtype), unit(rng, 1, dtype), unit(rng, n, dtype),
         function), {})


CASES = [
    *(Case("special", unary(f), SIZES, None, note=f) for f in UNARY),
    *(Case("special", unary(f, 2), SIZES, None, note=f) for f in ORDERED),
    *(Case("special", binary(f), SIZES, None, note=f) for f in (*BINARY, *POLYNOMIALS)),
    *(Case("special_backward", unary_backward(f), SIZES, None, note=f) for f in SMOOTH),
    *(Case("special_backward", unary_backward(f, 2), SIZES, None, note=f) for f in ORDERED),
    *(Case("special_backward_second", binary_backward(f), SIZES, None, note=f) for f in BINARY),
]
