"""DeepLIFT: differences from a baseline, passed back through each operation."""
from __future__ import annotations

import functools
from typing import Any

import fastnet
from fastnet import Tensor
from fastnet.explain.attribution import BaselineAttribution
from fastnet.explain.deep_lift_rules import with_rules
from fastnet.explain.gradient_shap import baseline_samples
from fastnet.explain.samples import Baselines, Inputs, Samples, Target, as_baselines, in_form
from fastnet.explain.tracing import TracedNetwork
from fastnet.nn import Module

__all__ = ["DeepLift", "DeepLiftShap"]


class DeepLift(BaselineAttribution):
    """The differences of the inputs from their baselines, times the slopes of the operations between the two.

    A nonlinear operation on each element, y = s(x), has the slope (s(x) - s(b)) / (x - b) of the rescale rule, where b
    is its argument for the baselines. Max pooling and softmax have rules; linear operations have their gradient. For
    networks of these, the attributions of a sample add up to f(x) - f(b). Products of two inner values, and
    normalizations over features, have their gradient, so that the sum is approximate: `return_convergence_delta` tells
    by how much. Rules belong to the calls of operations, not to modules: one ReLU may be called many times, and
    functions count, too. Shrikumar et al. 2017, "Learning Important Features Through Propagating Activation
    Differences", https://arxiv.org/abs/1704.02685.

    Args:
        model: a Module.
        multiply_by_inputs: multiply by the differences. If False, the result is the slopes.
        eps: differences below it count as zero; an operation's own gradient is then its slope.
        compile: see `Attribution`.

    Raises:
        TypeError: model is not a Module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.explain import DeepLift
        >>> relu = nn.ReLU()
        >>> model = nn.Sequential(nn.Linear(3, 4), relu, nn.Linear(4, 4), relu, nn.Linear(4, 2))
        >>> x = fastnet.tensor([[1.0, -2.0, 3.0]])
        >>> attributions, delta = DeepLift(model).attribute(x, target=1, return_convergence_delta=True)
        >>> attributions.shape, bool(delta.abs().max() < 1e-5)
        ((1, 3), True)
    """

    def __init__(self, model: Module, multiply_by_inputs: bool = True, eps: float = 1e-10, *,
                 compile: bool = True) -> None:
        super().__init__(model, multiply_by_inputs, compile=compile)
        self._network = TracedNetwork(model, functools.partial(with_rules, eps=eps), compile)

    def attribute(self, inputs: Inputs, baselines: Baselines = None, target: Target = None,
                  additional_forward_args: Any = None, return_convergence_delta: bool = False) -> Any:
        """Compute the attributions.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`.
            baselines: see `IntegratedGradients.attribute`.
            return_convergence_delta: return (attributions, delta), with the error of the sum of each sample, (N,).

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.

        Raises:
            TypeError, ValueError, IndexError: as of `Saliency.attribute`.
            RuntimeError: the model cannot be traced: see `fastnet.graph.trace`.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        start = as_baselines(self._name, baselines, samples.inputs)
        return self._result(self._pairwise(samples, start), start, samples, inputs, return_convergence_delta)

    def _pairwise(self, samples: Samples, start: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The attributions of rows with their baselines."""
        parts = []
        for i, j in samples.blocks(max(1, self._network.limit(samples) // 2)):
            rows = samples.rows(i, j)
            firsts = [(b[i:j] if len(b) > 1 else b).expand(x.shape) for b, x in zip(start, rows.inputs)]
            pairs = rows.repeated(2, tuple(fastnet.cat([x, b]) for x, b in zip(rows.inputs, firsts)))
            slopes = [g[:j - i] for g in self._network.slopes(pairs)]
            parts.append(self._products(slopes, rows.inputs, firsts))
        return tuple(fastnet.cat(pieces) if len(pieces) > 1 else pieces[0] for pieces in zip(*parts))


class DeepLiftShap(DeepLift):
    """The mean of `DeepLift` over several baselines, which approximates SHAP values.

    Lundberg and Lee 2017, "A Unified Approach to Interpreting Model Predictions", https://arxiv.org/abs/1705.07874.

    Args:
        model, multiply_by_inputs, eps, compile: see `DeepLift`.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.explain import DeepLiftShap
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> DeepLiftShap(model).attribute(fastnet.ones(1, 3), fastnet.randn(5, 3), target=0).shape
        (1, 3)
    """

    def attribute(self, inputs: Inputs, baselines: Any, target: Target = None,         # type: ignore[override]
                  additional_forward_args: Any = None, return_convergence_delta: bool = False) -> Any:
        """Compute the attributions.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`.
            baselines: see `GradientShap.attribute`.
            return_convergence_delta: return (attributions, delta), with the error of each pair, (N * baselines,).

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        known, rows = baseline_samples(self._name, baselines, inputs, samples.inputs), len(samples)
        count = len(known[0])
        pairs, start = samples.interleaved(count), Samples(known).repeated(rows).inputs
        found = self._pairwise(pairs, start)
        result = in_form([part.view(rows, count, *part.shape[1:]).mean(1) for part in found], inputs)
        return (result, self._delta(found, start, pairs)) if return_convergence_delta else result
