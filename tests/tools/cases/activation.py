import numpy as np

from . import Case, garbage, real


def extremes(rng, dtype, n):
    """Values beyond which an activation is linear, saturated or not a number."""
    x = real(rng, n, dtype, special=False) * 5
    special = (np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-42, -1e-42, 90, -90, 105, -105, 20, -20, 0.0, -0.0)
    x[:len(special)] = special[:n]
    return x


def unary(values=real, **attrs):
    def make(rng, dtype, n):
        return (garbage(n, dtype), values(rng, dtype=dtype, **{"shape" if values is real else "n": n})), attrs
    return make


def backward(values=real, **attrs):
    def make(rng, dtype, n):
        x = values(rng, dtype=dtype, **{"shape" if values is real else "n": n})
        return (garbage(n, dtype), x, real(rng, n, dtype)), attrs
    return make


def in_place(rng, dtype, n):
    x = real(rng, n, dtype)
    return (x, x), {}


EXTREME = (15, 40)
ATTRS = {
    "selu": {},
    "relu": {},
    "leaky_relu": {"slope": 0.01},
    "elu": {"alpha": 1.5},
    "sigmoid": {},
    "tanh": {},
    "gelu": {},
    "gelu_tanh": {},
    "silu": {},
    "hardswish": {},
    "hardsigmoid": {},
    "softplus": {"beta": 2.0, "threshold": 20.0},
}
CASES = [
    *(Case(name, unary(**attrs)) for name, attrs in ATTRS.items()),
    *(Case(name, unary(extremes, **attrs), EXTREME, None, note="extreme") for name, attrs in ATTRS.items()),
    *(Case(f"{name}_backward", backward(**attrs)) for name, attrs in ATTRS.items()),
    *(Case(f"{name}_backward", backward(extremes, **attrs), EXTREME, None, note="extreme")
      for name, attrs in ATTRS.items()),
    Case("softplus", unary(beta=0.5, threshold=1.0), bench=None, note="low threshold"),
    Case("softplus_backward", backward(beta=0.5, threshold=1.0), bench=None, note="low threshold"),
    Case("hardtanh_backward", backward(low=-0.5, high=0.7)),
    Case("hardtanh_backward", backward(extremes, low=-20.0, high=20.0), EXTREME, None, note="extreme"),
    Case("elu", unary(alpha=-1.0), bench=None, note="negative alpha"),
    Case("gelu", in_place, (1, 17, 5000), None, note="in place"),
]
