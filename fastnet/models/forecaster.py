"""Forecasting of time series: a linear model, an LSTM or a temporal convolutional network of the last steps."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from fastnet import nn
from fastnet._core.errors import one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.pretrained.loading import with_weights
from fastnet.models.tcn import tcn

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["Forecaster", "forecaster"]

_FORECASTING = ("linear", "lstm", "tcn")
_KERNEL = 3                             # steps of the convolutions


class Forecaster(nn.Module):
    """Later values of a time series from its last steps, as differences to the last step.

    The first `targets` columns of the input are those to predict. The network sees them minus their last value, and
    predicts the differences of the later values to it; so a level that the training did not have changes nothing (Zeng
    et al. 2022, https://arxiv.org/abs/2205.13504). All other columns are inputs unchanged.

    Args:
        network: "linear": one layer from all steps; "lstm": an LSTM and a layer on its last output; "tcn": a `TCN` with
            kernels of 3 steps.
        length: steps of the input.
        columns: of the input.
        horizons: the number of later steps to predict.
        targets: the number of columns to predict.
        hidden: units of the LSTM, the same in each layer, or channels of each block of the TCN.
        dropout: probability of dropout, between the layers of the LSTM and in the blocks of the TCN.

    Shape:
        (N, length, columns) to (N, horizons), or (N, horizons, targets) with several targets.

    Raises:
        ValueError: an unknown network, no or unequal `hidden`, or more targets than columns.
        RuntimeError: when called, an input of another shape.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.Forecaster("lstm", 32, columns=3, horizons=6, targets=2)
        >>> model(fastnet.zeros(4, 32, 3)).shape
        (4, 6, 2)
    """

    def __init__(self, network: Literal["linear", "lstm", "tcn"] = "lstm", length: int = 32, columns: int = 1,
                 horizons: int = 1, targets: int = 1, hidden: Sequence[int] = (32,), dropout: float = 0.0) -> None:
        super().__init__()
        if network not in _FORECASTING:
            raise one_of("network", network, _FORECASTING)
        if not 1 <= targets <= columns:
            raise ValueError(f"Forecaster: expected 1 to {columns} targets, the number of columns, got {targets}")
        if network != "linear" and (not hidden or (network == "lstm" and len(set(hidden)) > 1)):
            raise ValueError(f"Forecaster: expected the same width of each layer, got hidden={tuple(hidden)}")
        self.network, self.length, self.columns = network, length, columns
        self.horizons, self.targets, self.hidden, self.dropout = horizons, targets, tuple(hidden), dropout
        outputs = horizons * targets
        if network == "lstm":
            self.body: nn.Module = nn.LSTM(columns, hidden[0], len(hidden), batch_first=True,
                                           dropout=dropout if len(hidden) > 1 else 0.0)
            self.head: nn.Module = nn.Linear(hidden[0], outputs)
        elif network == "tcn":
            self.body, self.head = tcn(columns, outputs, hidden, _KERNEL, dropout), nn.Identity()
        else:
            self.body, self.head = nn.Flatten(), nn.Linear(length * columns, outputs)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 3 or tuple(input.shape[1:]) != (self.length, self.columns):
            raise RuntimeError(f"Forecaster: expected an input (N, {self.length}, {self.columns}), got "
                               f"{shape_text(input)}")
        last = input[:, -1:, :self.targets]
        x = input[..., :self.targets] - last
        if self.columns > self.targets:
            x = cat([x, input[..., self.targets:]], 2)
        out = self._outputs(x).reshape(-1, self.horizons, self.targets) + last
        return out.squeeze(2) if self.targets == 1 else out

    def _outputs(self, x: Tensor) -> Tensor:
        """(N, horizons * targets)."""
        if self.network == "tcn":
            return self.body(x.transpose(1, 2))
        made = self.body(x)
        return self.head(made[0][:, -1] if self.network == "lstm" else made)


def forecaster(network: Literal["linear", "lstm", "tcn"] = "lstm", length: int = 32, columns: int = 1,
               horizons: int = 1, targets: int = 1, hidden: Sequence[int] = (32,), dropout: float = 0.0,
               weights: StrPath | None = None) -> Forecaster:
    """A model that forecasts time series. Arguments as in `Forecaster`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.forecaster("linear").parameters())
        33
    """
    return with_weights(Forecaster(network, length, columns, horizons, targets, hidden, dropout), weights)
