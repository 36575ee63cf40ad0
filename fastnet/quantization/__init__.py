"""Quantisation: scales of int8 models by calibration, and weights of 8 and 4 bits.

Observers have the names of PyTorch. The layers are in `fastnet.nn.quantized` and `fastnet.nn.qat`.
"""
from fastnet.nn.qat.observers import (
    EntropyObserver,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    ObserverBase,
    PercentileObserver,
    PerChannelMinMaxObserver,
)
from fastnet.nn.quantized.spec import choose_qparams, quantize_multiplier
from fastnet.quantization.weights import GroupedWeight, gptq, round_to_nearest

__all__ = [
    "EntropyObserver", "GroupedWeight", "HistogramObserver", "MinMaxObserver", "MovingAverageMinMaxObserver",
    "ObserverBase", "PerChannelMinMaxObserver", "PercentileObserver", "choose_qparams", "gptq", "quantize_multiplier",
    "round_to_nearest",
]
