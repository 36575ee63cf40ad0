"""Emitters, one module for each family of operations; importing this package fills the table in `c_source/rules.py`."""
from fastnet.c_source.emitters import (
    arithmetic,
    attention,
    convolution,
    elementwise,
    linear,
    normalization,
    pooling,
    quantized,
    recurrent,
    reduction,
    shape,
    small_weights,
)

__all__ = ["arithmetic", "attention", "convolution", "elementwise", "linear", "normalization", "pooling", "quantized",
           "recurrent", "reduction", "shape", "small_weights"]
