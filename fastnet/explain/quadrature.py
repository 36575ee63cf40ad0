"""Weights and places of sums that approximate the integral over [0, 1]."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import one_of, whole_number

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["METHODS", "quadrature"]

METHODS = "gausslegendre", "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid"


def quadrature(method: str, n_steps: int) -> tuple[Array, Array]:
    """The places and the weights of a sum that approximates an integral over [0, 1].

    Args:
        method: one of `METHODS`.
        n_steps: the number of places.

    Returns:
        Two arrays (n_steps,) of float64.

    Raises:
        TypeError: n_steps is not a whole number.
        ValueError: an unknown method; fewer than one step, or than two for a Riemann sum.

    Example:
        >>> from fastnet.explain.quadrature import quadrature
        >>> quadrature("riemann_middle", 2)
        (array([0.25, 0.75]), array([0.5, 0.5]))
    """
    if method not in METHODS:
        raise one_of("method", method, METHODS)
    least = 1 if method == "gausslegendre" else 2
    if whole_number("n_steps", n_steps, None) < least:
        raise ValueError(f"expected n_steps of at least {least} for {method}, got {n_steps}")
    if method == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(n_steps)
        return 0.5 * (1 + places), 0.5 * weights
    weights, step = np.full(n_steps, 1 / n_steps), 1 / n_steps
    if method == "riemann_trapezoid":
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, n_steps), weights
    first = {"riemann_left": 0, "riemann_right": step, "riemann_middle": step / 2}[method]
    return np.linspace(first, first + 1 - step, n_steps), weights
