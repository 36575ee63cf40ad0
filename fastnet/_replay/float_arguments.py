"""Float arguments that change from call to call: one recording serves all their values.

While a function is recorded, a `RecordedFloat` stands for a float argument. Arithmetic with it gives RecordedFloats. A
kernel gets a 0-d array, which is rewritten before each replay. Any other use reads the value, and the recording is for
that value only.
"""
from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.state import state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType


class RecordedFloat:
    """A float argument of a function that is being recorded, or the result of arithmetic with one.

    Args:
        owner: the FloatArguments of the recording.
        value: the present value.
        compute: a function that returns the value in a replay; None for an argument.
    """

    __slots__ = ("_owner", "compute", "value")

    def __init__(self, owner: FloatArguments, value: float, compute: Callable[[], float] | None = None) -> None:
        self._owner, self.value, self.compute = owner, value, compute

    # isinstance(x, float) is true, as outside a recording. Type checkers know no property that overrides __class__.
    @property                                   # type: ignore[misc]
    def __class__(self) -> type[float]:         # type: ignore[override]
        return float

    @property
    def real(self) -> RecordedFloat:
        """The float itself."""
        return self

    @property
    def imag(self) -> float:
        """0.0, as of every float."""
        return 0.0

    def array(self, dtype: DType) -> Array:
        """A 0-d array that holds the value, in replays too.

        Args:
            dtype: the dtype of the array.
        """
        return self._owner.array(self, dtype)

    def read(self) -> float:
        """The value. The recording is for this value only from now on."""
        self._owner.read = True
        return self.value

    def now(self) -> float:
        """The value in the replay that begins."""
        return self.value if self.compute is None else self.compute()

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (self.read(),)


def _arithmetic(name):
    function = getattr(operator, name)

    def forward(self, other):
        return _record_arithmetic(self, function, self, other)

    def backward(self, other):
        return _record_arithmetic(self, function, other, self)
    return forward, backward


def _sign(name):
    return lambda self: _record_arithmetic(self, getattr(operator, name), self)


def _record_arithmetic(recorded, function, *operands):
    if any(type(a) not in (RecordedFloat, int, float) for a in operands):
        return NotImplemented

    def compute():
        return function(*(a.now() if type(a) is RecordedFloat else a for a in operands))
    result = function(*(a.value if type(a) is RecordedFloat else a for a in operands))
    return RecordedFloat(recorded._owner, result, compute)


def _reading(name):
    def method(self, *args):
        return getattr(float, name)(self.read(), *(a.read() if type(a) is RecordedFloat else a for a in args))
    return method


_NOT_READING = frozenset((
    "__new__", "__init__", "__getattribute__", "__setattr__", "__delattr__", "__init_subclass__", "__subclasshook__",
    "__dir__", "__sizeof__", "__reduce_ex__", "__getstate__", "__getformat__", "__doc__", "fromhex", "real", "imag"))

for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    for _method, _function in zip((f"__{_name}__", f"__r{_name}__"), _arithmetic(_name)):
        setattr(RecordedFloat, _method, _function)
for _name in ("neg", "pos", "abs"):
    setattr(RecordedFloat, f"__{_name}__", _sign(_name))
for _name in dir(float):
    if _name not in RecordedFloat.__dict__ and _name not in _NOT_READING:
        setattr(RecordedFloat, _name, _reading(_name))


class FloatArguments:
    """The float arguments of one recording, and the arrays that hold their values.

    Args:
        args, kwargs: the arguments of the call, which are not kept.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.read = False
        self.arrays: list[tuple[Array, RecordedFloat]] = []
        self._at = {i: RecordedFloat(self, a) for i, a in enumerate(args) if type(a) is float}
        self._named = {name: RecordedFloat(self, a) for name, a in kwargs.items() if type(a) is float}

    def replaced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with RecordedFloats in place of the floats.

        Args:
            args, kwargs: the arguments of the call.
        """
        return tuple(self._at.get(i, a) for i, a in enumerate(args)), {**kwargs, **self._named}

    def array(self, recorded: RecordedFloat, dtype: DType) -> Array:
        """A 0-d array that `take` keeps at the present value.

        Args:
            recorded: the float.
            dtype: the dtype of the array.
        """
        if not dtypes.is_floating(dtype):
            return np.array(recorded.read(), dtype)
        made = state.recorder.constant(np.array(recorded.value, dtype))
        self.arrays.append((made, recorded))
        return made

    def take(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Take the values of another call.

        Args:
            args, kwargs: the arguments of the call.
        """
        for i, recorded in self._at.items():
            recorded.value = args[i]
        for name, recorded in self._named.items():
            recorded.value = kwargs[name]
        for made, recorded in self.arrays:
            made[...] = recorded.now()
