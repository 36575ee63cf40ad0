"""Integrated gradients."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastnet
from fastnet import Tensor
from fastnet.explain.attribution import BaselineAttribution
from fastnet.explain.quadrature import quadrature
from fastnet.explain.samples import Baselines, Inputs, Samples, Target, as_baselines, cut_evenly

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["IntegratedGradients"]


class IntegratedGradients(BaselineAttribution):
    """The gradient, averaged along the line from a baseline b to the input x, times their difference.

    attribution = (x - b) * integral over a from 0 to 1 of df(b + a * (x - b)) / dx

    The attributions of a sample add up to f(x) - f(b). Sundararajan et al. 2017, "Axiomatic Attribution for Deep
    Networks", https://arxiv.org/abs/1703.01365.

    Args:
        forward_func, compile: see `Attribution`.
        multiply_by_inputs: multiply by x - b. If False, the result is the average gradient.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import IntegratedGradients
        >>> x = fastnet.tensor([[1.0, 2.0]])
        >>> method = IntegratedGradients(lambda x: (x ** 3).sum(1))
        >>> attributions, delta = method.attribute(x, n_steps=10, return_convergence_delta=True)
        >>> attributions.round(decimals=4)
        tensor([[1., 8.]])
        >>> bool(delta.abs().max() < 1e-5)
        True
    """

    def attribute(self, inputs: Inputs, baselines: Baselines = None, target: Target = None,
                  additional_forward_args: Any = None, n_steps: int = 50, method: str = "gausslegendre",
                  internal_batch_size: int | None = None, return_convergence_delta: bool = False) -> Any:
        """Compute the attributions.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`.
            baselines: a tensor in the shape of the inputs or of one sample, or a number; in a tuple for several
                inputs. None: zeros.
            n_steps: the number of gradients that the integral is computed from.
            method: "gausslegendre", "riemann_left", "riemann_right", "riemann_middle" or "riemann_trapezoid".
            internal_batch_size: the most rows of one call of the model. None: as many as take about 256 MiB.
            return_convergence_delta: return (attributions, delta), with the error of the sum of each sample, (N,).

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.

        Raises:
            TypeError, ValueError, IndexError: as of `Saliency.attribute`; an unknown method.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        start = as_baselines(self._name, baselines, samples.inputs)
        sums = quadrature(method, n_steps)
        limit = self._network.limit(samples, internal_batch_size)
        parts = [self._average_slopes(samples.rows(i, j), [b[i:j] if len(b) > 1 else b for b in start], sums, limit)
                 for i, j in samples.blocks(limit)]
        found = tuple(fastnet.cat(pieces) for pieces in zip(*parts)) if len(parts) > 1 else parts[0]
        found = self._products(found, samples.inputs, start)
        return self._result(found, start, samples, inputs, return_convergence_delta)

    def _average_slopes(self, samples: Samples, start: list[Tensor], sums: tuple[Array, Array],
                        limit: int) -> tuple[Tensor, ...]:
        """The weighted sum of the gradients along the line, for as many samples as one call takes."""
        rows, totals = len(samples), None
        for i, j in cut_evenly(len(sums[0]), limit // rows):
            places = [fastnet.tensor(sums[0][i:j], dtype=x.dtype).view(-1, *(1,) * x.ndim) for x in samples.inputs]
            points = tuple((b + a * (x - b)).reshape((j - i) * rows, *x.shape[1:])          # (steps * N, ...)
                           for a, x, b in zip(places, samples.inputs, start))
            slopes = self._network.slopes(samples.repeated(j - i, points))
            parts = [_over_steps(g, sums[1][i:j]).view(x.shape) for g, x in zip(slopes, samples.inputs)]
            totals = parts if totals is None else [total + part for total, part in zip(totals, parts)]
        assert totals is not None       # there is at least one step
        return tuple(totals)


def _over_steps(slopes: Tensor, weights: Array) -> Tensor:
    """The sum over the steps of gradients (steps * N, ...), one row."""
    return fastnet.tensor(weights, dtype=slopes.dtype).view(1, -1) @ slopes.reshape(len(weights), -1)
