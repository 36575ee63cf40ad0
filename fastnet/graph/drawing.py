"""Pictures of graphs: SVG, and the text that Graphviz reads."""
from __future__ import annotations

import html
import os
import shutil
import subprocess
from collections.abc import Hashable
from typing import TYPE_CHECKING

from fastnet._io.atomic import replacing
from fastnet.graph.form import Graph, Node, Value
from fastnet.graph.layered_layout import lay_out

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["draw"]

_ROW, _BOX, _MARGIN, _LETTER = 72, 44, 16, 7.2          # pixels: of layers, the height of a box, and a letter's width
_COLORS = {"input": "#e8f0e4", "products": "#dde8f6", "views": "#f4f4f4", "others": "#fbf3dc"}
_DRAWN_AS_PRODUCTS = ("attention", "cell", "conv", "layer", "linear", "mm", "self_attention")


def draw(graph: Graph, path: StrPath) -> None:
    """Draw a graph into a file: see `Graph.draw`.

    Args:
        graph: the graph.
        path: ends in ".svg", ".dot" or ".gv"; other endings are formats of Graphviz.

    Raises:
        ImportError: the ending needs Graphviz, and its program `dot` is not installed.
        RuntimeError: Graphviz does not write this format; the message is Graphviz's.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower().removeprefix(".")
    if ending in ("svg", "dot", "gv"):
        data = (_svg(graph) if ending == "svg" else _dot(graph)).encode()
    else:
        data = _by_graphviz(_dot(graph), ending)
    with replacing(path) as file:
        file.write(data)


def _by_graphviz(text: str, ending: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise ImportError(f"draw: a picture as {ending or 'a file without an ending'} needs Graphviz's program dot, "
                          "which is not installed (Debian, Homebrew: the package graphviz); .svg and .dot need nothing")
    run = subprocess.run([program, f"-T{ending}"], input=text.encode(), capture_output=True, check=False)
    if run.returncode:
        raise RuntimeError(f"draw: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout


# ---- boxes ----------------------------------------------------------------------------------------------------------

def _lines(entry: Node | Value) -> tuple[str, str]:
    """The two lines of text in a box: the operation, and the module with the shape of the result."""
    if isinstance(entry, Value):
        return entry.name, f"{entry.dtype} {entry.shape}"
    activation = entry.arguments.get("activation", "none")
    name = entry.operation if activation == "none" else f"{entry.operation}, {activation}"
    return name, f"{entry.module}  {entry.outputs[0].shape}".strip()


def _color(entry: Node | Value) -> str:
    if isinstance(entry, Value):
        return _COLORS["input"]
    if entry.operation.startswith(_DRAWN_AS_PRODUCTS):
        return _COLORS["products"]
    return _COLORS["views" if entry.is_view else "others"]


def _boxes(graph: Graph) -> tuple[dict[Hashable, Node | Value], list[tuple[Hashable, Hashable]]]:
    """The boxes by their names, and the edges between them. Parameters, buffers and constants have none."""
    boxes: dict[Hashable, Node | Value] = {x.name: x for x in graph.inputs}
    edges: list[tuple[Hashable, Hashable]] = []
    box_of = {x: x.name for x in graph.inputs}
    for node in graph.nodes:
        name = node.outputs[0].name
        boxes[name] = node
        edges += [(box_of[x], name) for x in dict.fromkeys(node.inputs) if x in box_of]
        box_of.update((y, name) for y in node.outputs)
    for i, y in enumerate(graph.outputs):
        end = f"output {i + 1}"
        boxes[end] = Value("output" if len(graph.outputs) == 1 else end, "result", y.shape, y.dtype)
        edges += [(box_of[y], end)] if y in box_of else []
    return boxes, edges


def _dot(graph: Graph) -> str:
    boxes, edges = _boxes(graph)
    number = {name: f"n{i}" for i, name in enumerate(boxes)}
    lines = ["digraph {", '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];']
    for name, entry in boxes.items():
        label = "\\n".join(text.replace("\\", "\\\\").replace('"', '\\"') for text in _lines(entry))
        lines.append(f'  {number[name]} [label="{label}", fillcolor="{_color(entry)}"];')
    lines += [f"  {number[a]} -> {number[b]};" for a, b in edges]
    return "\n".join([*lines, "}\n"])


# ---- SVG ------------------------------------------------------------------------------------------------------------

def _svg(graph: Graph) -> str:
    boxes, edges = _boxes(graph)
    width = {name: 20 + _LETTER * max(map(len, _lines(entry))) for name, entry in boxes.items()}
    layout = lay_out(width, edges)
    height = _ROW * max((layer for _, layer in layout.places.values()), default=0) + _BOX
    size = f"{layout.width + 2 * _MARGIN:.0f}", f"{height + 2 * _MARGIN:.0f}"
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
             f'viewBox="{-_MARGIN} {-_MARGIN} {size[0]} {size[1]}" font-family="Helvetica, Arial, sans-serif" '
             'font-size="12" text-anchor="middle">',
             '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
             'orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>']
    for points in layout.edges:
        lines.append(f'<path d="{_curve(points)}" fill="none" stroke="#666" marker-end="url(#end)"/>')
    for name, entry in boxes.items():
        x, y = layout.places[name][0], _ROW * layout.places[name][1]
        first, second = map(html.escape, _lines(entry))
        lines.append(f'<rect x="{x - width[name] / 2:.1f}" y="{y}" width="{width[name]:.1f}" height="{_BOX}" rx="6" '
                     f'fill="{_color(entry)}" stroke="#888"/><text x="{x:.1f}" y="{y + 18}" font-weight="bold">{first}'
                     f'</text><text x="{x:.1f}" y="{y + 35}" fill="#555">{second}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _curve(points: list[tuple[float, int]]) -> str:
    """A path through the joints of an edge, from the bottom of a box to the top of another one."""
    (x, layer), *rest = points
    y = _ROW * layer + _BOX
    path = f"M{x:.1f} {y}"
    for i, (there, below) in enumerate(rest):
        top = _ROW * below
        middle = (y + top) / 2
        path += f"C{x:.1f} {middle} {there:.1f} {middle} {there:.1f} {top}"
        if i < len(rest) - 1:           # straight through the layer of a joint
            path += f"V{top + _BOX}"
        x, y = there, top + _BOX
    return path
