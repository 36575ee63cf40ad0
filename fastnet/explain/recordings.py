"""Calls of a model that are recorded once for each shape, and replayed."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnet
from fastnet import Tensor
from fastnet.nn import Module

__all__ = ["Recorded"]

_MOST_PACKED = 8                        # shapes whose recordings hold packed weights
_PACKED_BYTES = 1 << 29                 # of weights in all of these, each packed for both passes
_CALLS_BEFORE = 3                       # calls with the same weights before they are packed


class Recorded:
    """A function that calls a model, recorded once for each shape of the inputs and replayed.

    The parameters of the model require no gradients while it is recorded: a replay computes those of the inputs alone.
    Once the weights stay the same from call to call, they count as constants, which kernels pack only once.

    Args:
        function: of (inputs, index, extra), see `Samples`.
        model: the model whose parameters the function uses; None: there is none, or it is not known.
        compile: record the calls. A function that cannot be recorded runs eagerly, with a warning.
    """

    def __init__(self, function: Callable[..., Any], model: Module | None, compile: bool) -> None:
        self._function = function if model is None else _without_gradients(function, model)
        self._model = model if compile else None
        self._run = fastnet.compile(self._function, disable=not compile, fullgraph=False)
        self._packed: dict[Any, _Packed] = {}

    def __call__(self, inputs: tuple[Tensor, ...], index: Tensor | None, extra: tuple[Any, ...]) -> Any:
        packed = None if self._model is None else self._packed_for(tuple(x.shape for x in inputs), self._model)
        run = packed.run if packed is not None and packed.pays() else self._run
        return run(inputs, index, extra)

    def _packed_for(self, shapes: tuple[Any, ...], model: Module) -> _Packed | None:
        """The recordings with packed weights of some shapes; None for shapes that are one too many."""
        if shapes not in self._packed and len(self._packed) < _MOST_PACKED:
            packed = _Packed(self._function, model)
            if (len(self._packed) + 1) * 2 * packed.nbytes <= _PACKED_BYTES:
                self._packed[shapes] = packed
        return self._packed.get(shapes)


class _Packed:
    """Recordings for one shape, whose weights are packed.

    Making one takes as long as several calls, so some calls with the same weights precede it. A change of the weights
    after it doubles their number: a model that is explained between the steps of its training soon has none.

    Args:
        function, model: see `Recorded`.

    Attributes:
        run: the function. If fastnet writes into a weight, it is recorded again.
        nbytes: of the parameters and buffers.
    """

    def __init__(self, function: Callable[..., Any], model: Module) -> None:
        self.run = fastnet.compile(function, freeze=True, fullgraph=False)
        self._tensors = [*model.parameters(), *model.buffers()]     # a mask that pruning changes is a buffer
        self.nbytes: int = sum(x.nbytes for x in self._tensors)
        self._versions: list[int] = []
        self._calls, self._calls_before = 0, _CALLS_BEFORE

    def pays(self) -> bool:
        """Count a call, and tell whether enough calls with the same weights precede it."""
        versions = [x._version for x in self._tensors]              # each in-place write increases one
        if versions != self._versions:
            self._calls_before *= 2 if self._calls > self._calls_before else 1
            self._versions, self._calls = versions, 0
        self._calls += 1
        return self._calls > self._calls_before


def _without_gradients(function: Callable[..., Any], model: Module) -> Callable[..., Any]:
    """A function during whose calls the parameters of a model require no gradients."""
    def run(*arguments: Any) -> Any:
        learning = [p for p in model.parameters() if p.requires_grad]
        for p in learning:
            p.requires_grad_(False)
        try:
            return function(*arguments)
        finally:
            for p in learning:
                p.requires_grad_(True)
    return run
