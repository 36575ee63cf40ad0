"""Layers with int8 weights and float32 activations, which each call quantises by their own range."""
from fastnet.nn.quantized.dynamic.layers import GRU, LSTM, Linear

__all__ = ["GRU", "LSTM", "Linear"]
