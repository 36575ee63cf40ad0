"""Operations on quantised tensors. A quantised tensor is a tensor of int8 or uint8; scales are arguments.

Weights are int8 with a scale for each output channel and the zero point 0, activations have one scale and zero point.
Sums are exact in int32, and every rounding is that of TensorFlow Lite, so results are the same bits everywhere,
emitted C included. Jacob et al. 2018, https://arxiv.org/abs/1712.05877.
"""
from fastnet.functional.quantized_images import integer_conv, quantized_avg_pool, quantized_conv, quantized_max_pool
from fastnet.functional.quantized_layers import dynamic_gru, dynamic_lstm, quantized_gru, quantized_lstm
from fastnet.functional.quantized_maps import (
    quantized_add,
    quantized_concat,
    quantized_function,
    quantized_mul,
    quantized_softmax,
    requantize,
)
from fastnet.functional.quantized_numbers import (
    Factor,
    factor_of,
    factors_of,
    function_table,
    gate_tables,
    softmax_table,
)
from fastnet.functional.quantized_products import (
    dequantize,
    dynamic_linear,
    integer_matmul,
    quantize,
    quantize_dynamic,
    quantized_linear,
    weight_only_linear,
)

__all__ = [
    "Factor", "dequantize", "dynamic_gru", "dynamic_linear", "dynamic_lstm", "factor_of", "factors_of",
    "function_table", "gate_tables", "integer_conv", "integer_matmul", "quantize", "quantize_dynamic", "quantized_add",
    "quantized_avg_pool", "quantized_concat", "quantized_conv", "quantized_function", "quantized_gru",
    "quantized_linear", "quantized_lstm", "quantized_max_pool", "quantized_mul", "quantized_softmax", "requantize",
    "softmax_table", "weight_only_linear",
]
