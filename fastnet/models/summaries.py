"""Summaries of models: a table of layers, shapes, parameters and multiply-adds, and estimates of memory."""
from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastnet import dtypes, nn
from fastnet._core.errors import given_text, shape_text
from fastnet._core.reprs import repr_of
from fastnet.functional.creation import zeros
from fastnet.graph import Graph, live_bytes, trace

if TYPE_CHECKING:
    from fastnet._core.annotations import DTypeLike, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["LayerSummary", "Summary", "summary"]

@dataclass(frozen=True)
class LayerSummary:
    """A row of a `Summary`: one module.

    Attributes:
        path: of the module in the model; "" for the model itself.
        type: the name of its class.
        output_shapes: of the tensors in the output of its first call; none for a container that is not called.
        parameters: number of parameters, those of submodules included; shared ones count once.
        multiply_adds: of all its calls, those of submodules included.

    Example:
        >>> import fastnet
        >>> fastnet.models.summary(fastnet.nn.Linear(3, 2), (5, 3), verbose=False).layers
        (LayerSummary(path='', type='Linear', output_shapes=((5, 2),), parameters=8, multiply_adds=30),)
    """

    path: str
    type: str
    output_shapes: tuple[Shape, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True, repr=False)
class Summary:
    """The numbers that `fastnet.models.summary` prints; `str()` gives the table.

    Attributes:
        layers: a row for each module that was called or that holds one, in the order of the calls within each module.
        parameters: number of parameters.
        trainable_parameters: those that require a gradient.
        multiply_adds: of convolutions, matrix products, recurrent layers and attention in one forward pass.
        input_bytes: size of the inputs.
        parameter_bytes: size of the parameters and buffers.
        inference_bytes: the largest total size of results that later operations still read; views count as the tensor
            whose memory they share.
        training_bytes: size of all results of operations, which a training step keeps for backward(), and of the
            gradients of the parameters. Inside fused layers some results are not kept, so it is an upper estimate.
        depth: how many levels of modules the table shows.

    Example:
        >>> import fastnet
        >>> result = fastnet.models.summary(fastnet.nn.Linear(3, 2), (5, 3), verbose=False)
        >>> result
        Summary(parameters=8, multiply_adds=30)
        >>> result.parameter_bytes, result.inference_bytes, result.training_bytes
        (32, 40, 72)
    """

    layers: tuple[LayerSummary, ...]
    parameters: int
    trainable_parameters: int
    multiply_adds: int
    input_bytes: int
    parameter_bytes: int
    inference_bytes: int
    training_bytes: int
    depth: int = 3

    def __repr__(self) -> str:
        return repr_of(self, parameters=self.parameters, multiply_adds=self.multiply_adds)

    def __str__(self) -> str:
        rows = [("layer", "output shape", "parameters", "multiply-adds"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(text.ljust(n) if i < 2 else text.rjust(n) for i, (text, n) in enumerate(zip(row, widths)))
                 for row in rows]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), rule, *self._totals()])

    def _rows(self) -> list[tuple[str, str, str, str]]:
        shown = [layer for layer in self.layers if _level(layer.path) <= self.depth]
        rows = []
        for i, layer in enumerate(shown):
            shapes = ", ".join(map(str, layer.output_shapes))
            name = layer.path.rpartition(".")[2]
            label = f"{_branches(shown, i)}{name}: {layer.type}" if layer.path else layer.type
            rows.append((label, shapes, f"{layer.parameters:,}" if layer.parameters else "",
                         f"{layer.multiply_adds:,}" if layer.multiply_adds else ""))
        return rows

    def _totals(self) -> list[str]:
        frozen = self.parameters - self.trainable_parameters
        return [f"parameters: {self.parameters:,}" + (f", {frozen:,} of them frozen" if frozen else ""),
                f"multiply-adds: {self.multiply_adds:,}",
                f"memory: input {_size(self.input_bytes)}, parameters {_size(self.parameter_bytes)}, "
                f"results in inference {_size(self.inference_bytes)}, "
                f"results and gradients in training {_size(self.training_bytes)}"]


def summary(model: nn.Module, input_size: Sequence[Any], dtypes: DTypeLike | Sequence[DTypeLike] | None = None, *,
            depth: int = 3, verbose: bool = True) -> Summary:
    """Print a table of a model's layers with output shapes, parameters and multiply-adds, and return its numbers.

    The model runs once on zeros, in evaluation mode (see `fastnet.graph.trace`), and is unchanged afterwards. A
    multiply-add is one multiplication and one addition. As in the papers of the networks, those of convolutions, matrix
    products, recurrent layers and attention are counted, without biases, normalization, activations and pools;
    torchinfo also counts biases and normalization, and fvcore normalization and some pools.

    Args:
        model: the model.
        input_size: the shape of the input, the batch dimension included; a list of shapes for several inputs.
        dtypes: of the input, or a list with one for each; float32 by default.
        depth: the table shows modules that are nested up to this deep; 0 shows the model alone.
        verbose: print the table.

    Returns:
        The numbers.

    Raises:
        ValueError: input_size is not a shape or a list of shapes, the model does not take it, or not as many dtypes as
            shapes.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> result = fastnet.models.summary(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (5, 3))
        layer         output shape  parameters  multiply-adds
        -----------------------------------------------------
        Sequential    (5, 2)                26            100
        ├─ 0: Linear  (5, 4)                16             60
        ├─ 1: ReLU    (5, 4)
        └─ 2: Linear  (5, 2)                10             40
        -----------------------------------------------------
        parameters: 26
        multiply-adds: 100
        memory: input 60 B, parameters 104 B, results in inference 160 B, results and gradients in training 304 B
        >>> result.multiply_adds
        100
    """
    shapes = _shapes(input_size)
    inputs = [zeros(*shape, dtype=dtype) for shape, dtype in zip(shapes, _dtypes(dtypes, len(shapes)))]
    graph = _graph_on_zeros(model, inputs)
    parameters = list(model.parameters())
    trainable = [p for p in parameters if p.requires_grad]
    results = sum(y.nbytes for node in graph.nodes if not node.is_view for y in node.outputs)
    found = Summary(
        layers=_layers(model, graph),
        parameters=sum(p.numel() for p in parameters),
        trainable_parameters=sum(p.numel() for p in trainable),
        multiply_adds=sum(cost.multiply_adds for cost in graph.costs()),
        input_bytes=sum(x.nbytes for x in graph.inputs),
        parameter_bytes=sum(x._data.nbytes for x in [*parameters, *model.buffers()]),
        inference_bytes=live_bytes(graph),
        training_bytes=results + sum(p._data.nbytes for p in trainable),
        depth=depth)
    if verbose:
        print(found)
    return found


# ---- arguments ------------------------------------------------------------------------------------------------------

def _shapes(input_size: Any) -> list[Shape]:
    """One shape or several, as a list of tuples."""
    if isinstance(input_size, tuple | list):
        several = bool(input_size) and all(isinstance(shape, tuple | list) for shape in input_size)
        shapes = [tuple(shape) for shape in (input_size if several else [input_size])]
        if all(isinstance(n, numbers.Integral) and int(n) >= 0 for shape in shapes for n in shape):
            return [tuple(map(int, shape)) for shape in shapes]
    raise ValueError("summary: expected input_size to be a shape such as (1, 3, 224, 224), or a list of shapes, got "
                     f"{input_size if isinstance(input_size, tuple | list) else given_text(input_size)}")


def _dtypes(given: Any, count: int) -> list[Any]:
    found = list(given) if isinstance(given, tuple | list) else [given] * count
    if len(found) != count:
        raise ValueError(f"summary: expected a dtype for each of {count} inputs, got {len(found)}")
    return [dtypes.float32 if dtype is None else dtypes.as_dtype(dtype) for dtype in found]


def _graph_on_zeros(model: nn.Module, inputs: list[Tensor]) -> Graph:
    try:
        return trace(model, *inputs)
    except (RuntimeError, ValueError) as e:
        raise ValueError(f"summary: the model does not take inputs of shape {', '.join(map(shape_text, inputs))}; "
                         f"input_size includes the batch dimension. {e}") from e


# ---- counts ---------------------------------------------------------------------------------------------------------

def _layers(model: nn.Module, graph: Graph) -> tuple[LayerSummary, ...]:
    """A row for each module that was called or that holds one; submodules follow their module."""
    counts: dict[str, int] = {}                 # by the path of each module around a node
    for node, cost in zip(graph.nodes, graph.costs()):
        for path in _around(node.module):
            counts[path] = counts.get(path, 0) + cost.multiply_adds
    outputs: dict[str, tuple[Shape, ...]] = {}
    for call in graph.calls:
        outputs.setdefault(call.path, tuple(y.shape for y in call.outputs))
    return tuple(LayerSummary(path, type(module).__name__, outputs.get(path, ()),
                              sum(p.numel() for p in module.parameters()), counts.get(path, 0))
                 for path in _in_tree_order(outputs) for module in [model.get_submodule(path)])


def _in_tree_order(paths: Iterable[str]) -> Iterator[str]:
    """Paths and those of the modules around them, each followed by its submodules.

    Example:
        >>> list(_in_tree_order(["", "down.0", "up", "down.1"]))
        ['', 'down', 'down.0', 'down.1', 'up']
    """
    inner: dict[str, dict[str, None]] = {}      # by path: the direct submodules
    for path in paths:
        for outer, submodule in itertools.pairwise(_around(path)):
            inner.setdefault(outer, {})[submodule] = None
    waiting = [""]
    while waiting:
        path = waiting.pop()
        yield path
        waiting.extend(reversed(inner.get(path, {})))


def _around(path: str) -> list[str]:
    """The path of a module and of all modules around it.

    Example:
        >>> _around("layer1.0.conv1")
        ['', 'layer1', 'layer1.0', 'layer1.0.conv1']
    """
    names = path.split(".") if path else []
    return [".".join(names[:i]) for i in range(len(names) + 1)]


# ---- text -----------------------------------------------------------------------------------------------------------

def _level(path: str) -> int:
    return path.count(".") + 1 if path else 0


def _branches(layers: list[LayerSummary], index: int) -> str:
    """The lines of the tree before the name of a layer: whether each module around it, and itself, has a successor."""
    names = _around(layers[index].path)[1:]
    drawn = ""
    for i, path in enumerate(names):
        around = path.rpartition(".")[0]
        more = any(later.path.rpartition(".")[0] == around and later.path and later.path != path and not
                   later.path.startswith(f"{path}.") for later in layers[index + 1:])
        drawn += ("├─ " if more else "└─ ") if i == len(names) - 1 else ("│  " if more else "   ")
    return drawn


def _size(count: int) -> str:
    """A number of bytes with a unit, in powers of 1000.

    Example:
        >>> _size(512), _size(1_500_000)
        ('512 B', '1.5 MB')
    """
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
