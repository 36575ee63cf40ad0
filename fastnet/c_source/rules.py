"""The table of emitters: for each operation, the function that emits it as C."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node

__all__ = ["EMITTERS", "IMAGE_DIMENSIONS", "emitter"]

IMAGE_DIMENSIONS = 4                     # (N, C, H, W)

Emitter: TypeAlias = "Callable[[Node, Code], None]"

EMITTERS: dict[str, Emitter] = {}


def emitter(*operations: str) -> Callable[[Emitter], Emitter]:
    """State that a function emits these operations. It takes the node and the `Code` to add to.

    Args:
        operations: their names in a graph.
    """
    def register(function: Emitter) -> Emitter:
        EMITTERS.update(dict.fromkeys(operations, function))
        return function
    return register
