"""The base class of the methods, with Captum's names."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastnet import Tensor
from fastnet.explain.network import Network
from fastnet.explain.samples import Baselines, Inputs, Samples, Target, as_baselines, as_inputs, in_form

__all__ = ["Attribution", "BaselineAttribution", "row_sums"]


class Attribution:
    """A method that explains a model by a number for each input: base class of the methods of `fastnet.explain`.

    Args:
        forward_func: a Module, or a function that calls one: its outputs are (N, ...) for inputs (N, ...). A Module
            runs in evaluation mode.
        compile: record the calls of the model once for each shape and replay them; with False, each call runs eagerly,
            with the same bits.

    Raises:
        TypeError: forward_func cannot be called.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import Attribution, IntegratedGradients
        >>> method = IntegratedGradients(fastnet.nn.Linear(3, 2))
        >>> isinstance(method, Attribution), method.multiplies_by_inputs, method.has_convergence_delta()
        (True, True, True)
    """

    _floating = True                    # whether the inputs need gradients

    def __init__(self, forward_func: Callable[..., Tensor], *, compile: bool = True) -> None:
        self.forward_func = forward_func
        self._network = Network(forward_func, compile)

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether an attribution is a share of the output, rather than a slope: it then has the output's unit."""
        return False

    def has_convergence_delta(self) -> bool:
        """Whether the sum of the attributions approximates a known number: see `compute_convergence_delta`."""
        return False

    def compute_convergence_delta(self, attributions: Inputs, start_point: Baselines, end_point: Inputs,
                                  target: Target = None, additional_forward_args: Any = None) -> Tensor:
        """Compute the error of the sum of the attributions, sum(attributions) - (f(end_point) - f(start_point)).

        Args:
            attributions: of `attribute`.
            start_point: the baselines.
            end_point: the inputs.
            target, additional_forward_args: as of `attribute`.

        Returns:
            A tensor (N,).
        """
        samples = self._samples(end_point, target, additional_forward_args)
        start = as_baselines(self._name, start_point, samples.inputs)
        parts = attributions if isinstance(attributions, tuple) else (attributions,)
        return self._delta(parts, start, samples)

    def _delta(self, attributions: tuple[Tensor, ...], start: tuple[Tensor, ...], samples: Samples) -> Tensor:
        limit = self._network.limit(samples, gradients=False)
        inputs = tuple(b.expand(x.shape) for b, x in zip(start, samples.inputs))
        begin = self._network.outputs(samples.repeated(1, inputs), limit)
        return row_sums(attributions) - (self._network.outputs(samples, limit) - begin)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _samples(self, inputs: Inputs, target: Target, extra: Any) -> Samples:
        """The checked arguments of `attribute`."""
        return self._network.samples(self._name, as_inputs(self._name, inputs, self._floating), target, extra)


class BaselineAttribution(Attribution):
    """A method whose attributions are slopes times the differences of the inputs from baselines: base class of such.

    Args:
        forward_func, compile: see `Attribution`.
        multiply_by_inputs: multiply by the differences. If False, the result is the slopes.
    """

    def __init__(self, forward_func: Callable[..., Tensor], multiply_by_inputs: bool = True, *,
                 compile: bool = True) -> None:
        super().__init__(forward_func, compile=compile)
        self._multiply_by_inputs = multiply_by_inputs

    @property
    def multiplies_by_inputs(self) -> bool:
        """Whether the result is multiplied by the differences."""
        return self._multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        """True."""
        return True

    def _products(self, slopes: Sequence[Tensor], inputs: Sequence[Tensor], start: Sequence[Tensor]
                  ) -> tuple[Tensor, ...]:
        """The slopes, times the differences unless `multiply_by_inputs` is False."""
        if not self._multiply_by_inputs:
            return tuple(slopes)
        return tuple(g * (x - b) for g, x, b in zip(slopes, inputs, start))

    def _result(self, found: tuple[Tensor, ...], start: tuple[Tensor, ...], samples: Samples, inputs: Inputs,
                with_delta: bool) -> Any:
        """Attributions in the form of the inputs; with their delta, if it is wanted."""
        result = in_form(found, inputs)
        return (result, self._delta(found, start, samples)) if with_delta else result


def row_sums(attributions: tuple[Tensor, ...]) -> Tensor:
    """The sum of the attributions of each row, (N,).

    Args:
        attributions: tensors (N, ...).
    """
    total = attributions[0].reshape(len(attributions[0]), -1).sum(1)
    for more in attributions[1:]:
        total = total + more.reshape(len(more), -1).sum(1)
    return total
