"""Gradients of the output with respect to the inputs: Saliency, InputXGradient."""
from __future__ import annotations

from typing import Any

from fastnet.explain.attribution import Attribution
from fastnet.explain.samples import Inputs, Target, in_form

__all__ = ["InputXGradient", "Saliency"]


class Saliency(Attribution):
    """The gradient of the output with respect to each input, |df(x) / dx|.

    It tells how much the output changes with a small change of the input. Simonyan et al. 2013, "Deep Inside
    Convolutional Networks", https://arxiv.org/abs/1312.6034.

    Args:
        forward_func, compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import Saliency
        >>> x = fastnet.tensor([[1.0, 2.0]])
        >>> Saliency(lambda x: x * fastnet.tensor([3.0, -4.0]), compile=False).attribute(x, target=1)
        tensor([[0., 4.]])
    """

    def attribute(self, inputs: Inputs, target: Target = None, abs: bool = True,
                  additional_forward_args: Any = None) -> Any:
        """Compute the gradients.

        Args:
            inputs: a floating-point tensor (N, ...), or a tuple of them.
            target: the output to explain: an integer for outputs (N, C), a tuple for more dimensions, or a tensor or
                list with one for each sample; None if there is one output for each sample.
            abs: return absolute values.
            additional_forward_args: further arguments of the model: one, or a tuple of them. Tensors whose first
                dimension is N are split with the inputs.

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.

        Raises:
            TypeError: an input is not a floating-point tensor.
            ValueError: a target is missing, or the arguments differ in the number of samples.
            IndexError: a target is out of range.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        slopes = self._network.slopes(samples, self._network.limit(samples))
        return in_form([g.abs() if abs else g for g in slopes], inputs)


class InputXGradient(Attribution):
    """The gradient of the output with respect to each input, times the input: x * df(x) / dx.

    For a network of linear maps and ReLU without biases, the attributions of a sample add up to the output. Shrikumar
    et al. 2016, "Not Just a Black Box", https://arxiv.org/abs/1605.01713.

    Args:
        forward_func, compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import InputXGradient
        >>> model = fastnet.nn.Linear(2, 1, bias=False)
        >>> _ = fastnet.nn.init.constant_(model.weight, 3.0)
        >>> InputXGradient(model).attribute(fastnet.tensor([[1.0, 2.0]]))
        tensor([[3., 6.]])
    """

    @property
    def multiplies_by_inputs(self) -> bool:
        """True."""
        return True

    def attribute(self, inputs: Inputs, target: Target = None, additional_forward_args: Any = None) -> Any:
        """Compute the products. Arguments, result and errors are those of `Saliency.attribute`."""
        samples = self._samples(inputs, target, additional_forward_args)
        slopes = self._network.slopes(samples, self._network.limit(samples))
        return in_form([g * x for g, x in zip(slopes, samples.inputs)], inputs)
