"""Layers with quantised weights, and those of int8 tensors."""
from fastnet.nn.quantized import dynamic
from fastnet.nn.quantized.layers import Add, Concat, Conv1d, Conv2d, Conv3d, DeQuantize, Function, Linear, Mul, Quantize
from fastnet.nn.quantized.recurrent import GRU, LSTM
from fastnet.nn.quantized.weight_only import WeightOnlyLinear

__all__ = ["GRU", "LSTM", "Add", "Concat", "Conv1d", "Conv2d", "Conv3d", "DeQuantize", "Function", "Linear", "Mul",
           "Quantize", "WeightOnlyLinear", "dynamic"]
