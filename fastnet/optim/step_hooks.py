"""Hooks around the steps of optimizers, and the options of PyTorch's optimizers that choose an implementation."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastnet._core.state import forbid_in_recording
from fastnet.autograd.hooks import RemovableHandle

__all__ = ["StepHooks"]

_NOT_AT_REPLAYS = "it would run only while recording, not at the replays"
_IMPLEMENTATIONS = ("foreach", "fused", "capturable", "differentiable")


class StepHooks:
    """Base of the optimizers: hooks before and after a step."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own: Any = cls.__dict__.get("__init__")
        if own is not None and own.__module__.startswith("fastnet."):
            cls.__init__ = _without_implementation(own)         # type: ignore[method-assign]

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step; it may return other (args, kwargs).

        Args:
            hook: the function.

        Returns:
            A handle whose `remove()` removes the hook.
        """
        return _registered(self, "_pre_hooks", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step.

        Args:
            hook: the function.

        Returns:
            A handle whose `remove()` removes the hook.
        """
        return _registered(self, "_post_hooks", hook)

    def _hooked_step(self, closure: Any) -> Any:
        """The closure that the hooks before a step leave."""
        args: Any = () if closure is None else (closure,)
        kwargs: Any = {}
        for hook in tuple(self.__dict__["_pre_hooks"].values()):
            forbid_in_recording("a hook of an optimizer's step", _NOT_AT_REPLAYS)
            changed = hook(self, args, kwargs)
            if changed is not None:
                args, kwargs = changed
        return args[0] if args else kwargs.get("closure")

    def _after_step(self, closure: Any) -> None:
        for hook in tuple(self.__dict__["_post_hooks"].values()):
            forbid_in_recording("a hook of an optimizer's step", _NOT_AT_REPLAYS)
            hook(self, () if closure is None else (closure,), {})


def _registered(optimizer: StepHooks, name: str, hook: Callable[..., Any]) -> RemovableHandle:
    if not callable(hook):
        raise TypeError(f"expected a function as hook, got {type(hook).__name__}")
    hooks = optimizer.__dict__.setdefault(name, {})
    return RemovableHandle(hooks, hook)


def _without_implementation(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that takes, and ignores, the options that choose one of PyTorch's implementations."""
    @functools.wraps(init)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs:
            for name in _IMPLEMENTATIONS:
                if name in kwargs and name not in init.__code__.co_varnames and kwargs.pop(name) and (
                        name == "differentiable"):
                    raise NotImplementedError(f"{type(self).__name__}: expected differentiable=False, since no "
                                              "gradients flow through a step")
        init(self, *args, **kwargs)
    return construct
