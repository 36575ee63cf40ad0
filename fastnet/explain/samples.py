"""The arguments of an explanation, checked: inputs, baselines, targets and further arguments of the model."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet._core.errors import given_text, shape_text
from fastnet._core.shapes import ceil_div

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["Baselines", "Inputs", "Samples", "Target", "as_baselines", "as_inputs", "cut_evenly", "in_form",
           "per_input", "target_index"]

Inputs: TypeAlias = "Tensor | tuple[Tensor, ...]"
Baselines: TypeAlias = "Tensor | float | tuple[Tensor | float, ...] | None"
Target: TypeAlias = "int | tuple[int, ...] | Tensor | Sequence[int] | Sequence[tuple[int, ...]] | None"


@dataclass(frozen=True)
class Samples:
    """Rows of inputs with what belongs to each row.

    Attributes:
        inputs: tensors (N, ...) without gradients.
        extra: further arguments of the model. A tensor whose first dimension is N has an entry for each row.
        index: int64 (N, 1), the position of each row's target among the outputs of a row; None: the only output.
    """

    inputs: tuple[Tensor, ...]
    extra: tuple[Any, ...] = ()
    index: Tensor | None = None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def rows(self, start: int, stop: int) -> Samples:
        """The rows from `start` to before `stop`."""
        return self._mapped(lambda x: x[start:stop])

    def repeated(self, count: int, inputs: tuple[Tensor, ...] | None = None) -> Samples:
        """All rows, then all rows again, `count` times: row r of repetition k is k * N + r.

        Args:
            count: the number of repetitions.
            inputs: (count * N, ...), other inputs in place of the repeated ones.
        """
        return self._mapped(lambda x: x.repeat(count, *(1,) * (x.ndim - 1)), inputs)

    def interleaved(self, count: int, inputs: tuple[Tensor, ...] | None = None) -> Samples:
        """Each row `count` times: repetition k of row r is r * count + k. Arguments are those of `repeated`."""
        return self._mapped(lambda x: x.repeat_interleave(count, 0), inputs)

    def _mapped(self, change: Callable[[Tensor], Tensor], inputs: tuple[Tensor, ...] | None = None) -> Samples:
        rows = len(self)
        extra = tuple(change(x) if isinstance(x, Tensor) and x.ndim and len(x) == rows else x for x in self.extra)
        return replace(self, inputs=tuple(map(change, self.inputs)) if inputs is None else inputs, extra=extra,
                       index=None if self.index is None else change(self.index))

    def blocks(self, limit: int) -> list[tuple[int, int]]:
        """(start, stop) of blocks of at most `limit` rows, of equal length except for one row."""
        return cut_evenly(len(self), limit)


def cut_evenly(count: int, limit: int) -> list[tuple[int, int]]:
    """Ranges (start, stop) of at most `limit` each that cover range(count), with two lengths at most.

    Args:
        count: how many there are.
        limit: the most of a range.

    Example:
        >>> from fastnet.explain.samples import cut_evenly
        >>> cut_evenly(10, 4)
        [(0, 4), (4, 7), (7, 10)]
    """
    parts = ceil_div(count, max(1, limit))
    ends = [ceil_div(count * k, parts) for k in range(parts + 1)]
    return list(itertools.pairwise(ends))


def as_inputs(name: str, inputs: Inputs, floating: bool = True) -> tuple[Tensor, ...]:
    """The inputs as a tuple of tensors without gradients.

    Args:
        name: of the method, for errors.
        inputs: a tensor, or a tuple of tensors with the same first dimension.
        floating: whether gradients are asked for.

    Raises:
        TypeError: an input is not a tensor, or has integers where gradients are asked for.
        ValueError: there are no inputs or no samples, or the inputs differ in their first dimension.
    """
    listed = inputs if isinstance(inputs, tuple) else (inputs,)
    if not listed:
        raise ValueError(f"{name}: expected at least one input, got an empty tuple")
    for i, x in enumerate(listed):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: expected inputs to be a tensor or a tuple of tensors, got {given_text(x)} at "
                            f"position {i}; fastnet.from_numpy converts an array")
        if not x.ndim or not len(x):
            raise ValueError(f"{name}: expected inputs (N, ...) with at least one sample, got shape {shape_text(x)}")
        if len(x) != len(listed[0]):
            raise ValueError(f"{name}: expected inputs with the same number of samples, got shapes "
                             f"{', '.join(map(shape_text, listed))}")
        if floating and not x.is_floating_point():
            raise TypeError(f"{name}: expected inputs of floating-point numbers, which have gradients, got {x.dtype}; "
                            "for token ids, explain the output of the embedding, or use FeatureAblation")
    return tuple(x.detach() for x in listed)


def in_form(values: Sequence[Any], like: Any) -> Any:
    """Results for inputs: a tuple if the inputs were one, else the only result.

    Args:
        values: one for each input.
        like: the inputs as they were given.
    """
    return tuple(values) if isinstance(like, tuple) else values[0]


def per_input(name: str, what: str, given: Any, inputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """An argument that is one value for all inputs, or a tuple with one for each.

    Args:
        name: of the method, for errors.
        what: the argument's name.
        given: its value.
        inputs: the inputs.

    Raises:
        ValueError: a tuple of another length.
    """
    listed = given if isinstance(given, tuple) else (given,) * len(inputs)
    if len(listed) != len(inputs):
        raise ValueError(f"{name}: expected {what} to be a tuple of {len(inputs)}, one for each input, got "
                         f"{len(listed)}")
    return listed


def as_baselines(name: str, baselines: Baselines, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The baselines as tensors of the inputs' dtypes, of shape (1, ...) or (N, ...).

    Args:
        name: of the method, for errors.
        baselines: a tensor or number, or a tuple with one for each input; None: zeros.
        inputs: the checked inputs.

    Raises:
        TypeError: a baseline is neither a tensor nor a number.
        ValueError: a baseline has another shape than its input, or is not finite.
    """
    found = []
    for x, given in zip(inputs, per_input(name, "baselines", baselines, inputs)):
        if isinstance(given, Tensor):
            if given.shape[1:] != x.shape[1:] or given.ndim != x.ndim or len(given) not in (1, len(x)):
                raise ValueError(f"{name}: expected a baseline of shape {shape_text(x)}, or of one sample, got "
                                 f"{shape_text(given)}")
            found.append(given.detach().to(x.dtype))
        elif given is None or isinstance(given, int | float):
            found.append(fastnet.full((1, *x.shape[1:]), 0 if given is None else given, dtype=x.dtype))
        else:
            raise TypeError(f"{name}: expected baselines to be tensors or numbers, got {given_text(given)}")
        if not np.isfinite(found[-1].numpy()).all():
            raise ValueError(f"{name}: expected finite baselines, got NaN or infinite values")
    return tuple(found)


def target_index(name: str, target: Target, output: Shape, rows: int) -> Tensor | None:
    """The position of each row's target among the outputs of a row, int64 (N, 1); None for the only output.

    Args:
        name: of the method, for errors.
        target: an integer for outputs (N, C), a tuple of integers for more dimensions; or a tensor or list with one
            for each row.
        output: the shape of the output of one row, without the first dimension.
        rows: N.

    Raises:
        TypeError: target is of another type.
        ValueError: the model has several outputs and no target is given; a target for each of another number of rows.
        IndexError: a target out of range.
    """
    if target is None:
        if np.prod(output, dtype=np.int64) != 1:
            raise ValueError(f"{name}: expected a target, since the model has outputs of shape "
                             f"{('N', *output)}: an integer from 0 to {output[0] - 1}"
                             f"{', or a tuple of integers' if len(output) > 1 else ''}".replace("'", ""))
        return None
    places = _target_places(name, target, rows)                                    # (1 or N, dimensions)
    if places.shape[1] != len(output):
        expected = "one integer" if len(output) == 1 else f"{len(output)} integers"
        raise ValueError(f"{name}: expected a target of {expected}, for the outputs {('N', *output)} of the model, got "
                         f"{places.shape[1]}".replace("'", ""))
    for axis, size in enumerate(output):
        wrong = places[(places[:, axis] < 0) | (places[:, axis] >= size), axis]
        if len(wrong):
            raise IndexError(f"{name}: expected a target from 0 to {size - 1}, since the model has {size} outputs"
                             f"{f' in dimension {axis + 1}' if len(output) > 1 else ''}, got {wrong[0]}")
    flat = np.ravel_multi_index(tuple(places.T), output) if len(output) else np.zeros(len(places), np.int64)
    return fastnet.from_numpy(np.ascontiguousarray(np.broadcast_to(flat.astype(np.int64)[:, None], (rows, 1))))


def _target_places(name: str, target: Any, rows: int) -> Array:
    """The target as integers (1, dimensions) for all rows, or (N, dimensions)."""
    single = isinstance(target, tuple | int | np.integer) and not isinstance(target, bool)
    listed = target.numpy() if isinstance(target, Tensor) else target
    if not (single or isinstance(listed, list | np.ndarray)):
        raise TypeError(f"{name}: expected target to be an integer, a tuple, a tensor or a list, got "
                        f"{given_text(target)}")
    places = np.asarray(listed)
    if places.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected target to hold integers, got {places.dtype}")
    if single:
        return places.reshape(1, -1)
    if places.size == 1:
        return places.reshape(1, 1)
    if len(places) != rows:
        raise ValueError(f"{name}: expected a target for each of {rows} samples, got {len(places)}")
    return places.reshape(rows, -1)
