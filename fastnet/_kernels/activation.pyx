"""Activations and their gradients. Contracts: reference/activation.py.

The costs are nanoseconds an element with AVX2 and arrays in the cache. src/activation_slots.h names the scalars.
"""
from fastnet._runtime.launch cimport Entry, Family, Kernel, family
from fastnet._runtime.map cimport launch_map, launch_map1

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(activation)
    """
    const Entry *const *activation_tables

cdef Family _bodies = family(activation_tables)
cdef Kernel _relu = _bodies["relu"], _relu_backward = _bodies["relu_backward"]
cdef Kernel _leaky_relu = _bodies["leaky_relu"], _leaky_relu_backward = _bodies["leaky_relu_backward"]
cdef Kernel _elu = _bodies["elu"], _elu_backward = _bodies["elu_backward"]
cdef Kernel _hardtanh_backward = _bodies["hardtanh_backward"]
cdef Kernel _sigmoid = _bodies["sigmoid"], _sigmoid_backward = _bodies["sigmoid_backward"]
cdef Kernel _tanh = _bodies["tanh"], _tanh_backward = _bodies["tanh_backward"]
cdef Kernel _gelu = _bodies["gelu"], _gelu_backward = _bodies["gelu_backward"]
cdef Kernel _gelu_tanh = _bodies["gelu_tanh"], _gelu_tanh_backward = _bodies["gelu_tanh_backward"]
cdef Kernel _silu = _bodies["silu"], _silu_backward = _bodies["silu_backward"]
cdef Kernel _softplus = _bodies["softplus"], _softplus_backward = _bodies["softplus_backward"]
cdef Kernel _hardswish = _bodies["hardswish"], _hardswish_backward = _bodies["hardswish_backward"]
cdef Kernel _hardsigmoid = _bodies["hardsigmoid"], _hardsigmoid_backward = _bodies["hardsigmoid_backward"]


def relu(out, x):
    launch_map(_relu, 0.15, out, x)


def relu_backward(dx, y, dy):
    launch_map(_relu_backward, 0.2, dx, y, dy)


def leaky_relu(out, x, double slope):
    launch_map1(_leaky_relu, 0.15, out, x, slope)


def leaky_relu_backward(dx, x, dy, double slope):
    launch_map(_leaky_relu_backward, 0.2, dx, x, dy, None, slope)


def elu(out, x, double alpha):
    launch_map1(_elu, 0.4, out, x, alpha)


def elu_backward(dx, x, dy, double alpha):
    launch_map(_elu_backward, 0.5, dx, x, dy, None, alpha)


def hardtanh_backward(dx, x, dy, double low, double high):
    launch_map(_hardtanh_backward, 0.2, dx, x, dy, None, low, high)


def sigmoid(out, x):
    launch_map(_sigmoid, 0.5, out, x)


def sigmoid_backward(dx, y, dy):
    launch_map(_sigmoid_backward, 0.2, dx, y, dy)


def tanh(out, x):
    launch_map(_tanh, 0.6, out, x)


def tanh_backward(dx, y, dy):
    launch_map(_tanh_backward, 0.2, dx, y, dy)


def gelu(out, x):
    launch_map(_gelu, 0.8, out, x)


def gelu_backward(dx, x, dy):
    launch_map(_gelu_backward, 1.1, dx, x, dy)


def gelu_tanh(out, x):
    launch_map(_gelu_tanh, 0.5, out, x)


def gelu_tanh_backward(dx, x, dy):
    launch_map(_gelu_tanh_backward, 0.6, dx, x, dy)


def silu(out, x):
    launch_map(_silu, 0.5, out, x)


def silu_backward(dx, x, dy):
    launch_map(_silu_backward, 0.5, dx, x, dy)


def softplus(out, x, double beta, double threshold):
    launch_map1(_softplus, 1.0, out, x, beta, threshold, 1 / beta)


def softplus_backward(dx, x, dy, double beta, double threshold):
    launch_map(_softplus_backward, 0.5, dx, x, dy, None, beta, threshold)


def hardswish(out, x):
    launch_map(_hardswish, 0.3, out, x)


def hardswish_backward(dx, x, dy):
    launch_map(_hardswish_backward, 0.4, dx, x, dy)


def hardsigmoid(out, x):
    launch_map(_hardsigmoid, 0.3, out, x)


def hardsigmoid_backward(dx, x, dy):
    launch_map(_hardsigmoid_backward, 0.4, dx, x, dy)


cdef Kernel _selu = _bodies["selu"], _selu_backward = _bodies["selu_backward"]


def selu(out, x):
    launch_map(_selu, 0.4, out, x)


def selu_backward(dx, x, dy):
    launch_map(_selu_backward, 0.4, dx, x, dy)
