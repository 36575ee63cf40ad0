"""The arithmetic of int8: scales, zero points and multipliers.

A real number r and its integer q are related by r = scale * (q - zero_point). Activations have one scale and one zero
point, with q from -128 to 127. Weights have one scale for each output channel and no zero point, with q from -127 to
127. A bias is an int32 with scale_x * scale_w[channel], so that it adds to the sums of products. Jacob et al. 2018,
https://arxiv.org/abs/1712.05877.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.functional.quantized import factors_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["QUANT_MAX", "QUANT_MIN", "WEIGHT_MAX", "choose_qparams", "clamp_limits", "quantize_multiplier",
           "quantized_bias", "quantized_weight", "weight_scales"]

QUANT_MIN, QUANT_MAX = -128, 127        # of activations
WEIGHT_MAX = 127
_LEAST_SCALE = float(np.finfo(np.float32).eps)
_BIAS_MAX = 2**30                       # leaves room for the products: a sum stays below 2^31


def choose_qparams(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of an activation with values from `low` to `high`.

    The range is widened to include 0, which is then represented exactly. scale = (high - low) / 255, rounded to
    float32, and zero_point = round(-128 - low / scale).

    Args:
        low: the least value.
        high: the largest value.

    Raises:
        ValueError: the range is not finite, or empty.

    Example:
        >>> from fastnet.quantization import choose_qparams
        >>> choose_qparams(0.0, 255.0), choose_qparams(-1.0, 1.0)[1]
        ((1.0, -128), -1)
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"choose_qparams: expected a finite range, got {low} to {high}; show the observer some data "
                         "first")
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max((high - low) / (QUANT_MAX - QUANT_MIN), _LEAST_SCALE)))
    return scale, int(np.clip(np.rint(QUANT_MIN - low / scale), QUANT_MIN, QUANT_MAX))


def quantize_multiplier(real: Any) -> tuple[Any, Any]:
    """A positive real factor as a 32-bit multiplier and a shift: real = multiplier * 2^(shift - 31).

    The multiplier lies in [2^30, 2^31), so the relative error is at most 2^-31. A negative shift moves to the right.
    These are the numbers of TFLite's `QuantizeMultiplier`. Factors below 2^-32 become 0.

    Args:
        real: a number or an array of them.

    Returns:
        (multiplier, shift): integers, or int32 arrays in the shape of `real`.

    Raises:
        ValueError: a factor that is negative, not finite, or 2^30 or more.

    Example:
        >>> from fastnet.quantization import quantize_multiplier
        >>> quantize_multiplier(0.5), quantize_multiplier(3.0)
        ((1073741824, 0), (1610612736, 2))
    """
    multiplier, shift = factors_of(real)
    if np.ndim(real) == 0:
        return int(multiplier), int(shift)
    return multiplier, shift


def weight_scales(weight: Array) -> Array:
    """The scale of each output channel of a weight, float32 (channels,): the largest magnitude / 127.

    Args:
        weight: (channels, ...).
    """
    magnitudes = np.abs(weight.reshape(len(weight), -1)).max(1, initial=0)
    return np.maximum(magnitudes.astype(np.float32) / np.float32(WEIGHT_MAX), np.float32(_LEAST_SCALE))


def quantized_weight(weight: Array, scales: Array) -> Array:
    """A weight as int8: round(weight / scale), from -127 to 127.

    Args:
        weight: (channels, ...).
        scales: (channels,).
    """
    steps = weight / scales.reshape(-1, *(1,) * (weight.ndim - 1))
    return np.clip(np.rint(steps), -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)


def quantized_bias(bias: Array, scales: Array) -> Array:
    """A bias as int32: round(bias / scale).

    Args:
        bias: (channels,).
        scales: of the products of weight and input, (channels,).
    """
    steps = np.rint(bias.astype(np.float64) / scales.astype(np.float64))
    return np.clip(steps, -_BIAS_MAX, _BIAS_MAX).astype(np.int32)


def clamp_limits(activation: str, scale: float, zero_point: int) -> tuple[int, int]:
    """The integers between which an activation clamps its result.

    Args:
        activation: "none", "relu" or "relu6".
        scale, zero_point: of the result.

    Example:
        >>> from fastnet.nn.quantized.spec import clamp_limits
        >>> clamp_limits("relu6", 0.1, -10)
        (-10, 50)
    """
    low = QUANT_MIN if activation == "none" else max(QUANT_MIN, zero_point)
    if activation != "relu6":
        return low, QUANT_MAX
    return low, int(min(QUANT_MAX, zero_point + np.rint(6 / scale)))
