import numpy as np

from . import LENGTHS, Case, garbage, real

SHORT = (0, 1, 5, 17, 4099)


def poisoned(rng, dtype, n):
    """A parameter and its gradient, with NaN and infinity in either."""
    p, g = real(rng, n, dtype), real(rng, n, dtype)
    bad = (np.nan, np.inf, -np.inf)
    p[5:8] = bad[:max(0, min(3, n - 5))]
    g[8:11] = bad[:max(0, min(3, n - 8))]
    return p, g


def healthy(rng, dtype, n):
    return real(rng, n, dtype), real(rng, n, dtype)


EXACT, CANCELLING = (2e-6, 1e-13), (2e-5, 1e-12)     # relative tolerances: sq - gavg^2 loses digits


def rule(kernel, hyper, state, step=3, values=healthy, note="", sizes=SHORT, bench=None, rtol=EXACT, **attrs):
    """`state(rng, dtype, n)` gives the arrays between the gradient and the hyperparameters."""
    def make(rng, dtype, n):
        p, g = values(rng, dtype, n)
        return (p, g, *state(rng, dtype, n), np.array(hyper, np.float64), np.array(step, np.int64)), attrs
    return Case(kernel, make, sizes, bench, rtol, note=note)


def positive(rng, dtype, n):
    return (rng.random(n) + 0.1).astype(dtype)


# ---- SGD: lr, momentum, dampening, weight_decay, l1 ----

def no_buffer(rng, dtype, n):
    return (None,)


def buffer(rng, dtype, n):
    return (real(rng, n, dtype),)


def fresh(rng, dtype, n):
    return (garbage(n, dtype),)


SGD = [
    rule("sgd_", [0.1, 0, 0, 0, 0], no_buffer, sizes=LENGTHS, bench=1 << 20),
    rule("sgd_", [0.1, 0.9, 0, 1e-2, 0], buffer, note="momentum", sizes=LENGTHS, bench=1 << 20),
    rule("sgd_", [0.1, 0.9, 0.5, 1e-2, 1e-3], fresh, step=1, note="first step"),
    rule("sgd_", [0.1, 0.9, 0.5, 0, 0], buffer, note="dampening"),
    rule("sgd_", [0.1, 0.9, 0, 1e-2, 0], buffer, note="nesterov", nesterov=True),
    rule("sgd_", [0.1, 0, 0, 1e-2, 1e-3], no_buffer, note="penalties, maximize", maximize=True),
    rule("sgd_", [0.1, 0, 0, 0, 0], buffer, note="momentum off"),
    rule("sgd_", [0.1, 0.9, 0, 1e-2, 1e-3], buffer, values=poisoned, note="nan"),
]

# ---- Adam: lr, beta1, beta2, eps, weight_decay, l1 ----


def moments(rng, dtype, n):
    return real(rng, n, dtype, special=False), positive(rng, dtype, n), None


def moments_and_largest(rng, dtype, n):
    largest = positive(rng, dtype, n)
    largest[:1] = np.nan
    return real(rng, n, dtype, special=False), positive(rng, dtype, n), largest


def zeros(rng, dtype, n):
    return np.zeros(n, dtype), np.zeros(n, dtype), None


ADAM = [
    rule("adam_", [1e-2, 0.9, 0.999, 1e-8, 0, 0], moments, sizes=LENGTHS, bench=1 << 20),
    rule("adam_", [1e-2, 0.9, 0.999, 1e-8, 0, 0], zeros, step=1, note="first step"),
    rule("adam_", [1e-2, 0.9, 0.999, 1e-8, 1e-2, 1e-3], moments, note="penalties"),
    rule("adam_", [1e-2, 0.9, 0.999, 1e-8, 1e-1, 1e-3], moments, note="decoupled", bench=1 << 20, decoupled=True),
    rule("adam_", [1e-2, 0.5, 0.9, 1e-6, 0, 0], moments_and_largest, step=1000, note="amsgrad"),
    rule("adam_", [1e-2, 0.0, 0.0, 1e-8, 0, 0], moments, note="no memory"),
    rule("adam_", [1e-2, 0.9, 0.999, 1e-8, 1e-1, 0], moments, note="maximize", decoupled=True, maximize=True),
    rule("adam_", [1e-2, 0.9, 0.999, 1e-8, 1e-2, 1e-3], moments, values=poisoned, note="nan"),
]

# ---- RMSprop: lr, alpha, eps, weight_decay, momentum, l1 ----


def squares(rng, dtype, n):
    return positive(rng, dtype, n), None, None


def squares_and_buffer(rng, dtype, n):
    return positive(rng, dtype, n), real(rng, n, dtype), None


def centered(rng, dtype, n):
    mean = real(rng, n, dtype, special=False)
    return mean * mean + positive(rng, dtype, n), None, mean


def centered_and_buffer(rng, dtype, n):
    sq, _, mean = centered(rng, dtype, n)
    return sq, real(rng, n, dtype), mean


def below_zero(rng, dtype, n):
    """The mean of squares below the square of the mean, as rounding can make it."""
    return np.full(n, 0.99, dtype), None, np.ones(n, dtype)


def constant(rng, dtype, n):
    return real(rng, n, dtype), np.ones(n, dtype)


RMSPROP = [
    rule("rmsprop_", [1e-2, 0.99, 1e-8, 0, 0, 0], squares, sizes=LENGTHS, bench=1 << 20),
    rule("rmsprop_", [1e-2, 0.99, 1e-8, 1e-2, 0.9, 1e-3], squares_and_buffer, note="momentum, penalties"),
    rule("rmsprop_", [1e-2, 0.99, 1e-8, 0, 0, 0], squares_and_buffer, note="momentum off"),
    rule("rmsprop_", [1e-2, 0.9, 1e-8, 0, 0, 0], centered, note="centered", rtol=CANCELLING),
    rule("rmsprop_", [1e-2, 0.9, 1e-8, 1e-2, 0.9, 0], centered_and_buffer, note="centered, momentum", rtol=CANCELLING,
         maximize=True),
    rule("rmsprop_", [1e-2, 0.9, 1.0, 0, 0, 0], below_zero, values=constant, note="below zero"),
    rule("rmsprop_", [1e-2, 0.9, 1e-8, 1e-2, 0.9, 1e-3], centered_and_buffer, values=poisoned, note="nan",
         rtol=CANCELLING),
]

# ---- Adagrad: lr, lr_decay, eps, weight_decay, l1 ----


def sums(rng, dtype, n):
    return (positive(rng, dtype, n),)


ADAGRAD = [
    rule("adagrad_", [1e-2, 0, 1e-10, 0, 0], sums, sizes=LENGTHS, bench=1 << 20),
    rule("adagrad_", [1e-2, 0.1, 1e-10, 1e-2, 1e-3], sums, step=20, note="decay, penalties", maximize=True),
    rule("adagrad_", [1e-2, 0, 1e-10, 1e-2, 1e-3], sums, values=poisoned, note="nan"),
]

# ---- the rest ----


def clip(norm, max_norm, norm_dtype=None):
    def make(rng, dtype, n):
        return (real(rng, n, dtype), np.array([norm], norm_dtype or dtype), max_norm), {}
    return make


def increment(**attrs):
    def make(rng, dtype, shape):
        return (np.full(shape, 41, np.int64),), attrs
    return make


CASES = [
    *SGD, *ADAM, *RMSPROP, *ADAGRAD,
    Case("clip_scale_", clip(3.0, 1.0)),
    Case("clip_scale_", clip(0.5, 1.0), SHORT, None, note="short enough"),
    Case("clip_scale_", clip(np.nan, 1.0), SHORT, None, note="nan"),
    Case("clip_scale_", clip(np.inf, 1.0), SHORT, None, note="inf"),
    Case("clip_scale_", clip(0.0, 0.0), SHORT, None, note="zero"),
    Case("clip_scale_", clip(7.0, 2.0, np.float32), SHORT, None, note="float32 norm"),
    Case("clip_scale_", clip(7.0, 2.0, np.float64), SHORT, None, note="float64 norm"),
    Case("increment_", increment(), ((), (1,)), None, dtypes=(np.float64,)),
    Case("increment_", increment(by=-3), ((), (1,)), None, note="by", dtypes=(np.float64,)),
]
