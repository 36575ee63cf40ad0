"""Quantisation: int8 models by calibration or training, and weights of 8 and 4 bits.

`quantize` does it in one call. `prepare_qat` and `convert` have the names of PyTorch; observers have those of PyTorch
and, as `calibration`, of ONNX Runtime. The layers are in `fastnet.nn.quantized` and `fastnet.nn.qat`.
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
from fastnet.quantization.api import quantize
from fastnet.quantization.aware import (
    calibrate,
    disable_fake_quant,
    disable_observer,
    enable_fake_quant,
    enable_observer,
    freeze_bn_stats,
    prepare_qat,
)
from fastnet.quantization.convert import convert
from fastnet.quantization.report import LayerReport, Report
from fastnet.quantization.steps import StepModel
from fastnet.quantization.weights import GroupedWeight, gptq, round_to_nearest

__all__ = [
    "EntropyObserver", "GroupedWeight", "HistogramObserver", "LayerReport", "MinMaxObserver",
    "MovingAverageMinMaxObserver", "ObserverBase", "PerChannelMinMaxObserver", "PercentileObserver", "Report",
    "StepModel", "calibrate", "choose_qparams", "convert", "disable_fake_quant", "disable_observer",
    "enable_fake_quant", "enable_observer", "freeze_bn_stats", "gptq", "prepare_qat", "quantize",
    "quantize_multiplier", "round_to_nearest",
]
