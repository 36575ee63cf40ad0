"""Activations and their gradients.

All arrays of one call have one size and one real dtype; an output may be one of the inputs.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.mathematics import erf, sigmoid_of

_SQRT_HALF = 0.7071067811865476
_DENSITY_AT_0 = 0.3989422804014327          # 1/sqrt(2 pi)
_TWICE_SQRT_2_OVER_PI = 1.5957691216057308
_CUBE = 0.044715                            # of the tanh form


@kernel()
def relu(out, x):
    """out = max(x, 0); a NaN stays."""
    np.maximum(x, 0, out=out)


@kernel()
def relu_backward(dx, y, dy):
    """dx = 0 where y <= 0, else dy, with y = relu(x)."""
    _choose(dx, y <= 0, 0, dy)


@kernel(flushes=True)
def leaky_relu(out, x, slope):
    """out = x where x > 0, else slope * x."""
    _choose(out, x > 0, x, x * slope)


@kernel(flushes=True)
def leaky_relu_backward(dx, x, dy, slope):
    """dx = dy where x > 0, else slope * dy."""
    _choose(dx, x > 0, dy, dy * slope)


@kernel(flushes=True)
def elu(out, x, alpha):
    """out = x where x > 0, else alpha * (exp(x) - 1)."""
    below = np.expm1(np.minimum(x, 0))
    below *= alpha
    _choose(out, x > 0, x, below)


@kernel(flushes=True)
def elu_backward(dx, x, dy, alpha):
    """dx = dy where x > 0, else dy * alpha * exp(x)."""
    slope = np.exp(np.minimum(x, 0))
    slope *= alpha
    slope *= dy
    _choose(dx, x > 0, dy, slope)


@kernel()
def hardtanh_backward(dx, x, dy, low, high):
    """dx = 0 where x <= low or x >= high, else dy (also where x is NaN). Unlike clamp, it is 0 at the limits."""
    _choose(dx, (x <= low) | (x >= high), 0, dy)


@kernel(ulp=(3, 3), flushes=True)
def sigmoid(out, x):
    """out = 1 / (1 + exp(-x))."""
    np.divide(1, np.exp(-x) + 1, out=out)


@kernel(flushes=True)
def sigmoid_backward(dx, y, dy):
    """dx = dy * y * (1 - y), with y = sigmoid(x)."""
    slope = 1 - y
    slope *= y
    np.multiply(dy, slope, out=dx)


@kernel(ulp=(3, 3), flushes=True)
def tanh(out, x):
    """out = tanh(x)."""
    np.tanh(x, out=out)


@kernel(flushes=True)
def tanh_backward(dx, y, dy):
    """dx = dy * (1 - y^2), with y = tanh(x)."""
    np.multiply(dy, 1 - y * y, out=dx)


@kernel(flushes=True)
def gelu(out, x):
    """out = x * Phi(x), Phi the normal distribution function: (1 + erf(x / sqrt(2))) / 2."""
    np.multiply(x, _phi(x), out=out)


@kernel(flushes=True)
def gelu_backward(dx, x, dy):
    """dx = dy * (Phi(x) + x * phi(x)), phi the normal density."""
    slope = np.exp(-0.5 * x * x)
    slope *= x
    slope *= _DENSITY_AT_0
    slope += _phi(x)
    np.multiply(dy, slope, out=dx)


@kernel(flushes=True)
def gelu_tanh(out, x):
    """out = x * (1 + tanh(u)) / 2 = x * sigmoid(2u), u = sqrt(2/pi) * (x + 0.044715 x^3)."""
    np.multiply(x, _gate(x), out=out)


@kernel(flushes=True)
def gelu_tanh_backward(dx, x, dy):
    """dx = dy * (s + x s (1 - s) d(2u)/dx), s = sigmoid(2u) as in gelu_tanh."""
    x = np.clip(x, -100, 100)               # x^2 stays finite; beyond 100 the slope is 0 or 1
    gate = _gate(x)
    slope = x * x
    slope *= 3 * _CUBE
    slope += 1
    slope *= _TWICE_SQRT_2_OVER_PI
    slope *= x
    slope *= 1 - gate
    slope += 1
    slope *= gate
    np.multiply(dy, slope, out=dx)


@kernel(flushes=True)
def silu(out, x):
    """out = x * sigmoid(x)."""
    np.multiply(x, sigmoid_of(x), out=out)


@kernel(flushes=True)
def silu_backward(dx, x, dy):
    """dx = dy * s * (1 + x * (1 - s)), s = sigmoid(x)."""
    gate = sigmoid_of(x)
    slope = 1 - gate
    slope *= x
    slope += 1
    slope *= gate
    np.multiply(dy, slope, out=dx)


@kernel(ulp=(2.5, 2.5), flushes=True)
def softplus(out, x, beta, threshold):
    """out = log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    b = x * beta
    y = np.log1p(np.exp(-np.abs(b)))
    y += np.maximum(b, 0)
    y /= beta
    _choose(out, b > threshold, x, y)


@kernel(flushes=True)
def softplus_backward(dx, x, dy, beta, threshold):
    """dx = dy * sigmoid(beta * x); dy itself where beta * x > threshold."""
    b = x * beta
    _choose(dx, b > threshold, dy, sigmoid_of(b) * dy)


@kernel(flushes=True)
def hardswish(out, x):
    """out = x * min(max(x + 3, 0), 6) / 6."""
    np.multiply(x, np.clip(x + 3, 0, 6) / 6, out=out)


@kernel(flushes=True)
def hardswish_backward(dx, x, dy):
    """dx = dy * (0 where x <= -3, 1 where x >= 3, else x/3 + 1/2)."""
    slope = np.where(x >= 3, 1, x / 3 + 0.5)
    slope[x <= -3] = 0
    np.multiply(dy, slope, out=dx)


@kernel(flushes=True)
def hardsigmoid(out, x):
    """out = min(max(x + 3, 0), 6) / 6."""
    np.divide(np.clip(x + 3, 0, 6), 6, out=out)


@kernel(flushes=True)
def hardsigmoid_backward(dx, x, dy):
    """dx = dy / 6 where -3 < x < 3, else 0."""
    _choose(dx, (x > -3) & (x < 3), dy / 6, 0)


def _choose(out, condition, a, b):
    """out = a where condition, else b; `out` may be a or b."""
    np.copyto(out, np.where(condition, a, b))


def _phi(x):
    """The normal distribution function."""
    y = erf(x * _SQRT_HALF)
    y += 1
    y *= 0.5
    return y


def _gate(x):
    """sigmoid(2u) of the tanh form."""
    u = x * x
    u *= _CUBE
    u += 1
    u *= x
    u *= _TWICE_SQRT_2_OVER_PI
    return sigmoid_of(u)


_SCALE, _SCALED_ALPHA = 1.0507009873554805, 1.7580993408473766


@kernel(flushes=True)
def selu(out, x):
    """out = 1.0507 * x where x > 0, else 1.7581 * (exp(x) - 1)."""
    _choose(out, x > 0, _SCALE * x, _SCALED_ALPHA * np.expm1(np.minimum(x, 0)))


@kernel(flushes=True)
def selu_backward(dx, x, dy):
    """dx = 1.0507 * dy where x > 0, else 1.7581 * dy * exp(x)."""
    _choose(dx, x > 0, _SCALE * dy, _SCALED_ALPHA * dy * np.exp(np.minimum(x, 0)))
