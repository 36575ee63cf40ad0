"""Groups of channels that are tied across layers."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.prune.analysis import Analysis, Axis
from fastnet.prune.tracing import analysed

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.nn.module import Module

__all__ = ["ChannelGroup", "channel_groups", "described", "groups_of"]


@dataclass(frozen=True)
class ChannelGroup:
    """Sets of tied channels that lie in the same layers: each of the sets can be removed from all of them.

    Attributes:
        layers: the paths of the convolutions and linear layers that make the channels.
        size: how many sets there are.
        reason: why they cannot be removed; "" if they can.
        roots: the number of each set in the analysis.

    Example:
        >>> import fastnet
        >>> [group] = fastnet.prune.channel_groups(fastnet.nn.Linear(3, 2), fastnet.ones(1, 3))
        >>> group
        ChannelGroup(layers=('',), size=2, reason='the model returns them')
    """

    layers: tuple[str, ...]
    size: int
    reason: str
    roots: Array = field(repr=False, compare=False)


def channel_groups(model: Module, example: Any) -> list[ChannelGroup]:
    """Find the groups of channels of a model that are removed together, over the traced graph.

    Additions and products tie the channels of their operands, so that the layers of a residual stage make one group; a
    convolution with groups ties those of each group, a depthwise one each input to its output; batch norms, poolings,
    concatenations and flattening are followed.

    Args:
        model: the model; it is unchanged.
        example: a tensor, or a tuple of the arguments of its `forward`.

    Returns:
        The groups, in the order of their first layers. A group with a reason cannot be pruned.

    Raises:
        TypeError: model is not a Module, or the example has no tensor.
        RuntimeError: the model cannot be traced.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
        >>> for group in fastnet.prune.channel_groups(model, fastnet.ones(1, 1, 8, 8)):
        ...     print(group)
        ChannelGroup(layers=('0',), size=4, reason='')
        ChannelGroup(layers=('4',), size=2, reason='the model returns them')
    """
    return groups_of(analysed("channel_groups", model, example).analysis)


def groups_of(analysis: Analysis) -> list[ChannelGroup]:
    """The groups of an analysis, in the order of their first layers.

    Args:
        analysis: of a graph.
    """
    places: dict[tuple[frozenset[Axis], str], list[int]] = {}
    for root, axes in analysis.members():
        places.setdefault((axes, analysis.fixed.get(root, "")), []).append(root)
    layers = {(layer.weight, layer.axis): i for i, layer in reversed(list(enumerate(analysis.layers)))}
    found = []
    for (axes, reason), roots in places.items():
        order = sorted(layers[key] for key in axes if key in layers)
        if order:
            paths = tuple(analysis.layers[i].weight.rpartition(".")[0] for i in order)
            found.append((order, ChannelGroup(paths, len(roots), reason, np.array(sorted(roots)))))
    return [group for _, group in sorted(found, key=lambda pair: pair[0])]


def described(groups: Iterable[ChannelGroup]) -> str:
    """Why groups cannot be pruned, as text.

    Args:
        groups: each with a reason.
    """
    return "; ".join(f"{', '.join(repr(path) for path in group.layers)}: {group.reason}" for group in groups)
