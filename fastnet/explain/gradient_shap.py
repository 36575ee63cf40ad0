"""GradientShap: expected gradients."""
from __future__ import annotations

import inspect
from typing import Any

import fastnet
from fastnet import Generator, Tensor
from fastnet._core.errors import shape_text, whole_number
from fastnet.explain.attribution import BaselineAttribution
from fastnet.explain.noise import noisy
from fastnet.explain.samples import Inputs, Target, in_form

__all__ = ["GradientShap", "baseline_samples"]


class GradientShap(BaselineAttribution):
    """The gradient at random points between random baselines and the input, times their difference; its expectation.

    It approximates SHAP values by expected gradients: Lundberg and Lee 2017, https://arxiv.org/abs/1705.07874, and
    Erion et al. 2019, https://arxiv.org/abs/1906.10670.

    Args:
        forward_func, compile: see `Attribution`.
        multiply_by_inputs: multiply by the difference of the input and the baseline.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import GradientShap
        >>> method = GradientShap(lambda x: (x * fastnet.tensor([2.0, 3.0])).sum(1), compile=False)
        >>> method.attribute(fastnet.tensor([[1.0, 2.0]]), baselines=fastnet.zeros(4, 2))
        tensor([[2., 6.]])
    """

    def attribute(self, inputs: Inputs, baselines: Any, n_samples: int = 5, stdevs: float | tuple[float, ...] = 0.0,
                  target: Target = None, additional_forward_args: Any = None, return_convergence_delta: bool = False, *,
                  seed: int = 0) -> Any:
        """Compute the attributions.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`.
            baselines: a tensor with any number of samples, in a tuple for several inputs; or a function, with or
                without the inputs as arguments, that returns them.
            n_samples: random points for each sample.
            stdevs: the standard deviation of normal noise that is added to the inputs.
            return_convergence_delta: return (attributions, delta), with the error of each point, (N * n_samples,):
                point k of sample r is at r * n_samples + k.
            seed: of the points, baselines and noise.

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.

        Raises:
            TypeError, ValueError, IndexError: as of `Saliency.attribute`; the baselines do not fit the inputs.
        """
        samples, generator = self._samples(inputs, target, additional_forward_args), Generator(seed)
        whole_number("n_samples", n_samples, 1)
        known, rows = baseline_samples(self._name, baselines, inputs, samples.inputs), len(samples)
        points = samples.interleaved(n_samples, noisy(self._name, samples.inputs, n_samples, stdevs, generator))
        count = rows * n_samples
        start = tuple(b[fastnet.randint(0, len(b), (count,), generator=generator)] for b in known)
        share = fastnet.rand(count, generator=generator)
        between = tuple(_mixed(share, x, b) for x, b in zip(points.inputs, start))
        slopes = self._network.slopes(points.repeated(1, between), self._network.limit(samples))
        found = self._products(slopes, points.inputs, start)
        result = in_form([part.view(rows, n_samples, *part.shape[1:]).mean(1) for part in found], inputs)
        return (result, self._delta(found, start, points)) if return_convergence_delta else result


def _mixed(share: Tensor, x: Tensor, b: Tensor) -> Tensor:
    a = share.to(x.dtype).view(-1, *(1,) * (x.ndim - 1))
    return a * x + (1.0 - a) * b


def baseline_samples(name: str, baselines: Any, given: Inputs, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The samples of baselines, a tensor (any number, ...) for each input.

    Args:
        name: of the method, for errors.
        baselines: a tensor, a tuple of tensors, or a function that returns them.
        given: the inputs as they were given, which such a function may take.
        inputs: the checked inputs.

    Raises:
        TypeError: no tensors.
        ValueError: another shape than that of the inputs, or no samples.
    """
    if callable(baselines) and not isinstance(baselines, Tensor):
        baselines = baselines(given) if inspect.signature(baselines).parameters else baselines()
    listed = baselines if isinstance(baselines, tuple) else (baselines,)
    if len(listed) != len(inputs) or not all(isinstance(b, Tensor) for b in listed):
        raise TypeError(f"{name}: expected baselines to be a tensor of samples for each of {len(inputs)} inputs")
    for b, x in zip(listed, inputs):
        if not b.ndim or not len(b) or b.shape[1:] != x.shape[1:]:
            raise ValueError(f"{name}: expected baselines of shape {shape_text(('any number', *x.shape[1:]))}, got "
                             f"{shape_text(b)}")
    return tuple(b.detach().to(x.dtype) for b, x in zip(listed, inputs))

