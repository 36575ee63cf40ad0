"""The Module that computes an ONNX model."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import given_text, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import is_grad_enabled
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.onnx.fusion import constants_of, fused
from fastnet.onnx.program import Program, Runner, as_tensor

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__ = ["Input", "OnnxModel", "as_result"]


@dataclass(frozen=True)
class Input:
    """An input of a model.

    Attributes:
        name: of the input.
        dtype: of its elements.
        shape: a number for each dimension, a name for one that is open, None for one that is unknown; None if even the
            number of dimensions is unknown.
    """

    name: str
    dtype: DType
    shape: tuple[int | str | None, ...] | None

    def __str__(self) -> str:
        sizes = "" if self.shape is None else f" ({', '.join('?' if n is None else str(n) for n in self.shape)})"
        return f"{self.name}: {self.dtype}{sizes}"

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a shape has the sizes that are not open.

        Args:
            shape: of a value.
        """
        return self.shape is None or all(not isinstance(wanted, int) or wanted == n
                                         for wanted, n in zip(self.shape, shape))

    def check(self, x: Any) -> None:
        """Refuse a value that cannot be this input.

        Args:
            x: a Tensor or an array.

        Raises:
            TypeError: neither, or of another dtype.
            ValueError: another number of dimensions.
        """
        if not isinstance(x, Tensor | np.ndarray):
            raise TypeError(f"input {self.name!r}: expected a tensor, got {given_text(x)}")
        if x.dtype != self.dtype:
            raise TypeError(f"input {self.name!r}: expected {self.dtype}, got {x.dtype}")
        if self.shape is not None and len(self.shape) != len(x.shape):
            raise ValueError(f"input {self.name!r}: expected {len(self.shape)} dimensions, ({self}), got shape "
                             f"{shape_text(x)}")


def as_result(outputs: tuple[Any, ...]) -> Any:
    """The result of `forward`: a tensor, or a tuple of tensors. An array of a dtype that tensors lack stays an array.

    Args:
        outputs: tensors and arrays.
    """
    results = tuple(map(as_tensor, outputs))
    return results[0] if len(results) == 1 else results


class OnnxModel(Module):
    """A model from an ONNX file: `fastnet.onnx.load` makes it.

    The weights are parameters under the names that they have in the file; they can be trained. In training mode, batch
    norm uses and updates the statistics of the batch, and dropout is active; in evaluation mode it uses the running
    statistics, without dropout, in a file that was exported for training, too. `fastnet.compile(model, freeze=True)`
    makes it faster for inference. `fastnet.graph.trace` takes it as it takes any other model.

    Args:
        program: the graph of the file.
        inputs: its inputs.
        constants: arrays by name: weights, statistics, and constants that the nodes read.
        weights: the names of the constants that are learned.
        statistics: the names of those that batch norm updates.
        kept: the names of other constants that belong to the `state_dict`.

    Attributes:
        program: the graph of the file.
        inference: the same with fused nodes, which have no gradients.
        inputs: its inputs, with dtypes and shapes.
        input_names: the names of the inputs, in order.
        output_names: the names of the outputs, in order.
        open_axes: the dimensions of the inputs that have names, as `fastnet.graph.trace` takes them as `dynamic`.

    Example:
        >>> import tempfile, fastnet
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "model.onnx"
        ...     fastnet.onnx.export(fastnet.nn.Linear(3, 2), fastnet.ones(1, 3), path, dynamic_axes={"input": {0: "n"}})
        ...     model = fastnet.onnx.load(path)
        >>> model.input_names, model.open_axes, [name for name, _ in model.named_parameters()]
        (('input',), {'input': {0: 'n'}}, ['weight', 'bias'])
        >>> model(fastnet.ones(5, 3)).shape
        (5, 2)
    """

    # the reason that errors of files with the weights alone give
    without_architecture = ("whose architecture is the ONNX file: use fastnet.load(path, "
                            "model=fastnet.onnx.load(FILE)), or write both with fastnet.onnx.export")

    def __init__(self, program: Program, inputs: tuple[Input, ...], constants: Mapping[str, Array],
                 weights: frozenset[str], statistics: frozenset[str], kept: frozenset[str]) -> None:
        super().__init__()
        self.program, self.inputs, self.inference = program, inputs, program
        self._arrays: dict[str, Array] = {}
        for name, array in constants.items():
            if name in weights:
                self._parameters[name] = Parameter(array)
            elif name in statistics:
                self._buffers[name] = Tensor._wrap(array.copy())
            else:
                self._add_constant(name, array, name in kept)
        self.inference = fused(program, constants_of(self._arrays, {**self._parameters, **self._buffers}))
        self.eval()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ or hasattr(type(self), name):      # a file can have a weight "training"
            object.__setattr__(self, name, value)
            self._shadowed(name)
        else:
            super().__setattr__(name, value)

    def _add_constant(self, name: str, array: Array, kept: bool) -> None:
        """An array, and the buffer of the same memory that stands for it where a Tensor is needed."""
        copied = empty(array.shape, array.dtype)        # the array may be an unaligned part of the file's bytes
        copied[...] = array
        self._arrays[name] = copied
        tensor = as_tensor(copied)
        if isinstance(tensor, Tensor):
            self._buffers[name] = tensor
            if not kept:
                self._non_persistent.add(name)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in the order in which `forward` takes them."""
        return self.program.inputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs, in the order in which `forward` returns them."""
        return self.program.outputs

    @property
    def open_axes(self) -> dict[str, dict[int, str]]:
        """The dimensions of the inputs that have names, as `fastnet.graph.trace` takes them as `dynamic`."""
        return {x.name: axes for x in self.inputs
                if (axes := {i: n for i, n in enumerate(x.shape or ()) if isinstance(n, str)})}

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Compute the outputs.

        Args:
            inputs: tensors, in the order of `input_names`. A NumPy array is taken as a constant: shapes that depend on
                it can then be recorded by `fastnet.compile`.
            named: tensors by the names of the inputs; `model(**{"input.1": x})` for a name with other characters.

        Returns:
            The tensor, or a tuple of tensors if the model has several outputs.

        Raises:
            TypeError: an input is missing, unknown, given twice, or has another dtype.
            ValueError: an input has another number of dimensions.
            RuntimeError: a node cannot compute with shapes that the inputs lead to; the message names the node.
        """
        runner, values = Runner(self.constant_tensors()), self.values(inputs, named)
        shapes = {x.name: tuple(values[x.name].shape) for x in self.inputs}
        try:
            return as_result(runner.run(self.current_program(), values))
        except RuntimeError as e:
            if unlike := [f"{x} and got {shapes[x.name]}" for x in self.inputs if not x.fits(shapes[x.name])]:
                e.args = (f"{e}; the file describes the input {', '.join(unlike)}",)
            raise

    def current_program(self) -> Program:
        """The program that computes the outputs in the present mode: fused nodes have no gradients."""
        plain = self.training or is_grad_enabled() or state.tracer is not None
        return self.program if plain else self.inference

    def values(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The values that the program reads before it computes any, by name: inputs, weights and constants.

        Args:
            inputs, named: the arguments of `forward`.

        Raises:
            TypeError, ValueError: as `forward` does.
        """
        given = dict(zip(self.input_names, inputs))
        if len(inputs) > len(self.input_names) or named.keys() & given.keys() or {
                *given, *named} != {*self.input_names}:
            raise TypeError(f"expected the inputs {', '.join(map(str, self.inputs)) or 'none'}; got {len(inputs)} by "
                            f"position and {', '.join(map(repr, named)) or 'none'} by name")
        given |= named
        for expected in self.inputs:
            expected.check(given[expected.name])
        return given | self.fixed_values()

    def fixed_values(self) -> dict[str, Any]:
        """The weights, as Tensors, and the constants, as arrays, by name."""
        if state.recorder is not None:
            self._note()                # a recording of a part of the model
        found: dict[str, Any] = {**self._buffers, **self._parameters, **self._arrays}
        return {name: found[name] for name in self.program.captures}

    def constant_tensors(self) -> dict[str, Any]:
        """The Tensors that stand for constants, by name."""
        return self._buffers

    def _in_parts(self, **options: Any) -> Any:
        """The function that `fastnet.compile` runs if shapes or branches depend on values; None for other models.

        Args:
            options: of `fastnet.compile`.
        """
        from fastnet.onnx.stages import StagedModel, needs_stages  # it imports this module
        return StagedModel(self, options) if needs_stages(self.program, self.inputs) else None

    def get_parameter(self, target: str) -> Parameter:
        """Look up a parameter by its name in the file.

        Args:
            target: the name.

        Raises:
            AttributeError: there is no such parameter.
        """
        found = self._parameters.get(target)
        return super().get_parameter(target) if found is None else found

    def get_buffer(self, target: str) -> Tensor:
        """Look up a buffer by its name in the file.

        Args:
            target: the name.

        Raises:
            AttributeError: there is no such buffer.
        """
        found = self._buffers.get(target)
        return super().get_buffer(target) if found is None else found

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.parameters())
        return (f"OnnxModel({len(self.program.nodes)} nodes; {', '.join(map(str, self.inputs))} -> "
                f"{', '.join(self.output_names)})  # {count:,} parameters")
