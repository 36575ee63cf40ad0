"""The trained parameters of one adapter in one layer, and linear maps with them."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.low_rank import low_rank_linear
from fastnet.lora.config import LoRAConfig
from fastnet.nn import functional as F
from fastnet.nn.parameter import Parameter, new_parameter

__all__ = ["Adapter", "adapted_linear"]


class Adapter(nn.Module):
    """The low-rank update of a layer's weight, scale * lora_B @ lora_A.

    Args:
        config: of the adapter.
        down: the shape of lora_A, (r, ...).
        up: the shape of lora_B, (outputs, r, ...).
        like: the weight of the layer, whose dtype the parameters have.
    """

    lora_A: Parameter                                   # noqa: N815    (r, ...); peft's names
    lora_B: Parameter                                   # noqa: N815    (outputs, r, ...)
    lora_magnitude_vector: Parameter | Any              # None without DoRA

    def __init__(self, config: LoRAConfig, down: tuple[int, ...], up: tuple[int, ...], like: Tensor) -> None:
        super().__init__()
        self.scale, self.dropout = config.scale, config.dropout
        self.lora_A = new_parameter(*down, dtype=like.dtype)
        self.lora_B = new_parameter(*up, dtype=like.dtype)
        self.register_parameter("lora_magnitude_vector", None)

    def delta(self) -> Tensor:
        """The update as a matrix with a row for each output."""
        r = self.lora_A.shape[0]
        return (self.lora_B.reshape(-1, r) @ self.lora_A.reshape(r, -1)) * self.scale

    def factor(self, rows: Tensor) -> Tensor:
        """DoRA's factor of each output: the learned length divided by that of the updated weight, a constant.

        Args:
            rows: the weight as a matrix with a row for each output.
        """
        with no_grad():
            norm = row_norms(rows + self.delta())
        return self.lora_magnitude_vector.reshape(-1) / norm

    def dropped(self, input: Tensor) -> Tensor | None:
        """The input after dropout; None where there is none to apply."""
        return F.dropout(input, self.dropout, True) if self.training and self.dropout else None

    def extra_repr(self) -> str:
        text = f"r={self.lora_A.shape[0]}, scale={self.scale}, dropout={self.dropout}"
        return text if self.lora_magnitude_vector is None else text + ", dora=True"


def row_norms(rows: Tensor) -> Tensor:
    """The Euclidean length of each row of a matrix."""
    return rows.square().sum(1).sqrt()


def adapted_linear(input: Tensor, weight: Tensor, bias: Tensor | None, adapters: Sequence[Adapter],
                   rows: slice = slice(None)) -> Tensor:
    """A linear map whose weight adapters update.

    Args:
        input: (..., in).
        weight: (out, in).
        bias: (out,) or None.
        adapters: those to apply; one with DoRA is the only one.
        rows: of lora_B, those of this weight.
    """
    out = None
    for adapter in adapters:
        dropped = adapter.dropped(input)
        if adapter.lora_magnitude_vector is not None:
            return _dora_linear(input, weight, bias, adapter, dropped)
        up = adapter.lora_B if rows == slice(None) else adapter.lora_B[rows]
        if out is None:
            out = low_rank_linear(input, weight, bias, adapter.lora_A, up, adapter.scale, dropped)
        else:
            inner = F.linear(input if dropped is None else dropped, adapter.lora_A)
            out = out + F.linear(inner, up) * adapter.scale
    return F.linear(input, weight, bias) if out is None else out


def _dora_linear(input: Tensor, weight: Tensor, bias: Tensor | None, adapter: Adapter,
                 dropped: Tensor | None) -> Tensor:
    """factor * (input @ (weight + delta).T) + bias. As in peft, dropout replaces the input of the changed part only."""
    source = input if dropped is None else dropped
    out = low_rank_linear(source, weight, None, adapter.lora_A, adapter.lora_B, adapter.scale) * adapter.factor(weight)
    if dropped is not None:
        return F.linear(input, weight, bias) + (out - F.linear(dropped, weight))
    return out if bias is None else out + bias
