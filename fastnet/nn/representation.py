"""The text that `repr` of a module shows: a tree of its submodules with the shapes of their parameters."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text

if TYPE_CHECKING:
    from fastnet.nn.module import Module

__all__ = ["module_text"]


def module_text(module: Module, default: Callable[[Module], str]) -> str:
    """The tree of a module and its submodules; the comment on the last line counts the parameters.

    Args:
        module: the model.
        default: `Module.__repr__`; a submodule whose class defines another one is written by it.
    """
    parameters = list(module.parameters())
    if not parameters:
        return _subtree(module, default)
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    count = sum(p.numel() for p in parameters)
    frozen = f", {trainable:,} of them trainable" if trainable < count else ""
    return _subtree(module, default, f"{count:,} parameters{frozen}")


def _subtree(module: Module | None, default: Callable[[Module], str], total: str = "") -> str:
    if module is None:
        return "None"
    parameters = {name: shape_text(p) for name, p in module._parameters.items() if p is not None}
    shapes = ", ".join(f"{name} {shape}" for name, shape in parameters.items() if not name.isdigit())
    comment = "; ".join(filter(None, (shapes, total)))
    comment = f"  # {comment}" if comment else ""
    children = [f"({name}): Parameter(shape={shape})" for name, shape in parameters.items() if name.isdigit()]
    children += [f"({name}): {_indented(_child_text(child, default))}" for name, child in module._modules.items()]
    if not children:
        return f"{type(module).__name__}({module.extra_repr()}){comment}"
    lines = [*module.extra_repr().splitlines(), *children]
    return "\n  ".join([f"{type(module).__name__}(", *lines]) + f"\n){comment}"


def _child_text(module: Module | None, default: Callable[[Module], str]) -> str:
    own = module is not None and type(module).__repr__ is not default
    return repr(module) if own else _subtree(module, default)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
