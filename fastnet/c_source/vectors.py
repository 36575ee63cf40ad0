"""Inputs of the self-test and the model's outputs for them."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.nn.evaluation import evaluating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array
    from fastnet.nn.module import Module

__all__ = ["converted_vectors", "test_vectors"]

_MOST_TESTED = 100_000                # of the inputs of all tests


def test_vectors(model: Module, example: tuple[Any, ...], count: int) -> tuple[list[list[Array]], list[list[Array]]]:
    """The example's inputs and random ones like them, and the model's outputs: the arrays of each test.

    Args:
        model: the model, run in evaluation mode.
        example: its arguments.
        count: of tests; fewer if their inputs are large.
    """
    draw, first = np.random.default_rng(0), _tensors_of(example)
    count = min(count, max(1, _MOST_TESTED // max(sum(x.numel() for x in first), 1)))
    inputs, outputs = [], []
    with evaluating(model), no_grad():
        for i in range(count):
            arrays = [x.numpy() if i == 0 else _random_like(x.numpy(), draw) for x in first]
            given = _with_other_arrays(example, iter(arrays))
            outputs.append([np.array(y.numpy()) for y in _tensors_of(model(*given))])
            inputs.append([np.array(x.numpy()) for x in _tensors_of(given)])
    return inputs, outputs


def converted_vectors(tests: list[list[Array]], scales: Sequence[Any]) -> list[list[Array]]:
    """The arrays of each test as 8-bit integers.

    Args:
        tests: the arrays.
        scales: a `Scale` for each array of a test.
    """
    return [[scale.quantized(x) for x, scale in zip(test, scales, strict=True)] for test in tests]


def _random_like(x: Array, draw: np.random.Generator) -> Array:
    if x.dtype.kind == "f":
        return np.asarray(draw.standard_normal(x.shape), x.dtype)
    return draw.integers(x.min(), x.max(), x.shape, endpoint=True).astype(x.dtype) if x.size else x


def _tensors_of(x: Any) -> list[Any]:
    """The tensors in nested lists, tuples and dictionaries."""
    if isinstance(x, Tensor):
        return [x]
    parts = x if isinstance(x, list | tuple) else x.values() if isinstance(x, dict) else ()
    return [tensor for part in parts for tensor in _tensors_of(part)]


def _with_other_arrays(x: Any, arrays: Iterator[Array]) -> Any:
    """A structure with its tensors replaced by others."""
    if isinstance(x, Tensor):
        return from_numpy(next(arrays))
    if isinstance(x, dict):
        return {key: _with_other_arrays(part, arrays) for key, part in x.items()}
    return type(x)(_with_other_arrays(part, arrays) for part in x) if type(x) in (list, tuple) else x
