"""`torch.amp`: mixed precision. All arithmetic is in float32 here: `autocast` has no effect, `GradScaler` scales by 1.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_F = TypeVar("_F", bound=Callable[..., Any])


class autocast:
    """A context manager and decorator that has no effect: operations compute in the dtype of their inputs.

    Args:
        device_type, dtype, enabled, cache_enabled: accepted and ignored.

    Example:
        >>> import fastnet.torch as torch
        >>> with torch.amp.autocast("cpu", dtype=torch.float32):
        ...     (torch.ones(2) * 2).dtype == torch.float32
        True
    """

    def __init__(self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True,
                 cache_enabled: bool | None = None) -> None:
        self.device, self.fast_dtype = device_type, dtype

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __call__(self, function: _F) -> _F:
        return function


class GradScaler:
    """Steps an optimizer without scaling: float32 gradients need none.

    Args:
        device, init_scale, growth_factor, backoff_factor, growth_interval, enabled: accepted and ignored.

    Example:
        >>> import fastnet.torch as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> optimizer, scaler = torch.optim.SGD([x], lr=0.5), torch.amp.GradScaler("cpu")
        >>> scaler.scale(x.sum()).backward()
        >>> scaler.step(optimizer), scaler.update(), x
        (None, None, tensor([0.5], requires_grad=True))
    """

    def __init__(self, device: str = "cpu", init_scale: float = 65536.0, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:
        pass

    def scale(self, outputs: Any) -> Any:
        """The loss itself."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Has no effect: gradients are not scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step`."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Has no effect: the scale is 1."""

    def get_scale(self) -> float:
        """The scale, 1."""
        return 1.0

    def is_enabled(self) -> bool:
        """Whether losses are scaled: no."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """The state of the scaler, {} as of a disabled one."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Accept any state: the scale remains 1."""


def is_autocast_available(device_type: str) -> bool:
    """Whether operations can compute in a smaller dtype: no."""
    return False


def custom_fwd(fwd: Any = None, *, device_type: str = "cpu", cast_inputs: Any = None) -> Any:
    """A decorator of the forward of an `autograd.Function`, which returns it unchanged."""
    return functools.partial(custom_fwd, device_type=device_type) if fwd is None else fwd


def custom_bwd(bwd: Any = None, *, device_type: str = "cpu") -> Any:
    """A decorator of the backward of an `autograd.Function`, which returns it unchanged."""
    return functools.partial(custom_bwd, device_type=device_type) if bwd is None else bwd
