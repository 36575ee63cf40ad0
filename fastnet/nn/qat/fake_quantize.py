"""Modules that quantise and dequantise at once, so that a network learns with the rounding of integers."""
from __future__ import annotations

import math
from typing import Literal

from fastnet import dtypes
from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import ones, zeros
from fastnet.functional.fake_quantization import learnable_fake_quantize
from fastnet.functional.ordering import amax
from fastnet.nn import init
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_buffer, new_parameter
from fastnet.nn.qat.observers import OBSERVERS, ObserverBase
from fastnet.nn.quantized.spec import QUANT_MAX, QUANT_MIN, WEIGHT_MAX

__all__ = ["FakeQuantize", "WeightFakeQuantize"]

_LEAST = 1e-9                           # of a learned scale


def _scaled_gradient(x: Tensor, factor: float) -> Tensor:
    """x, whose gradient is multiplied by a factor."""
    return x * factor + (x * (1 - factor)).detach()


class FakeQuantize(Module):
    """Round an activation to the numbers that int8 with one scale and one zero point represents.

    In training mode, while `observer_enabled`, each call shows its input to the observer and takes the scale and the
    zero point from it. While `fake_quant_enabled`, the output is rounded; else it is the input.

    Args:
        observer: "MovingAverage", "MinMax", "Percentile" or "Entropy"; the latter two run outside of recordings only.
        learnable: learn the scale by gradient descent; the observer sets its first value. Esser et al. 2020,
            https://arxiv.org/abs/1902.08153.
        observer_enabled, fake_quant_enabled: see above.

    Shape:
        Any shape. `scale` and `zero_point` are (1,).

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> layer = qat.FakeQuantize("MinMax")
        >>> layer(fastnet.tensor([0.0, 1.3, 255.0]))
        tensor([  0.,   1., 255.])
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(self, observer: Literal["MovingAverage", "MinMax", "Percentile", "Entropy"] = "MovingAverage",
                 learnable: bool = False, observer_enabled: bool = True, fake_quant_enabled: bool = True) -> None:
        super().__init__()
        if observer not in OBSERVERS:
            raise one_of("FakeQuantize: observer", observer, tuple(OBSERVERS))
        self.observer, self.learnable = observer, learnable
        self.observer_enabled, self.fake_quant_enabled = observer_enabled, fake_quant_enabled
        self.activation_post_process: ObserverBase = OBSERVERS[observer]()
        if learnable:
            self.scale = init.ones_(new_parameter(1))
        else:
            self.register_buffer("scale", new_buffer(ones, 1, dtype=dtypes.float32))
        self.register_buffer("zero_point", new_buffer(zeros, 1, dtype=dtypes.int32))

    def observe(self, input: Tensor) -> None:
        """Show values to the observer, and take the scale and the zero point from it.

        Args:
            input: the values.
        """
        self.activation_post_process(input)
        self.update()

    def update(self) -> None:
        """Take the scale and the zero point from the observer."""
        with no_grad():
            scale, zero_point = self.activation_post_process.calculate_qparams()
            self.scale.copy_(scale)
            self.zero_point.copy_(zero_point)

    def forward(self, input: Tensor) -> Tensor:
        if self.observer_enabled and self.training:
            if self.activation_post_process.can_record:
                self.observe(input)
            else:                       # choosing a range from a histogram is slow: `update` does it, once
                self.activation_post_process(input)
        return self.shared(input)

    def shared(self, input: Tensor) -> Tensor:
        """The output for values that have the scale of others, which are the ones to observe.

        Args:
            input: the values.
        """
        return self.quantized(input) if self.fake_quant_enabled else input

    def quantized(self, input: Tensor) -> Tensor:
        """The input, rounded.

        Args:
            input: the values.
        """
        scale = self.scale
        if self.learnable:
            factor = 1 / math.sqrt(max(input.numel(), 1) * QUANT_MAX)
            scale = _scaled_gradient(scale.clamp(min=_LEAST), factor)
        return learnable_fake_quantize(input, scale, self.zero_point, QUANT_MIN, QUANT_MAX)

    def extra_repr(self) -> str:
        return f"{self.observer!r}, learnable={self.learnable}"


class WeightFakeQuantize(Module):
    """Round a weight to the numbers that int8 with one scale for each output channel represents.

    The scale of a channel is its largest magnitude / 127, or learned.

    Args:
        channels: output channels, the first dimension of the weight.
        learnable: learn the scales; `reset_scale` sets their first values.
        fake_quant_enabled: round; else the output is the input.

    Shape:
        (channels, ...). `scale` is (channels,).

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.WeightFakeQuantize(1)(fastnet.tensor([[0.3, 127.0]]))
        tensor([[  0., 127.]])
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(self, channels: int, learnable: bool = False, fake_quant_enabled: bool = True) -> None:
        super().__init__()
        self.channels, self.learnable, self.fake_quant_enabled = channels, learnable, fake_quant_enabled
        if learnable:
            self.scale = new_parameter(channels)
        else:
            self.register_buffer("scale", new_buffer(ones, channels, dtype=dtypes.float32))
        self.register_buffer("zero_point", new_buffer(zeros, 1, dtype=dtypes.int32))

    def reset_scale(self, weight: Tensor) -> None:
        """Set the scale of each channel to its largest magnitude / 127.

        Args:
            weight: (channels, ...).
        """
        with no_grad():
            self.scale.copy_((amax(weight.detach().abs().flatten(1), 1) / WEIGHT_MAX).clamp(min=_LEAST))

    def forward(self, input: Tensor) -> Tensor:
        if not self.fake_quant_enabled:
            return input
        scale = self.scale
        if self.learnable:
            factor = 1 / math.sqrt(max(input.numel() // max(self.channels, 1), 1) * WEIGHT_MAX)
            scale = _scaled_gradient(scale.clamp(min=_LEAST), factor)
        else:
            self.reset_scale(input)
        return learnable_fake_quantize(input, scale, self.zero_point, -WEIGHT_MAX, WEIGHT_MAX)

    def extra_repr(self) -> str:
        return f"{self.channels}, learnable={self.learnable}"
