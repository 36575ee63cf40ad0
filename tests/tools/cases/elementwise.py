import numpy as np

from . import LENGTHS, Case, garbage, real

ANY = (np.float32, np.float64, np.int64, np.int32, np.uint8, np.bool_)
NUMBERS = (np.float32, np.float64, np.int64)


def values(rng, shape, dtype):
    """Values of any dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return real(rng, shape, dtype)
    return rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)


# ---- copy: size is (shape of out, a function that gives x from an array of that shape) -----------------------------

def transposed(x):
    return np.asfortranarray(x)


def column(x):
    return x[..., :1]


def row(x):
    return x[:1]


def scalar(x):
    return x.reshape(-1)[:1].reshape(())


def reverse(x):
    return x[::-1, ::-1]


def every_third(x):
    return np.repeat(x, 3, axis=-1)[..., ::3]


def rotated(x):
    """The last axis outermost in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)


def swapped(x):
    """The last two axes exchanged in memory: many small transpositions."""
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(x, -1, -2)), -1, -2)


MATRICES = ((0, 5), (1, 1), (1, 7), (5, 3), (17, 16), (33, 65), (70, 130), (3, 5000), (5000, 3), (200, 301))
COPY_SIZES = tuple((shape, view) for shape in MATRICES
                   for view in (transposed, column, row, scalar, reverse, every_third) if shape[0] or view != scalar)
COPY_SIZES += (((4, 5, 6), rotated), ((2, 3, 4, 5), transposed), ((2, 3, 40, 50), rotated),
               ((2, 3, 2, 3, 2, 3, 2, 3), transposed), ((), scalar), ((9000,), scalar), ((3, 100, 7), row))
COPY_SIZES += tuple((shape, swapped) for shape in (
    (9, 2, 58), (9, 58, 2), (20, 3, 17), (20, 17, 3), (8, 4, 9), (8, 9, 4), (3, 5, 6), (2, 3, 9000), (300, 2, 2),
    (1, 1, 3)))
STRIDED = (transposed, reverse, every_third, rotated, swapped)


def copy(convert_from=None):
    def make(rng, dtype, size):
        shape, view = size
        x = values(rng, shape, convert_from or dtype)
        if dtype == np.uint8 and x.dtype.kind == "f":   # what a negative one becomes depends on the processor
            x = np.clip(x, 0, 255)
        return (garbage(shape, dtype), view(x)), {}
    return make


def copy_out(rng, dtype, size):
    """Arguments with a strided output."""
    shape, view = size
    out = view(garbage(shape, dtype).copy())
    return (out, values(rng, out.shape, dtype)), {}


COPIES = [
    Case("copy", copy(), COPY_SIZES, ((1000, 1000), transposed), dtypes=ANY),
    Case("copy", copy_out, tuple(s for s in COPY_SIZES if s[1] in STRIDED), None, note="strided output", dtypes=ANY),
    *(Case("copy", copy(given), COPY_SIZES[::5], None, note=f"from {np.dtype(given).name}", dtypes=ANY)
      for given in ANY),
]


# ---- join: size is (the shape of the first part, the lengths of all parts along the axis, the axis) ----------------

def join(stacked=False, second=None):
    def make(rng, dtype, size):
        shape, lengths, axis = size
        whole = (*shape[:axis], sum(lengths), *shape[axis + 1:])
        parts = [values(rng, (*shape[:axis], n, *shape[axis + 1:]), dtype) for n in lengths]
        if stacked:
            whole = (*shape[:axis], len(lengths), *shape[axis:])
            parts = [values(rng, shape, dtype) for _ in lengths]
        if second is not None:
            parts[1:] = [second(part) for part in parts[1:]]
        return (garbage(whole, dtype), axis, *parts), {}
    return make


JOIN_SIZES = (((1,), (1,), 0), ((5,), (5, 0, 3), 0), ((2, 3), (2, 1), 0), ((2, 3), (3, 4, 1), 1), ((0, 4), (0, 0), 0),
              ((3, 0), (0, 0, 0), 1), ((4, 5, 6), (5, 7), 1), ((33, 65), (65, 64, 63), 1), ((70, 130), (70, 1), 0),
              ((2, 3, 4, 5), (3, 3), 1), ((9000,), (9000, 5000), 0))
JOINS = [
    Case("join", join(), JOIN_SIZES, ((1000, 300), (300, 400), 1), dtypes=ANY),
    Case("join", join(stacked=True), JOIN_SIZES, None, note="stacked", dtypes=ANY),
    Case("join", join(second=np.asfortranarray), JOIN_SIZES[2:], None, note="strided", dtypes=ANY),
    Case("join", join(second=lambda x: x.astype(np.float64)), JOIN_SIZES[::3], None, note="converted"),
]


# ---- constants ------------------------------------------------------------------------------------------------------

def fill(value):
    return lambda rng, dtype, n: ((garbage(n, dtype), value), {})


def arange(start, step):
    return lambda rng, dtype, n: ((garbage(n, dtype), start, step), {})


CONSTANTS = [
    Case("fill", fill(3), dtypes=ANY), Case("fill", fill(0), bench=None, note="zero", dtypes=ANY),
    Case("fill", fill(-2.5), bench=None, note="real"), Case("fill", fill(float("-inf")), bench=None, note="-inf"),
    Case("fill", fill(-3), bench=None, note="negative", dtypes=(np.int32, np.int64)),
    Case("fill", fill(2**62 + 1), bench=None, note="large", dtypes=(np.int64,)),
    Case("fill", fill(True), bench=None, note="bool", dtypes=ANY),
    Case("arange", arange(3, 2), dtypes=(np.float32, np.float64, np.int64, np.int32)),
    Case("arange", arange(-0.5, 0.1), bench=None, note="real", rtol=(0, 0), atol=(0, 0)),
    Case("arange", arange(2**60 + 1, -7), bench=None, note="large", dtypes=(np.int64,)),
]


# ---- one input ------------------------------------------------------------------------------------------------------

SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, 1e-42, -1e-42, 89.5, -89.5, 104, -104, 1, -1)


def broken(rng, n, dtype):
    """Numbers of all magnitudes, NaN and infinities."""
    x = np.exp(rng.uniform(-80, 80, n)) * rng.choice((-1, 1), n)
    x[:len(SPECIAL)] = SPECIAL[:n]
    return x.astype(dtype)


def unary(make_values, *attrs):
    return lambda rng, dtype, n: ((garbage(n, dtype), make_values(rng, n, dtype), *attrs), {})


def positive(rng, n, dtype):
    return np.abs(values(rng, n, dtype)) + np.asarray(0.01, dtype)


def backward(make_values, *attrs):
    return lambda rng, dtype, n: ((garbage(n, dtype), make_values(rng, n, dtype), real(rng, n, dtype), *attrs), {})


ONE = [
    *(Case(name, unary(values), dtypes=NUMBERS) for name in ("neg", "abs", "square")),
    *(Case(name, unary(values)) for name in ("exp", "expm1", "erf", "reciprocal")),
    *(Case(name, unary(positive)) for name in ("sqrt", "log", "log1p")),
    *(Case(name, unary(broken), (16, 50), None, note="broken")
      for name in ("neg", "abs", "square", "exp", "expm1", "erf", "reciprocal", "sqrt", "log", "log1p")),
    Case("clamp", unary(values, -0.5, 1), LENGTHS),
    *(Case("clamp", unary(broken, *limits), (16, 50), None, note=f"{limits}")
      for limits in ((-1, 1), (None, 1), (0.5, None), (None, None), (2, 1))),
    Case("clamp", unary(values, 10, 50), bench=None, note="whole numbers", dtypes=(np.int64,)),
    Case("clamp_backward", backward(values, -0.5, 1), LENGTHS),
    *(Case("clamp_backward", backward(broken, *limits), (16, 50), None, note=f"{limits}")
      for limits in ((-1, 1), (None, 1), (1, None), (None, None))),
]


# ---- several inputs: size is the shapes ------------------------------------------------------------------------------

SOME = (0, 1, 3, 8, 17, 65, 4097, 13001)
SHAPES = (
    *(((n,), (n,)) for n in SOME),
    ((), ()), ((1,), (1,)), ((5000,), ()), ((), (37,)), ((37,), (1,)),
    ((7, 33), (33,)), ((33,), (7, 33)), ((7, 33), (7, 1)), ((7, 1), (7, 33)), ((7, 1), (1, 33)), ((300, 70), (70,)),
    ((9000, 3), (3,)), ((3, 9000), (3, 1)), ((2, 3, 4, 5), (3, 1, 1)), ((2, 3, 4, 5), (2, 1, 4, 1)),
    ((2, 1, 4, 1, 3), (1, 5, 1, 2, 1)), ((2, 1, 2, 1, 2, 1, 3, 1), (1, 3, 1, 2, 1, 2, 1, 3)), ((0, 3), (3,)),
    ((4, 0), (4, 1)), ((1, 1, 1), (1,)),
)


def binary(make_values, out_dtype=None):
    def make(rng, dtype, shapes):
        a, b = (make_values(rng, shape, dtype) for shape in shapes)
        return (garbage(np.broadcast_shapes(*shapes), out_dtype or dtype), a, b), {}
    return make


def divisors(rng, shape, dtype):
    return values(rng, shape, dtype) + np.asarray(0.5, dtype)


def few(rng, shape, dtype):
    """Few different values, so that some are equal; NaN and infinities among the real ones."""
    x = rng.integers(0, 3, shape).astype(dtype)
    if x.dtype.kind == "f" and x.size >= 8:
        x.reshape(-1)[:8] = rng.permutation((np.nan, np.inf, -np.inf, 0.0, -0.0, 1, np.nan, 2))
    return x


def powers(rng, dtype, shapes):
    a, b = (np.abs(values(rng, shape, dtype)) + np.asarray(0.1, dtype) for shape in shapes)
    return (garbage(np.broadcast_shapes(*shapes), dtype), a, np.minimum(b, 5)), {}


def power_rules(rng, dtype, size):
    a, b = np.meshgrid(np.array((*SPECIAL, 2, -2), dtype), np.array((*SPECIAL, 0.5, 2, -2, 3, -3), dtype))
    return (garbage(a.shape, dtype), np.ascontiguousarray(a), np.ascontiguousarray(b)), {}


def in_place(argument):
    def make(rng, dtype, shapes):
        args = [real(rng, shape, dtype) for shape in shapes]
        return (args[argument], *args), {}
    return make


def where(rng, dtype, shapes):
    cond, a, b = (values(rng, shape, d) for shape, d in zip(shapes, (np.bool_, dtype, dtype)))
    return (garbage(np.broadcast_shapes(*shapes), dtype), cond, a, b), {}


WHERE_SHAPES = (
    *(((n,), (n,), (n,)) for n in SOME),
    *((c, a, b) for c in ((), (40, 1), (70,), (40, 70)) for a in ((), (40, 70)) for b in ((40, 1), (40, 70), (70,))),
    ((), (), ()), ((3, 1, 1), (2, 1, 5, 1), (1, 7)), ((2, 1, 2, 1, 2, 1, 3, 1), (1, 3, 1, 2, 1, 2, 1, 3), (2, 3, 1)),
)
PLAIN = ((1000, 1000), (1000, 1000))
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")

SEVERAL = [
    *(Case(name, binary(values), SHAPES, PLAIN, dtypes=NUMBERS) for name in ("add", "sub", "mul")),
    *(Case(name, binary(values), SHAPES, ((1000, 1000), (1000,)), note="row") for name in ("add", "mul")),
    Case("div", binary(divisors), SHAPES, PLAIN),
    *(Case(name, binary(few), SHAPES, PLAIN, dtypes=NUMBERS) for name in ("maximum", "minimum")),
    *(Case(name, binary(few), (((50,), (50,)),), None, note="broken") for name in ("add", "sub", "mul", "div")),
    *(Case(name, binary(few, np.bool_), SHAPES, PLAIN, dtypes=NUMBERS) for name in COMPARISONS),
    Case("pow", powers, SHAPES, PLAIN), Case("pow", power_rules, (0,), None, note="rules"),
    Case("add", in_place(0), (((5000,), (5000,)), ((7, 33), (33,))), None, note="in place of a"),
    Case("sub", in_place(1), (((5000,), (5000,)), ((7, 1), (7, 33))), None, note="in place of b"),
    Case("where", where, WHERE_SHAPES, ((1000, 1000),) * 3, dtypes=ANY),
]

CASES = COPIES + JOINS + CONSTANTS + ONE + SEVERAL
