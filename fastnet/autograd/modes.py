"""Gradient modes: whether operations are recorded on the tape, for each Python thread."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fastnet._core.reprs import repr_of
from fastnet._core.state import Swapped, inside, state

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _GradientMode(Swapped):
    """A gradient mode, as a context manager and as a decorator of functions and generator functions."""

    _mode: bool = False

    def __init__(self) -> None:
        super().__init__(state, "grad_enabled", self._mode)

    def __repr__(self) -> str:
        return repr_of(self)

    def _again(self) -> _GradientMode:
        """A new object of the same mode, for one call of a decorated function."""
        return type(self)()

    def __call__(self, fn: _F) -> _F:
        return _decorated(self._again, fn)


def _decorated(mode: Callable[[], _GradientMode], fn: Any) -> Any:
    """A function, or generator function, that runs inside `mode()`."""
    if inspect.isgeneratorfunction(fn):
        @functools.wraps(fn)
        def steps(*args, **kwargs):
            return (yield from _steps_inside(mode, fn(*args, **kwargs)))
        return steps

    @functools.wraps(fn)
    def call(*args, **kwargs):
        return inside(mode(), fn, *args, **kwargs)
    return call


def _steps_inside(mode: Callable[[], _GradientMode], generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run each step of a generator inside `mode()`. Between the steps, the caller's mode applies."""
    step: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        try:
            result = inside(mode(), step, value)
        except StopIteration as stop:
            return stop.value
        try:
            step, value = generator.send, (yield result)
        except GeneratorExit:
            inside(mode(), generator.close)
            raise
        except BaseException as error:
            step, value = generator.throw, error


class _PlainMode(_GradientMode):
    """A mode without arguments, which decorates a function with or without parentheses."""

    @overload
    def __new__(cls, fn: None = None) -> Self: ...

    @overload
    def __new__(cls, fn: _F) -> _F: ...             # type: ignore[misc]    # the decorated function, no instance

    def __new__(cls, fn: Any = None) -> Any:
        made = super().__new__(cls)
        return made if fn is None else made(fn)


class no_grad(_PlainMode):
    """Record no gradients inside the `with` block, or inside the decorated function or generator function.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False
        >>> @fastnet.no_grad
        ... def doubled():
        ...     return w * 2
        >>> doubled().requires_grad
        False
    """


class enable_grad(_PlainMode):
    """Record gradients inside the `with` block, or inside the decorated function, even within `no_grad`.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.no_grad(), fastnet.enable_grad():
        ...     y = w * 2
        >>> y.requires_grad
        True
    """

    _mode = True


class inference_mode(_PlainMode):
    """Record no gradients inside the `with` block, or inside the decorated function: as `no_grad`.

    Unlike PyTorch's, its tensors can be used in computations with gradients later.

    Args:
        mode: a function to decorate, or False for a block that records gradients.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.inference_mode():
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    def __new__(cls, mode: Any = True) -> Any:
        if not isinstance(mode, bool):
            return super().__new__(cls, mode)
        return super().__new__(cls) if mode else enable_grad()

    def __init__(self, mode: Any = True) -> None:
        super().__init__()


class set_grad_enabled(_GradientMode):
    """Switch the recording of gradients on or off.

    Called as a function, the mode stays. As a context manager, the previous mode returns when the block ends. As a
    decorator, the mode applies inside the function.

    Args:
        mode: whether gradients are recorded.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.set_grad_enabled(False):
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    def __init__(self, mode: bool) -> None:
        self._mode = bool(mode)
        super().__init__()
        super().__enter__()

    def __enter__(self) -> None:
        state.grad_enabled = self._mode

    def __repr__(self) -> str:
        return repr_of(self, mode=self._mode)

    def _again(self) -> set_grad_enabled:
        return set_grad_enabled(self._mode)

    def __call__(self, fn: _F) -> _F:
        self.__exit__()                         # the constructor has switched the mode, but this object decorates
        return super().__call__(fn)


def is_grad_enabled() -> bool:
    """Whether this Python thread records gradients.

    Example:
        >>> import fastnet
        >>> with fastnet.no_grad():
        ...     fastnet.is_grad_enabled()
        False
    """
    return state.grad_enabled
