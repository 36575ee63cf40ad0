"""Random numbers, from fastnet's generator; the bits differ from ONNX Runtime's.

A node with a `seed` has a separate generator (`Node.generator`), so the first runs of a loaded file draw the same
numbers each time that it is loaded.
"""
from __future__ import annotations

from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.forms import DataType
from fastnet.onnx.operators.casting import converted, wanted_dtype
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.registry import Node, operator


def normal_of(node: Node, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Normal numbers by the attributes `mean` and `scale`.

    Args:
        node: of the operator.
        shape, dtype: of the result.
    """
    numbers = fastnet.randn(checked_sizes(shape, dtype), generator=node.generator)
    return converted(numbers * node.attribute("scale", 1.0) + node.attribute("mean", 0.0), dtype)


def uniform_of(node: Node, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Uniform numbers between the attributes `low` and `high`.

    Args:
        node: of the operator.
        shape, dtype: of the result.
    """
    low, high = node.attribute("low", 0.0), node.attribute("high", 1.0)
    numbers = fastnet.rand(checked_sizes(shape, dtype), generator=node.generator)
    return converted(numbers * (high - low) + low, dtype)


@operator("RandomNormal", random=True)
def random_normal(node: Node) -> Any:
    """Normal numbers."""
    return normal_of(node, tuple(node.attribute("shape")), wanted_dtype(node, "dtype", DataType.FLOAT))


@operator("RandomUniform", random=True)
def random_uniform(node: Node) -> Any:
    """Uniform numbers."""
    return uniform_of(node, tuple(node.attribute("shape")), wanted_dtype(node, "dtype", DataType.FLOAT))


def dtype_like(node: Node, x: Any) -> np.dtype[Any]:
    """The dtype that a node names, or that of its input.

    Args:
        node: of a random operator.
        x: its input.
    """
    return x.dtype if node.attribute("dtype") is None else wanted_dtype(node, "dtype")


@operator("RandomNormalLike", random=True)
def random_normal_like(node: Node, x: Any) -> Any:
    """Normal numbers in the shape of x."""
    return normal_of(node, tuple(x.shape), dtype_like(node, x))


@operator("RandomUniformLike", random=True)
def random_uniform_like(node: Node, x: Any) -> Any:
    """Uniform numbers in the shape of x."""
    return uniform_of(node, tuple(x.shape), dtype_like(node, x))


@operator("Bernoulli", random=True)
def bernoulli(node: Node, x: Tensor) -> Any:
    """1 with the probability that each element states, else 0."""
    return converted(fastnet.rand(tuple(x.shape), generator=node.generator) < x, dtype_like(node, x))


@operator("Multinomial", random=True)
def multinomial(node: Node, x: Tensor) -> Any:
    """Indices (N, samples), drawn by unnormalized log probabilities (N, classes)."""
    _, count = checked_sizes([x.shape[0], node.attribute("sample_size", 1)], np.dtype(np.int64))
    drawn = fastnet.multinomial(fastnet.softmax(x, 1), count, True, generator=node.generator)
    return converted(drawn, wanted_dtype(node, "dtype", DataType.INT32))
