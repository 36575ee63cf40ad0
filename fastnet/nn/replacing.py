"""Methods of a module that replace submodules, the dtype of its tensors, or its call."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet._core.annotations import DTypeLike
    from fastnet.nn.module import Module

__all__ = ["Replacing"]


class Replacing:
    """`set_submodule`, `type` and `compile`; every `Module` has these methods."""

    if TYPE_CHECKING:
        to: Any
        get_submodule: Any
        _call_eagerly: Any
        _hooks: Any

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path, such as "encoder.0.norm", in place of the one that is there.

        Args:
            target: the path; its owner exists.
            module: the new submodule.
            strict: raise if there is no submodule at the path. Without it, the submodule is added.

        Raises:
            ValueError: the path is empty.
            AttributeError: the owner of the path is missing, or with `strict` the submodule.
            TypeError: module is not a Module.

        Example:
            >>> from fastnet import nn
            >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
            >>> model.set_submodule("1", nn.Tanh())
            >>> model[1]
            Tanh()
        """
        owner, _, name = target.rpartition(".")
        if not name:
            raise ValueError(f"set_submodule: expected the path of a submodule, got {target!r}")
        if strict:
            self.get_submodule(target)
        parent = self.get_submodule(owner)
        if name in parent._modules:
            setattr(parent, name, module)
        else:
            parent.register_module(name, module)

    def type(self, dst_type: DTypeLike) -> Self:
        """Convert the floating-point parameters and buffers to a dtype, as `to`; returns the module.

        Args:
            dst_type: floating-point.
        """
        converted: Self = self.to(dst_type)
        return converted

    def compile(self, **options: Any) -> None:
        """Let calls of the module run under `fastnet.compile`, with its hooks; copies of the module run eagerly.

        Args:
            options: the keyword arguments of `fastnet.compile`.

        Example:
            >>> import fastnet
            >>> model = fastnet.nn.Linear(3, 2)
            >>> model.compile(fullgraph=False)
            >>> model(fastnet.ones(4, 3)).shape
            (4, 2)
        """
        from fastnet._replay.compiled import compile  # it imports modules, and they import this one
        self.__dict__.setdefault("_hooks", ({}, {}))                # calls now ask for `_compiled_call`
        self.__dict__["_compiled_call"] = compile(
            lambda *args, **kwargs: self._call_eagerly(*self._hooks, args, kwargs), **options)
