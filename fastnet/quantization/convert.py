"""Prepared models converted to integers."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from fastnet._core.construction import tensor
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.graph.dimension import mapped
from fastnet.nn import qat, quantized
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.quantization.encoding import ArrayOf, MemberOf, ValueOf, decoded, encoded
from fastnet.quantization.steps import Step, StepModel

__all__ = ["QParams", "convert"]


_LEAST_SCALE_KEPT = 1e-9                # of a learned scale; observers choose larger ones


class QParams(NamedTuple):
    """The scale and the zero point of a value."""

    scale: float
    zero_point: int


def convert(model: Module) -> Any:
    """The integer model of a model that `prepare_qat` or `fastnet.quantize` has prepared.

    Its results are those of the prepared model in evaluation mode up to the rounding of single integers: sums are
    exact, and biases are integers.

    Args:
        model: the prepared model; it is unchanged.

    Returns:
        A model in evaluation mode, which `save` writes with its architecture.

    Raises:
        TypeError: the model is not prepared.
        ValueError: a scale has never been set, or values were not finite.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.quantization import convert, prepare_qat
        >>> x = fastnet.linspace(-1.0, 1.0, 30).reshape(10, 3)
        >>> prepared = prepare_qat(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), x, faster_only=False)
        >>> _ = prepared(x)                     # training steps go here
        >>> model = convert(prepared)
        >>> [step.module for step in model.steps]
        ['input_int8', '0', '2', 'linear_2_float']
    """
    if not isinstance(model, StepModel):
        raise TypeError(f"convert: expected a model that prepare_qat has made, got {type(model).__name__}")
    return Converter(model).run()


class Converter:
    """Makes the steps of an integer model from those of a prepared one.

    Args:
        model: the prepared model.
    """

    def __init__(self, model: StepModel) -> None:
        self.model = model
        self.steps: list[dict[str, Any]] = []
        self.members: dict[str, Any] = {}
        self.qparams: dict[str, QParams] = {}           # of the int8 values, by name
        self.floats: dict[str, str] = {}                # of int8 values: the name of their float32 form

    def run(self) -> StepModel:
        """The integer model."""
        for step in self.model.steps:
            self._add(step)
        described = self.model.description
        outputs = [self.float_name(name) for name in described["outputs"]]
        program = {"inputs": described["inputs"], "outputs": outputs, "steps": self.steps, "notes": described["notes"]}
        made: StepModel = StepModel.assembled(program, self.members)
        return made.eval()

    def float_name(self, name: str) -> str:
        """The name of a value as float32."""
        if name not in self.qparams:
            return name
        if name not in self.floats:
            self.floats[name] = f"{name}_float"
            self.add_module(self.floats[name], self.floats[name], quantized.DeQuantize(*self.qparams[name]), [name])
        return self.floats[name]

    def qparams_of(self, path: str) -> QParams:
        """The scale and the zero point of a FakeQuantize."""
        module: Any = self.model.get_submodule(path)
        low, high = (float(x.item()) for x in module.activation_post_process.range())
        if low > high:
            raise ValueError(f"convert: the observer at {path!r} has seen no values; call the prepared model on data, "
                             "in training mode, first")
        if not math.isfinite(low + high):
            raise ValueError(f"convert: expected finite values at the observer {path!r}, got a range of {low} to "
                             f"{high}")
        return QParams(max(float(module.scale.item()), _LEAST_SCALE_KEPT), int(module.zero_point.item()))

    def add_module(self, out: str, path: str, module: Module, inputs: list[str]) -> None:
        """Add a step that calls a module."""
        self.members[path] = module
        self.steps.append({"out": out, "module": path, "inputs": inputs})

    def _add(self, step: Step) -> None:
        if step.module:
            names = [x.name for x in step.positional]
            module: Any = self.model.get_submodule(step.module)
            if isinstance(module, qat.FakeQuantize):
                self.qparams[step.out] = self.qparams_of(step.module)
                self.add_module(step.out, step.out, quantized.Quantize(*self.qparams[step.out]),
                                [self.float_name(name) for name in names])
                return
            result = self.qparams_of(step.quantize)
            lowered = LOWERED[type(module)](module, [self.qparams[name] for name in names], result)
            self.add_module(step.out, step.module, lowered, names)
            self.qparams[step.out] = result
        elif step.entry.get("int8"):
            self._add_int8_operation(step)
        else:
            self._add_operation(step, step.entry["op"], step.entry["arguments"], self.float_name)

    def _add_int8_operation(self, step: Step) -> None:
        arguments = dict(step.entry["arguments"])
        first = decoded(next(iter(arguments.values()))).name
        self.qparams[step.out] = self.qparams[first]
        name = step.entry["op"]
        if name == "max_pool":
            name, arguments = "quantized_max_pool", {key: arguments[key] for key in ("x", "windows")}
        elif name == "avg_pool":
            name = "quantized_avg_pool"
            arguments = {**{key: arguments[key] for key in ("x", "windows")},
                         "zero": self.qparams[first].zero_point, "count_include_pad": arguments["count_include_pad"]}
        elif name == "pad" and decoded(arguments["mode"]) == "constant":
            arguments["value"] = self.qparams[first].zero_point
        self._add_operation(step, name, arguments, lambda value: value)

    def _add_operation(self, step: Step, operation: str, arguments: dict[str, Any],
                       name_of: Callable[[str], str]) -> None:
        def renamed(leaf: Any) -> Any:
            if isinstance(leaf, ValueOf):
                return ValueOf(name_of(leaf.name))
            if isinstance(leaf, MemberOf | ArrayOf):
                self._keep(leaf.name)
            return leaf
        found = {name: encoded(mapped(decoded(x), renamed)) for name, x in arguments.items()}
        self.steps.append({"out": step.out, "op": operation, "arguments": found})

    def _keep(self, path: str) -> None:
        """Copy a parameter or a buffer of the prepared model."""
        parent, _, name = path.rpartition(".")
        member: Tensor = getattr(self.model.get_submodule(parent), name)
        copy = member.detach().clone()
        self.members[path] = Parameter(copy, False) if isinstance(member, Parameter) else copy


# ---- modules --------------------------------------------------------------------------------------------------------

def _filled_layer(made: Any, layer: Any) -> Any:
    """A quantised layer with the weight of a prepared one."""
    with no_grad():
        weight, bias = layer.folded()
        rounding = layer.weight_fake_quant
        if not rounding.learnable:
            rounding.reset_scale(weight)
        made.set_weight(weight.detach().numpy(), None if bias is None else bias.detach().numpy(),
                        rounding.scale.detach().clamp(min=_LEAST_SCALE_KEPT).numpy())
    return made


def _lowered_linear(layer: Any, inputs: list[QParams], result: QParams) -> Module:
    made = quantized.Linear(layer.in_features, layer.out_features, *inputs[0], *result, layer.activation)
    return _filled_layer(made, layer)


def _lowered_conv(cls: Any) -> Callable[..., Module]:
    def lower(layer: Any, inputs: list[QParams], result: QParams) -> Module:
        made = cls(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
                   layer.dilation, layer.groups, *inputs[0], *result, layer.activation)
        return _filled_layer(made, layer)
    return lower


def _lowered_two(cls: Any) -> Callable[..., Any]:
    return lambda layer, inputs, result: cls(*inputs[0], *inputs[1], *result, layer.activation)


def _lowered_concat(layer: Any, inputs: list[QParams], result: QParams) -> Module:
    return quantized.Concat([x.scale for x in inputs], [x.zero_point for x in inputs], *result, layer.dim)


def _lowered_function(layer: Any, inputs: list[QParams], result: QParams) -> Module:
    made = quantized.Function(layer.name, *inputs[0], *result)
    made.set_function(lambda x: layer(tensor([x])).item())
    return made


def _lowered_recurrent(cls: Any) -> Callable[..., Any]:
    def lower(layer: Any, inputs: list[QParams], result: QParams) -> Any:
        made = cls(layer.input_size, layer.hidden_size, layer.num_layers, layer.batch_first, *inputs[0], *result)
        made.set_weights(layer)
        return made
    return lower


LOWERED: dict[type, Callable[..., Module]] = {
    qat.Linear: _lowered_linear, qat.Conv1d: _lowered_conv(quantized.Conv1d),
    qat.Conv2d: _lowered_conv(quantized.Conv2d), qat.Conv3d: _lowered_conv(quantized.Conv3d),
    qat.Add: _lowered_two(quantized.Add), qat.Mul: _lowered_two(quantized.Mul),
    qat.Concat: _lowered_concat, qat.Function: _lowered_function, qat.GRU: _lowered_recurrent(quantized.GRU),
    qat.LSTM: _lowered_recurrent(quantized.LSTM)}
