"""Old names of `torch.autograd`."""
from __future__ import annotations

from typing import Any

from fastnet._core.tensor import Tensor

__all__ = ["Variable"]


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableType):
    """A tensor: since PyTorch 0.4, `Variable(x)` returns the tensor itself.

    Args:
        data: a tensor.
        requires_grad: record gradients.
        volatile: accepted and ignored.
    """

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: expected a tensor, got {type(data).__name__}")
        return data.requires_grad_(True) if requires_grad else data
