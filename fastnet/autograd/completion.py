"""Notices of backward(): the gradients of a group of leaves are complete, and backward() has ended."""
from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from fastnet._core.state import state
from fastnet.autograd.tape import Node

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__ = ["GradientWatcher", "announce", "call_after_backward", "complete_groups", "is_watched",
           "progress", "watch_gradients"]


class GradientWatcher:
    """Learns during backward() that the gradients of a group of leaves are complete.

    Attributes:
        groups: the leaves of each group.
    """

    groups: Sequence[Sequence[Tensor]]

    def is_fixed(self, number: int) -> bool:
        """Whether the gradients of a group lie where `ready` expects them, in replays of this run, too.

        Args:
            number: of the group.
        """
        raise NotImplementedError

    def ready(self, number: int) -> None:
        """backward() has computed the gradients of a group, and continues with those of other leaves.

        A recording calls this again in each replay. A group whose last gradient is also the last that backward()
        computes, and one with a leaf that backward() does not reach, or that has hooks, is never announced.

        Args:
            number: of the group.
        """
        raise NotImplementedError


Group: TypeAlias = "tuple[GradientWatcher, int]"

_watchers: weakref.WeakSet[GradientWatcher] = weakref.WeakSet()


def watch_gradients(watcher: GradientWatcher) -> None:
    """Tell a watcher, as long as it lives, of each group of gradients that backward() completes in any thread.

    Args:
        watcher: the watcher.
    """
    _watchers.add(watcher)


def is_watched() -> bool:
    """Whether there is a watcher."""
    return bool(_watchers)


class _Progress(threading.local):
    """The backward() in progress in this thread. Hooks may call backward() inside it.

    Attributes:
        depth: the number of calls, one inside the other.
        nested: whether there was a call inside the outermost one.
        announced: ids of the leaves whose gradients were announced as complete.
        endings: (function, function if an exception ends backward()) of `call_after_backward`.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.nested = False
        self.announced: set[int] = set()
        self.endings: list[tuple[Callable[[], None], Callable[[], None]]] = []

    def end(self, failed: bool) -> None:
        """Forget the outermost call, and call the functions of `call_after_backward`, each once."""
        endings, self.endings = self.endings, []
        self.nested = False
        self.announced.clear()
        for function, if_failed in endings:
            (if_failed if failed else function)()


progress = _Progress()


def call_after_backward(function: Callable[[], None], if_failed: Callable[[], None]) -> None:
    """Call a function once, when the backward() in progress has computed all gradients.

    Args:
        function: without arguments. Hooks of tensors call this, as `Variable._execution_engine.queue_callback` of
            PyTorch.
        if_failed: called in its place if an exception ends backward().
    """
    progress.endings.append((function, if_failed))


def complete_groups(nodes: Sequence[Node]) -> dict[Node, list[Group]]:
    """{node: the groups whose gradients are complete when backward() comes to it}.

    Args:
        nodes: all nodes, in the order in which backward() visits them.

    Raises:
        RuntimeError: a backward() inside another one adds to a gradient that was announced as complete.
    """
    last = {id(target): i for i, node in enumerate(nodes) for _, target in node.edges if not isinstance(target, Node)}
    if progress.depth > 1:
        progress.nested = True
        if not progress.announced.isdisjoint(last):
            raise RuntimeError("backward() inside backward(): a hook adds to a gradient that DistributedDataParallel "
                               "has begun to exchange; call backward() after the outer one, or inside no_sync()")
        return {}
    found: dict[Node, list[Group]] = {}
    for watcher in list(_watchers):
        for number, leaves in enumerate(watcher.groups):
            ends = [last.get(id(leaf), len(nodes)) for leaf in leaves]
            following = max(ends, default=len(nodes)) + 1
            if following < len(nodes):
                found.setdefault(nodes[following], []).append((watcher, number))
    return found


def announce(groups: Iterable[Group]) -> None:
    """Tell the watchers of complete groups, and let the recording in progress do the same at this place.

    Args:
        groups: see `complete_groups`.
    """
    for watcher, number in groups:
        leaves = watcher.groups[number]
        hooked = any(leaf._hooks is not None for leaf in leaves)      # hooks are called at the end of backward()
        if hooked or progress.nested or not watcher.is_fixed(number):
            continue
        progress.announced.update(map(id, leaves))
        watcher.ready(number)
        if state.recorder is not None:
            state.recorder.add_notice(_notice(watcher, number))


def _notice(watcher: GradientWatcher, number: int) -> Callable[[], None]:
    """A function without arguments that tells a watcher of a group."""
    def gradients_ready() -> None:
        watcher.ready(number)
    return gradients_ready
