"""Kernel calls in Python as data, and arrays that follow the inputs of each replay."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.silent_calls import call_silently
from fastnet._core.state import state
from fastnet._runtime.native import guards as native

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape
    from fastnet._replay.recorder import Recorder


class _RawMemory:
    """Memory at an address, for NumPy to view; `owner` keeps it alive."""

    def __init__(self, address: int, shape: Shape, strides: Shape, dtype: DType, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "data": (address, False), "shape": shape, "strides": strides,
                                    "typestr": dtype.str}


def _over(address: int, shape: Shape, strides: Shape, dtype: DType, owner: Any) -> Array:
    """An array over memory at an address."""
    return np.asarray(_RawMemory(address, shape, strides, dtype, owner)).view(dtype)      # bfloat16 has no typestr


def address_of(array: Array) -> int:
    """The address of an array's first element.

    Args:
        array: the array.
    """
    return array.__array_interface__["data"][0]


def unowned_view(array: Array) -> Array:
    """A view of an array that does not keep its memory alive.

    Args:
        array: an array of at least one element.
    """
    return _over(address_of(array), array.shape, array.strides, array.dtype, None)


def located(array: Array, recorder: Recorder) -> tuple[Callable[[Sequence[Array]], Array], bool]:
    """A function that finds an array again among the inputs of a replay, and whether it is the same in each replay.

    Args:
        array: an array of the recorded run.
        recorder: the recorder of this run.
    """
    source, address = recorder.locate(array)
    if recorder.constants is not None:
        recorder.constants.pin(array)
    shape, strides, dtype = array.shape, array.strides, array.dtype
    if source is None or not array.size:
        # a view of the memory, not of the Block: the recording's pool keeps its blocks, other blocks can be freed
        fixed = unowned_view(array) if array.size else np.empty(shape, dtype)
        return lambda inputs: fixed, source is None
    return lambda inputs: _over(
        native.bounds(inputs[source])[0] + address, shape, strides, dtype, inputs[source]), False


class PythonCall:
    """A call of a NumPy kernel. Arrays that lie in an input are found again in the input of each replay.

    Args:
        kernel: the NumPy kernel.
        args, attrs: its arguments.
        recorder: the recorder of the run.
    """

    def __init__(self, kernel: Callable[..., None], args: Sequence[Any], attrs: dict[str, Any],
                 recorder: Recorder) -> None:
        self.kernel, self.operation = kernel, recorder.operation
        self.args = [_found(a, recorder) for a in args]
        self.attrs = {name: _found(a, recorder) for name, a in attrs.items()}

    def replay(self, inputs: Sequence[Array]) -> None:
        """Call the kernel.

        Args:
            inputs: the arrays of the tensors among the arguments of this call.
        """
        meters = state.meters if self.operation is not None else ()
        for meter in meters:
            meter.enter_operation(self.operation, ())
        try:
            call_silently(self.kernel, [a(inputs) for a in self.args],
                          {name: a(inputs) for name, a in self.attrs.items()})
        finally:
            for meter in meters:
                meter.leave_operation()


class Notice(PythonCall):
    """A call of a function between the kernels of a replay, which is no kernel: meters are not told of it.

    Args:
        function: without arguments.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def replay(self, inputs: Sequence[Array]) -> None:
        """Call the function."""
        self._function()


def _found(a, recorder):
    return located(a, recorder)[0] if isinstance(a, np.ndarray) else lambda inputs: a
