"""The end of matrix products and convolutions."""
import numpy as np

from fastnet._kernels.reference import activation as activations

ACTIVATIONS = ("none", "relu", "relu6", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "hardswish", "hardsigmoid")


def finish(name, out, bias, affine, residual, activation):
    """out = activation((out + bias - centre) * scale + shift + residual), the end of products and convolutions."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"{name}: unknown activation {activation!r}; choose from {', '.join(ACTIVATIONS)}")
    if bias is not None:
        out += bias
    if affine is not None:
        centre, scale, shift = affine
        out -= centre
        out *= scale
        out += shift
    if residual is not None:
        out += residual
    if activation == "relu6":
        np.clip(out, 0, 6, out=out)
    elif activation != "none":
        getattr(activations, activation)(out, out.copy())
