"""Places for the nodes of a graph in layers, with edges from top to bottom (Sugiyama, Tagawa and Toda 1981,
https://doi.org/10.1109/TSMC.1981.4308636).

The layer of a node is one below the lowest of those that it reads. An edge over several layers gets a joint in each
layer between, so that it passes the boxes there. Sweeps over the layers sort each by the mean position of its
neighbours, which avoids crossings, and move each entry to the mean place of its neighbours, as far as there is room.
"""
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Layout", "lay_out"]

_SWEEPS = 8
_GAP = 24.0                             # between entries of a layer
_JOINT = 8.0                            # width of a joint


class Layout(NamedTuple):
    """Where boxes and edges lie.

    Attributes:
        places: (x of the middle, layer) of each box.
        edges: of each edge, the points (x, layer) from its start to its end.
        width: of the picture; all x are between 0 and the width.
    """

    places: dict[Hashable, tuple[float, int]]
    edges: list[list[tuple[float, int]]]
    width: float


def lay_out(widths: Mapping[Hashable, float], edges: Sequence[tuple[Hashable, Hashable]]) -> Layout:
    """Place boxes in layers.

    Args:
        widths: of the boxes, each after those that lead to it.
        edges: (from, to).

    Example:
        >>> from fastnet.graph.layered_layout import lay_out
        >>> layout = lay_out({"a": 40.0, "b": 40.0, "c": 40.0}, [("a", "b"), ("b", "c"), ("a", "c")])
        >>> {name: layer for name, (x, layer) in layout.places.items()}
        {'a': 0, 'b': 1, 'c': 2}
        >>> [len(points) for points in layout.edges]
        [2, 2, 3]
    """
    layer_of = _layer_of_each(widths, edges)
    layers: list[list[Hashable]] = [[] for _ in range(1 + max(layer_of.values(), default=0))]
    for box, layer in layer_of.items():
        layers[layer].append(box)
    width = dict(widths)
    chains: list[list[Hashable]] = []
    up: dict[Hashable, list[Hashable]] = {box: [] for box in widths}
    down: dict[Hashable, list[Hashable]] = {box: [] for box in widths}
    for edge in dict.fromkeys(edges):
        chain: list[Hashable] = [edge[0]]
        for layer in range(layer_of[edge[0]] + 1, layer_of[edge[1]]):
            joint = (*edge, layer)
            width[joint], up[joint], down[joint] = _JOINT, [], []
            layers[layer].append(joint)
            chain.append(joint)
        chain.append(edge[1])
        chains.append(chain)
        for a, b in pairwise(chain):
            down[a].append(b)
            up[b].append(a)
    x = _x_of_middles(layers, width, up, down)
    left = min((x[box] - width[box] / 2 for box in x), default=0.0)
    right = max((x[box] + width[box] / 2 for box in x), default=0.0)
    number = {box: i for i, layer in enumerate(layers) for box in layer}
    return Layout({box: (x[box] - left, number[box]) for box in widths},
                  [[(x[box] - left, number[box]) for box in chain] for chain in chains], right - left)


def _layer_of_each(widths: Mapping[Hashable, float], edges: Sequence[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    before: dict[Hashable, list[Hashable]] = {box: [] for box in widths}
    for a, b in edges:
        before[b].append(a)
    found: dict[Hashable, int] = {}
    for box in widths:
        found[box] = max((found[a] + 1 for a in before[box]), default=0)
    return found


def _x_of_middles(layers: list[list[Hashable]], width: Mapping[Hashable, float], up: Mapping[Hashable, list[Hashable]],
                 down: Mapping[Hashable, list[Hashable]]) -> dict[Hashable, float]:
    """The x of the middle of each entry; the layers are sorted."""
    x: dict[Hashable, float] = {}
    for layer in layers:
        _pack(layer, dict.fromkeys(layer, 0.0), width, x)
    for sweep in range(_SWEEPS):
        neighbours, order = (up, layers) if sweep % 2 == 0 else (down, layers[::-1])
        for layer in order:
            wanted = {box: sum(x[other] for other in neighbours[box]) / len(neighbours[box]) if neighbours[box] else
                      x[box] for box in layer}
            layer.sort(key=wanted.__getitem__)
            _pack(layer, wanted, width, x)
    return x


def _pack(layer: Sequence[Hashable], wanted: Mapping[Hashable, float], width: Mapping[Hashable, float],
          x: dict[Hashable, float]) -> None:
    """Place the entries of a layer in order, without overlaps, and as a whole in the middle of the wanted places."""
    end = None
    for box in layer:
        least = wanted[box] - width[box] / 2
        begin = least if end is None else max(least, end + _GAP)
        x[box] = begin + width[box] / 2
        end = begin + width[box]
    if layer:
        shift = sum(wanted[box] - x[box] for box in layer) / len(layer)
        for box in layer:
            x[box] += shift
