"""Open dimensions: a graph for inputs of any length, from traces of one model at several lengths.

The traces are compared entry by entry. An integer that differs, in a shape or in an argument, must be linear in each
open dimension; it becomes a `Dim`, a sum of lengths and of products of two. The last trace, in which all open
dimensions have a third length, checks this. A tensor that `forward` creates in the size of an open dimension must
repeat itself along it, or count; a node then computes it.
"""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.graph.dimension import Dim, mapped

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Axes", "Fit", "axes_by_name", "checked_sizes", "lengths_of", "resized", "traced_lengths"]

Axes: TypeAlias = "Mapping[str, Mapping[int, str]]"     # the name of each open dimension of each input


def axes_by_name(dynamic: Mapping[str, Mapping[int, str] | Sequence[int]],
                 inputs: Sequence[tuple[str, Tensor]]) -> Axes:
    """The open dimensions of each input, checked.

    Args:
        dynamic: by the name of an input, {axis: name of the dimension}, or axes, which get names such as "input_0".
        inputs: (name, tensor) of all inputs.

    Raises:
        ValueError: an input or an axis that does not exist, or a name that is not an identifier.
    """
    tensors = dict(inputs)
    found: dict[str, dict[int, str]] = {}
    for name, axes in dynamic.items():
        if name not in tensors:
            raise ValueError(f"trace: expected dynamic to name an input ({', '.join(tensors)}), got {name!r}")
        named = axes if isinstance(axes, Mapping) else {axis: f"{name.replace('.', '_')}_{axis}" for axis in axes}
        for axis, dimension in named.items():
            ndim = tensors[name].ndim
            if not isinstance(axis, int) or not -ndim <= axis < ndim:
                raise ValueError(f"trace: the input {name} has {ndim} dimensions, dynamic names dimension {axis!r}")
            if not isinstance(dimension, str) or not dimension.isidentifier():
                raise ValueError("trace: expected the name of an open dimension to be an identifier, got "
                                 f"{dimension!r}")
            found.setdefault(name, {})[axis % ndim] = dimension
    return found


def lengths_of(axes: Axes, inputs: Sequence[tuple[str, Tensor]]) -> dict[str, int]:
    """The length of each open dimension in the example.

    Args:
        axes: of the inputs.
        inputs: (name, tensor) of all inputs.

    Raises:
        ValueError: two lengths of one dimension, or an empty one.
    """
    found: dict[str, int] = {}
    for name, x in inputs:
        for axis, dimension in axes.get(name, {}).items():
            length = x.shape[axis]
            if found.setdefault(dimension, length) != length:
                raise ValueError(f"trace: the open dimension {dimension} has length {found[dimension]} in one input, "
                                 f"and {length} in {name}")
            if length == 0:
                raise ValueError(f"trace: the open dimension {dimension} has length 0 in {name}; give an example that "
                                 "is not empty")
    return found


def traced_lengths(axes: Axes, lengths: Mapping[str, int]) -> list[dict[str, int]]:
    """The lengths at which the model is traced: first ones, second ones of one and of two dimensions, all third ones.

    None is 1, since a dimension of length 1 broadcasts. Dimensions that are the first of each of their inputs grow by
    1, others by their length, so that they stay divisible.

    Args:
        axes: of the inputs.
        lengths: in the example.

    Example:
        >>> from fastnet.graph.open_dimensions import traced_lengths
        >>> traced_lengths({"x": {0: "n"}}, {"n": 1})
        [{'n': 2}, {'n': 3}, {'n': 4}]
        >>> traced_lengths({"x": {0: "n", 2: "w"}}, {"n": 2, "w": 8})[1:]
        [{'n': 3, 'w': 8}, {'n': 2, 'w': 16}, {'n': 3, 'w': 16}, {'n': 4, 'w': 24}]
    """
    inner = {name for each in axes.values() for axis, name in each.items() if axis}
    first = {name: max(n, 2) for name, n in lengths.items()}
    step = {name: n if name in inner else 1 for name, n in first.items()}
    return [*({name: n + step[name] * (name in changed) for name, n in first.items()} for changed in _subsets(first)),
            {name: n + 2 * step[name] for name, n in first.items()}]


def _subsets(names: Iterable[str]) -> list[tuple[str, ...]]:
    """The dimensions that are longer in each trace but the last one: none, one or two."""
    return [subset for count in range(3) for subset in combinations(names, count)]


def checked_sizes(function: str, expected: Iterable[Any], inputs: Sequence[Any]) -> dict[str, int]:
    """The length of each open dimension of inputs that have the expected shapes and dtypes.

    Args:
        function: for errors.
        expected: objects with a name, a shape and a dtype.
        inputs: one for each of them.

    Raises:
        TypeError: another number of inputs.
        RuntimeError: an input of another kind, dtype or shape, or two lengths of one dimension.

    Example:
        >>> import fastnet
        >>> from fastnet.graph.open_dimensions import checked_sizes
        >>> graph = fastnet.graph.trace(fastnet.nn.ReLU(), fastnet.ones(2, 3), dynamic={"input": {0: "n"}})
        >>> checked_sizes("run", graph.inputs, [fastnet.ones(5, 3)])
        {'n': 5}
    """
    expected = list(expected)
    if len(inputs) != len(expected):
        raise TypeError(f"{function}: expected {len(expected)} inputs ({', '.join(x.name for x in expected)}), "
                        f"got {len(inputs)}")
    sizes: dict[str, int] = {}
    for wanted, x in zip(expected, inputs):
        if not isinstance(x, Tensor) or x.dtype != wanted.dtype or not _has_shape(wanted.shape, x.shape, sizes):
            given = f"{x.dtype} {shape_text(x)}" if isinstance(x, Tensor) else type(x).__name__
            where = f" with {', '.join(f'{name}={n}' for name, n in sizes.items())}" if sizes else ""
            raise RuntimeError(f"{function}: expected the input {wanted.name} to be a tensor {wanted.dtype} "
                               f"{wanted.shape}{where}, got {given}")
    return sizes


def _has_shape(expected: Sequence[int], shape: Sequence[int], sizes: dict[str, int]) -> bool:
    """Whether a shape is the expected one; the first length of each open dimension is noted in `sizes`."""
    return len(expected) == len(shape) and all(
        n == (sizes.setdefault(e.name, n) if isinstance(e, Dim) else e) for e, n in zip(expected, shape))


def resized(arguments: Any, inputs: Sequence[tuple[str, Tensor]], axes: Axes, lengths: Mapping[str, int]) -> Any:
    """Nested arguments with inputs in other lengths, whose elements repeat those of the example.

    Args:
        arguments: of the call.
        inputs: (name, tensor) of the tensors in them.
        axes: of the inputs.
        lengths: of the open dimensions.
    """
    made: dict[int, Tensor] = {}
    for name, x in inputs:
        array = x._data
        for axis, dimension in axes.get(name, {}).items():
            array = np.take(array, np.arange(lengths[dimension]) % array.shape[axis], axis)
        if array is not x._data:
            made[id(x)] = Tensor._wrap(array)
    return mapped(arguments, lambda leaf: made.get(id(leaf), leaf))


class Fit:
    """Finds how integers depend on the open dimensions.

    Args:
        traced: the lengths in each trace, as `traced_lengths` gives them.
        example: those in the example, for which the values of `Dim` objects are.

    Example:
        >>> from fastnet.graph.open_dimensions import Fit, traced_lengths
        >>> fit = Fit(traced_lengths({"x": {0: "n"}}, {"n": 5}), {"n": 5})
        >>> fit.dim([11, 13, 15]), fit.dim([7, 7, 7]), fit.dim([1, 2, 4])
        (2*n+1, 7, None)
    """

    def __init__(self, traced: Sequence[Mapping[str, int]], example: Mapping[str, int]) -> None:
        self.traced, self.example = traced, example

    def dim(self, values: Sequence[int]) -> int | None:
        """The integer that has these values in the traces: a `Dim`, or an int if they are equal; None if not linear.

        Args:
            values: one for each trace.
        """
        if len(set(values)) == 1:
            return values[0]
        first, second = self.traced[0], {name: max(each[name] for each in self.traced[:-1]) for name in self.traced[0]}
        subsets = _subsets(first)
        at = dict(zip(subsets, values))
        terms: dict[tuple[str, ...], Fraction] = {}
        for subset in reversed(subsets):                # the products first
            rise = sum((-1) ** (len(subset) - len(part)) * at[part] for part in subsets if set(part) <= set(subset))
            steps = math.prod(second[name] - first[name] for name in subset)
            terms[subset] = Fraction(rise, steps) - sum(
                factor * math.prod(first[name] for name in other if name not in subset)
                for other, factor in terms.items() if set(subset) < set(other))
        offset = terms.pop(())
        named = {"*".join(subset): factor for subset, factor in terms.items() if factor}
        if offset.denominator != 1 or not named:
            return None
        made = Dim.of_terms(0, named, int(offset))
        try:
            exact = made.at(self.traced[-1]) == values[-1]
            return Dim.of_terms(made.at(self.example), named, int(offset)) if exact else None
        except ValueError:
            return None

    def repeated(self, arrays: Sequence[Array]) -> tuple[Array, tuple[int, ...]] | None:
        """The part that arrays repeat along the dimensions in which they differ, and their shape; None if they do not.

        Args:
            arrays: one for each trace.
        """
        shape = self.shape([a.shape for a in arrays])
        if shape is None:
            return None
        key = tuple(slice(0, 1) if isinstance(n, Dim) else slice(None) for n in shape)
        part, nan = arrays[0][key], arrays[0].dtype.kind in "fc"
        repeats = all(np.array_equal(a, np.broadcast_to(part, a.shape), equal_nan=nan) for a in arrays)
        return (part.copy(), shape) if repeats else None

    def counted(self, arrays: Sequence[Array]) -> dict[str, Any] | None:
        """The start, end and step of whole numbers that arrays count; None if they do not count.

        Args:
            arrays: one for each trace.
        """
        if arrays[0].ndim != 1 or arrays[0].size < 2 or arrays[0].dtype.kind not in "iuf":
            return None
        start, step = (float(v) for v in (arrays[0][0], arrays[0][1] - arrays[0][0]))
        if not (start.is_integer() and step.is_integer() and step):
            return None
        if not all(np.array_equal(a, start + step * np.arange(len(a))) for a in arrays):
            return None
        end = self.dim([int(start + step * len(a)) for a in arrays])
        return None if end is None else {"start": int(start), "end": end, "step": int(step), "dtype": arrays[0].dtype}

    def shape(self, shapes: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
        """The shape that has these lengths in the traces; None if it is not linear or the number of dimensions differs.

        Args:
            shapes: one for each trace.
        """
        if len(set(map(len, shapes))) > 1:
            return None
        found = [self.dim(lengths) for lengths in zip(*shapes)]
        return None if None in found else tuple(n for n in found if n is not None)
