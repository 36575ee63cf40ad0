"""Gradients through a compiled function whose backward() runs outside: the tape of a recording.

The run that is recorded leaves a tape, which the recording keeps: its saved arrays lie in the recording's memory, so
each replay fills them anew. Outside, the results of each call lead to one node, which leads to the parameters and
arguments. When backward() reaches it, the gradients are computed by a walk along the kept tape. The walk is recorded,
too, once for each set of results that gradients flow into.
"""
from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.state import recorded
from fastnet._core.tensor import Tensor
from fastnet._replay.explain import CallTexts
from fastnet._replay.recorder import Recorder
from fastnet._runtime.native import guards as native
from fastnet.autograd.arrays import copy
from fastnet.autograd.tape import FREED, Node, gradient, writes_out
from fastnet.autograd.walk import gradient_arrays, nodes_to_visit
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._replay.recording import Recording
    from fastnet._runtime.twins.tape import Storage


_SCALAR = np.zeros((), np.float32)      # what flows into the node of a call, in place of the gradients of its results


class RecordedTape:
    """The tape of a recorded run. It serves one call at a time, from the call to its backward().

    Args:
        roots: the results that have gradients, by their position among all results.
        arguments: the tensors among the arguments, copies of the caller's.
        recorder: the recorder of the run.
    """

    text = "an earlier result, whose backward() may still run"

    def __init__(self, roots: dict[int, Tensor], arguments: list[Tensor], recorder: Recorder) -> None:
        self._roots = roots
        self._arguments = {i: t for i, t in enumerate(arguments) if t._requires_grad}
        self._walks: dict[Hashable, Recording] = {}
        self._served: weakref.ref[Node] | None = None
        recorder.guards["tape"] = self
        nodes, own = _nodes_behind(roots.values()), {id(t) for t in arguments}
        if any(node.hooks is not None for node in nodes):
            recorder.refuse(RuntimeError(
                "a compiled function calls register_hook() or retain_grad() on a tensor that it makes, and its "
                "backward() runs outside: the hook would run once, and not at the replays. Return the tensor and call "
                "it outside, or compile with fullgraph=False"), "has a hook on a tensor that it makes")
        self._parameters = list({id(target): target for node in nodes for _, target in node.edges
                                 if isinstance(target, Tensor) and id(target) not in own}.values())
        self._saved: dict[int, Storage] = {}            # from outside, whose values the gradients read
        for node in nodes:
            kept = []
            for storage, version, i in node.saved:
                if id(storage) in recorder.versions and storage.version == version:
                    self._saved[id(storage)] = storage          # its version is checked by the node of each call
                else:
                    kept.append((storage, version, i))
            node.saved = tuple(kept)

    def holds(self) -> bool:
        """Whether no earlier result needs the saved arrays: its backward() has run, or it is gone."""
        node = self._served() if self._served is not None else None
        return node is None or node.gradients is FREED

    def keeps(self, tensor: Tensor) -> bool:
        """Whether a tensor of the run is part of the tape.

        Args:
            tensor: one that still lives.
        """
        return any(tensor is t for t in (*self._roots.values(), *self._arguments.values()))

    def attach(self, results: list[Tensor], tensors: list[Tensor]) -> None:
        """Let the results of a call lead to what they were computed from.

        Args:
            results: all results.
            tensors: the tensors among the arguments of the call.
        """
        sources = [*self._parameters, *(tensors[i] for i in self._arguments)]
        edges = [(i, _target(t)) for i, t in enumerate(sources) if t._requires_grad]
        saved = [(storage, storage.version, i) for i, storage in enumerate(self._saved.values())]
        given: dict[int, Array] = {}                    # the gradients that have reached the results, by position
        node = Node("compiled", lambda array, needed: self._gradients(given, needed), edges, saved, _SCALAR)
        for i in self._roots:
            result = results[i]
            result._node = Node("compiled", _Arrival(given, i), [(0, node)], (), result._data)
            result._requires_grad = True
        self._served = weakref.ref(node)

    def _gradients(self, given: dict[int, Array], needed: list[bool]) -> Sequence[Any]:
        """The gradients of the parameters and arguments, when those of all results have arrived."""
        positions = tuple(sorted(given))
        arrays = [given.pop(i) for i in positions]
        needed = [*needed, *([False] * (len(self._parameters) + len(self._arguments) - len(needed)))]
        key = (positions, tuple(needed), tuple(native.layout_key(a) for a in arrays),
               native.overlaps(arrays), native.CallContext(K))
        walk = self._walks.get(key)
        if walk is None:
            roots = [self._roots[i] for i in positions]
            sources = [t for t, wanted in zip([*self._parameters, *self._arguments.values()], needed) if wanted]
            walk = self._walks[key] = self._record(roots, [_target(t) for t in sources], arrays)
            found = iter(walk.in_place(arrays))
        else:
            found = iter(walk.replay_in_place(arrays))
        return [gradient(_copied, g) if wanted and (g := next(found)) is not None else None for wanted in needed]

    def _record(self, roots, targets, arrays):
        """The Recording of a walk from the roots to the targets."""
        from fastnet._replay.recording import Recording  # which imports this file
        from fastnet._replay.watch import Watch  # milliseconds, as in compiled.py

        def walk():
            found = gradient_arrays(targets, list(zip(roots, inner)), retain_graph=True)
            result = [None if a is None else Tensor._wrap(a) for a in found]
            return Recording(recorder, result, inner, CallTexts([], []), "", None)
        inner = [Tensor._wrap(a) for a in arrays]
        recorder = Recorder(inner, Watch())
        recording = recorded(recorder, walk)
        recorder.release()
        return recording


@writes_out
def _copied(g: Array, array: Array, *, out: Array | None = None) -> Array:
    """A copy of a gradient in the memory of a walk, which the next walk writes."""
    if out is None:
        return copy(array)
    K.copy(out, array)
    return out


def lead_to(tensors: list[Tensor], copies: list[Tensor], results: Iterable[Tensor]) -> None:
    """Let a tape that leads to copies of arguments lead to the arguments.

    Args:
        tensors: the arguments.
        copies: of them.
        results: at the beginning of the tape.
    """
    targets = {id(inner): _target(t) for inner, t in zip(copies, tensors)}
    for node in _nodes_behind(results):
        node.edges = tuple((i, targets.get(id(target), target)) for i, target in node.edges)


def _target(tensor):
    return tensor if tensor._node is None else tensor._node


def _nodes_behind(results: Iterable[Tensor]) -> list[Node]:
    """All nodes that tensors lead to."""
    return nodes_to_visit([node for t in results if (node := t._node) is not None])[0]


class _Arrival:
    """The gradient function of a result: it leaves the gradient for the node behind, which all results share.

    Args:
        given: the gradients by the positions of the results.
        position: of this result.
    """

    def __init__(self, given: dict[int, Array], position: int) -> None:
        self._given, self._position = given, position

    def __call__(self, array: Array, needed: list[bool]) -> Sequence[Any]:
        self._given[self._position] = array
        return [_SCALAR]
