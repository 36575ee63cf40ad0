"""Layers for quantisation-aware training: float32 with the rounding of int8."""
from fastnet.nn.qat.fake_quantize import FakeQuantize, WeightFakeQuantize
from fastnet.nn.qat.layers import Conv1d, Conv2d, Conv3d, Linear
from fastnet.nn.qat.operations import Add, Concat, Function, Mul
from fastnet.nn.qat.recurrent import GRU, LSTM

__all__ = ["GRU", "LSTM", "Add", "Concat", "Conv1d", "Conv2d", "Conv3d", "FakeQuantize", "Function", "Linear", "Mul",
           "WeightFakeQuantize"]
