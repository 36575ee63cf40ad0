"""Layers that find the number of their inputs at the first call."""
from __future__ import annotations

import inspect
from typing import Any, ClassVar

from fastnet._core.tensor import Tensor
from fastnet.nn.channel_norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from fastnet.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter

__all__ = ["LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
           "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d",
           "LazyInstanceNorm2d", "LazyInstanceNorm3d", "LazyLinear", "LazyModule", "UninitializedParameter",
           "is_lazy"]


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet; the first call of its module makes it a `Parameter`.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.LazyLinear(3)
        >>> type(layer.weight).__name__
        'UninitializedParameter'
        >>> _ = layer(fastnet.ones(1, 2))
        >>> type(layer.weight).__name__, layer.weight.shape
        ('Parameter', (3, 2))
    """

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


def is_lazy(param: object) -> bool:
    """Whether a parameter waits for the first call of its module.

    Args:
        param: a tensor.
    """
    return isinstance(param, UninitializedParameter)


class LazyModule(Module):
    """Base class of the lazy layers: the first call makes the layer one of `cls_to_become`.

    The parameters exist before, so that an optimizer can hold them; the first call gives them memory and values, and
    must come before the first step of the optimizer.
    """

    cls_to_become: ClassVar[Any]                # the class of the layer
    channel_dim: ClassVar[int] = 1              # of a batch; of an input without a batch, one less
    batch_ndim: ClassVar[int | None] = None     # the number of dimensions of a batch, None for any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = list(inspect.signature(self.cls_to_become).parameters)
        given = dict(zip(names[1:], args)) | kwargs
        super().__init__(given.get("groups", 1), *args, **kwargs)           # type: ignore[call-arg]    # of the layer
        self._arguments = args, kwargs
        setattr(self, names[0], 0)
        for parameter in self.parameters():
            parameter.__class__ = UninitializedParameter

    def has_uninitialized_params(self) -> bool:
        """Whether the first call is still to come."""
        return any(map(is_lazy, self.parameters()))

    def initialize_parameters(self, input: Tensor) -> None:
        """Make the layer one of `cls_to_become` for inputs like this one.

        Args:
            input: the first input.

        Raises:
            RuntimeError: an input with another number of dimensions.
        """
        unbatched = self.batch_ndim is not None and input.ndim == self.batch_ndim - 1
        if self.batch_ndim is not None and input.ndim not in (self.batch_ndim, self.batch_ndim - 1):
            raise RuntimeError(f"{type(self).__name__}: expected {self.batch_ndim} dimensions, or "
                               f"{self.batch_ndim - 1} without a batch, got shape {tuple(input.shape)}")
        args, kwargs = self._arguments
        made = self.cls_to_become(input.shape[self.channel_dim - unbatched], *args, **kwargs)
        for (_, mine), (_, new) in zip(self.named_parameters(), made.named_parameters(), strict=True):
            mine.data = new.data
            mine.__class__ = Parameter
        for name, buffer in made.named_buffers():
            setattr(self, name, buffer)
        for name, value in vars(made).items():
            if not name.startswith("_") and name != "training":
                setattr(self, name, value)
        del self._arguments
        self.__class__ = self.cls_to_become

    def forward(self, input: Tensor, *args: Any) -> Tensor:
        self.initialize_parameters(input)
        return self.forward(input, *args)                                   # of the new class


class LazyLinear(LazyModule, Linear):
    """`Linear` for the length of the last dimension of the first input.

    Args:
        args, kwargs: those of `Linear` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyLinear(3)(fastnet.ones(2, 5)).shape
        (2, 3)
    """

    cls_to_become = Linear
    channel_dim = -1


class LazyConv1d(LazyModule, Conv1d):
    """`Conv1d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `Conv1d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyConv1d(3, 1)(fastnet.ones(2, 5, 4)).shape
        (2, 3, 4)
    """

    cls_to_become = Conv1d
    batch_ndim = 3


class LazyConv2d(LazyModule, Conv2d):
    """`Conv2d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `Conv2d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyConv2d(3, 1)(fastnet.ones(2, 5, 4, 4)).shape
        (2, 3, 4, 4)
    """

    cls_to_become = Conv2d
    batch_ndim = 4


class LazyConv3d(LazyModule, Conv3d):
    """`Conv3d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `Conv3d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyConv3d(3, 1)(fastnet.ones(2, 5, 4, 4, 4)).shape
        (2, 3, 4, 4, 4)
    """

    cls_to_become = Conv3d
    batch_ndim = 5


class LazyConvTranspose1d(LazyModule, ConvTranspose1d):
    """`ConvTranspose1d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `ConvTranspose1d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyConvTranspose1d(3, 1)(fastnet.ones(2, 5, 4)).shape
        (2, 3, 4)
    """

    cls_to_become = ConvTranspose1d
    batch_ndim = 3


class LazyConvTranspose2d(LazyModule, ConvTranspose2d):
    """`ConvTranspose2d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `ConvTranspose2d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyConvTranspose2d(3, 1)(fastnet.ones(2, 5, 4, 4)).shape
        (2, 3, 4, 4)
    """

    cls_to_become = ConvTranspose2d
    batch_ndim = 4


class LazyConvTranspose3d(LazyModule, ConvTranspose3d):
    """`ConvTranspose3d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `ConvTranspose3d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyConvTranspose3d(3, 1)(fastnet.ones(2, 5, 4, 4, 4)).shape
        (2, 3, 4, 4, 4)
    """

    cls_to_become = ConvTranspose3d
    batch_ndim = 5


class LazyBatchNorm1d(LazyModule, BatchNorm1d):
    """`BatchNorm1d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `BatchNorm1d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyBatchNorm1d()(fastnet.ones(2, 5, 4)).shape
        (2, 5, 4)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(LazyModule, BatchNorm2d):
    """`BatchNorm2d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `BatchNorm2d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyBatchNorm2d()(fastnet.ones(2, 5, 4, 4)).shape
        (2, 5, 4, 4)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(LazyModule, BatchNorm3d):
    """`BatchNorm3d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `BatchNorm3d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyBatchNorm3d()(fastnet.ones(2, 5, 4, 4, 4)).shape
        (2, 5, 4, 4, 4)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(LazyModule, InstanceNorm1d):
    """`InstanceNorm1d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `InstanceNorm1d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyInstanceNorm1d()(fastnet.ones(2, 5, 4)).shape
        (2, 5, 4)
    """

    cls_to_become = InstanceNorm1d
    batch_ndim = 3


class LazyInstanceNorm2d(LazyModule, InstanceNorm2d):
    """`InstanceNorm2d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `InstanceNorm2d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyInstanceNorm2d()(fastnet.ones(2, 5, 4, 4)).shape
        (2, 5, 4, 4)
    """

    cls_to_become = InstanceNorm2d
    batch_ndim = 4


class LazyInstanceNorm3d(LazyModule, InstanceNorm3d):
    """`InstanceNorm3d` for the number of channels of the first input.

    Args:
        args, kwargs: those of `InstanceNorm3d` after the first.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LazyInstanceNorm3d()(fastnet.ones(2, 5, 4, 4, 4)).shape
        (2, 5, 4, 4, 4)
    """

    cls_to_become = InstanceNorm3d
    batch_ndim = 5
