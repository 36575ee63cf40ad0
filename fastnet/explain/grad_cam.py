"""Grad-CAM: the units of a layer, weighted by the gradients of its channels."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import fastnet
from fastnet import Tensor
from fastnet._core.errors import given_text
from fastnet.explain.attribution import Attribution
from fastnet.explain.guided import GuidedBackprop
from fastnet.explain.network import select
from fastnet.explain.samples import Inputs, Target, in_form
from fastnet.explain.tracing import TracedNetwork
from fastnet.graph import Graph
from fastnet.nn import Module
from fastnet.nn.functional import interpolate

__all__ = ["GuidedGradCam", "LayerGradCam"]


class LayerGradCam(Attribution):
    """Where a layer of a convolutional network supports an output: its units times the mean gradient of their channel.

    For a layer of outputs A (N, C, H, W), the attribution at (n, 0, h, w) is the sum over c of A[n, c, h, w] times the
    mean over all positions of d output / d A[n, c]. Only the part of the network above the layer is differentiated.
    Selvaraju et al. 2016, "Grad-CAM", https://arxiv.org/abs/1610.02391.

    Args:
        forward_func: a Module.
        layer: one of its modules, which it calls once.
        compile: see `Attribution`.

    Raises:
        TypeError: forward_func is not a Module.
        ValueError: layer is not a part of it.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.explain import LayerGradCam
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> LayerGradCam(model, model[0]).attribute(fastnet.ones(1, 1, 8, 8), target=1).shape
        (1, 1, 6, 6)
    """

    def __init__(self, forward_func: Module, layer: Module, *, compile: bool = True) -> None:
        super().__init__(forward_func, compile=compile)
        self.layer = layer
        self._networks = {
            side: TracedNetwork(forward_func, _watching(forward_func, layer, side), compile, _layer_slopes)
            for side in ("inputs", "outputs")}
        self._network = self._networks["outputs"]

    def attribute(self, inputs: Inputs, target: Target = None, additional_forward_args: Any = None,
                  attribute_to_layer_input: bool = False, relu_attributions: bool = False,
                  attr_dim_summation: bool = True) -> Any:
        """Compute the attributions.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`.
            attribute_to_layer_input: explain by the layer's input instead of its output.
            relu_attributions: replace negative attributions by 0.
            attr_dim_summation: sum over the channels. If False, the result has the shape of the layer's output.

        Returns:
            A tensor (N, 1, ...) with the spatial dimensions of the layer; a tuple if the layer has several.

        Raises:
            TypeError, ValueError, IndexError: as of `Saliency.attribute`.
            RuntimeError: the model does not call the layer exactly once, or cannot be traced.
        """
        samples = self._samples(inputs, target, additional_forward_args)
        network = self._networks["inputs" if attribute_to_layer_input else "outputs"]
        found = network.slopes(samples, network.limit(samples))
        half = len(found) // 2
        maps = [_map(value, slope, attr_dim_summation) for value, slope in zip(found[:half], found[half:])]
        maps = [fastnet.relu(x) for x in maps] if relu_attributions else maps
        return tuple(maps) if len(maps) > 1 else maps[0]

    @staticmethod
    def interpolate(layer_attribution: Tensor, interpolate_dims: int | Sequence[int],
                    interpolate_mode: str = "nearest") -> Tensor:
        """Resize attributions of a layer to the size of the inputs.

        Args:
            layer_attribution: (N, C, ...).
            interpolate_dims: the size of the dimensions after the second.
            interpolate_mode: see `fastnet.nn.functional.interpolate`.

        Returns:
            A tensor (N, C, *interpolate_dims).
        """
        size = (interpolate_dims,) if isinstance(interpolate_dims, int) else tuple(interpolate_dims)
        return interpolate(layer_attribution, size=size, mode=interpolate_mode)


def _map(value: Tensor, slope: Tensor, summed: bool) -> Tensor:
    weight = slope.mean(tuple(range(2, slope.ndim)), keepdim=True) if slope.ndim > 2 else slope
    return (weight * value).sum(1, keepdim=True) if summed else weight * value


def _watching(model: Module, layer: Module, side: str) -> Callable[[Graph], Graph]:
    """A change of a graph that returns the layer's values before the output."""
    paths = [path for path, module in model.named_modules() if module is layer] if isinstance(model, Module) else [""]
    if not paths:
        given = f"another {type(layer).__name__}" if isinstance(layer, Module) else given_text(layer)
        raise ValueError(f"LayerGradCam: expected a layer of the model, such as model.layer4, got {given}")

    def change(graph: Graph) -> Graph:
        calls = [call for call in graph.calls if call.path == paths[0]]
        if len(calls) != 1:
            raise RuntimeError(f"LayerGradCam: expected the model to call the layer {paths[0]!r} once, got "
                               f"{len(calls)} calls")
        return dataclasses.replace(graph, outputs=(*getattr(calls[0], side), *graph.outputs))
    return change


def _layer_slopes(forward: Callable[..., Any]) -> Callable[..., Any]:
    def slopes(inputs: tuple[Tensor, ...], index: Tensor | None, extra: tuple[Any, ...]) -> tuple[Tensor, ...]:
        with fastnet.enable_grad():
            *values, output = forward(*(x.detach().requires_grad_() for x in inputs), *extra)
            found = fastnet.grad(select(output, index).sum(), values, materialize_grads=True)
        return (*(value.detach() for value in values), *found)
    return slopes


class GuidedGradCam(Attribution):
    """`GuidedBackprop` times `LayerGradCam`, resized to the inputs.

    Args:
        model: a Module.
        layer: one of its modules, which it calls once.
        compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.explain import GuidedGradCam
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> GuidedGradCam(model, model[0]).attribute(fastnet.ones(1, 1, 8, 8), target=1).shape
        (1, 1, 8, 8)
    """

    def __init__(self, model: Module, layer: Module, *, compile: bool = True) -> None:
        super().__init__(model, compile=compile)
        self.grad_cam = LayerGradCam(model, layer, compile=compile)
        self.guided_backprop = GuidedBackprop(model, compile=compile)

    def attribute(self, inputs: Inputs, target: Target = None, additional_forward_args: Any = None,
                  interpolate_mode: str = "nearest", attribute_to_layer_input: bool = False) -> Any:
        """Compute the products.

        Args:
            inputs, target, additional_forward_args: see `Saliency.attribute`.
            interpolate_mode: see `LayerGradCam.interpolate`.
            attribute_to_layer_input: see `LayerGradCam.attribute`.

        Returns:
            Tensors in the shapes of the inputs, in a tuple if the inputs are one.
        """
        maps = self.grad_cam.attribute(inputs, target, additional_forward_args, attribute_to_layer_input, True)
        found = self.guided_backprop.attribute(inputs, target, additional_forward_args)
        listed = found if isinstance(found, tuple) else (found,)
        return in_form([x * LayerGradCam.interpolate(maps, x.shape[2:], interpolate_mode) for x in listed], inputs)
