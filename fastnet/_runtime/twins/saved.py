"""Gradient functions and the check of what they declare, in plain Python: the twin of fastnet/_runtime/saved.pyx."""
from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")

_MAX_DEPTH = 16                         # of functions in the closures of functions

# Types and base classes of values that hold no array. A gradient function may hold such values undeclared.
_ARRAY_FREE = frozenset((type(None), bool, int, float, complex, str, bytes, slice, range, type(...)))
_ARRAY_FREE_BASES = (np.dtype, np.generic, np.ufunc, type, types.ModuleType)


class gradient:
    """A gradient function and the arrays that it reads.

    An operation (see `fastnet.autograd.op`) returns such objects to declare what it saves for backward. backward()
    calls `function(g, *saved)`. It raises a RuntimeError if a saved array is an argument or the result of the
    operation and was changed in place after the forward pass.

    Args:
        function: `function(g, *saved)` takes the gradient of the operation's result and returns that of an argument.
            Decorate it with `fastnet.autograd.writes_out` if it can write the result into given memory.
        saved: arrays, None, numbers, strings, or tuples of these.

    Example:
        >>> import fastnet
        >>> import numpy as np
        >>> slope = fastnet.autograd.gradient(np.multiply, np.array([2.0, 3.0]))
        >>> slope(np.array([10.0, 10.0]))
        array([20., 30.])
    """

    __slots__ = ("function", "saved", "rest")

    function: Callable[..., Any]
    saved: tuple[Any, ...]
    rest: tuple[Callable[..., Any] | None, ...] | None      # set by `then`

    # The overloads give the parameters of a lambda their types.
    @overload
    def __init__(self, function: Callable[[Array], Any], /) -> None: ...

    @overload
    def __init__(self, function: Callable[[Array, _A], Any], saved: _A, /) -> None: ...

    @overload
    def __init__(self, function: Callable[[Array, _A, _B], Any], saved: _A, also: _B, /) -> None: ...

    @overload
    def __init__(self, function: Callable[[Array, _A, _B, _C], Any], saved: _A, also: _B, third: _C, /) -> None: ...

    @overload
    def __init__(self, function: Callable[..., Any], *saved: Any) -> None: ...

    def __init__(self, function: Callable[..., Any], *saved: Any) -> None:
        self.function, self.saved, self.rest = function, saved, None

    def __call__(self, *leading: Any) -> Any:
        return self.function(*leading, *self.saved)

    def then(self, *gradients: Callable[[Any], Any] | None) -> gradient:
        """Make this function the first step of all arguments' gradients, and return this object.

        Args:
            gradients: as in the tuple that `fastnet.autograd.op` describes. They take the result of this function
                where they would take the gradient of the operation's result.
        """
        self.rest = gradients
        return self


def without_rest(first: gradient) -> gradient:
    """The gradient function alone. A node keeps the functions of `then` itself, and only those that it needs."""
    return gradient(first.function, *first.saved)


def call_into(function: Callable[..., Array], g: Array, out: Array) -> Array:
    """The result of a gradient function for g, written into the array `out` if the function is marked `writes_out`."""
    plain, saved = (function.function, function.saved) if type(function) is gradient else (function, ())
    if getattr(plain, "writes_out", None) is not True:
        return function(g)
    return plain(g, *saved, out=out)


# ---- the check ------------------------------------------------------------------------------------------------------

def append_saved(function: Any, name: str, arrays: list[Array]) -> None:
    """Append the arrays that a gradient function of the operation `name` declares to save.

    Raises:
        TypeError: not a function, or a function that may hold an array that it does not declare.
    """
    if type(function) is gradient:
        _append_arrays(function.saved, name, arrays)
        function = function.function
    if not callable(function):
        raise TypeError(f"{name}: expected a gradient to be a function, got {type(function).__name__}")
    if type(function) is types.FunctionType:
        undeclared = _type_held(function)
    else:
        undeclared = None if _is_array_free(function) else type(function).__name__
    if undeclared is not None:
        raise TypeError(f"{name}: expected a gradient function to declare the arrays that it reads, got one that holds "
                        f"an undeclared object of type {undeclared}, in which a change would go unnoticed; return "
                        "fastnet.autograd.gradient(function, *arrays), which calls function(g, *arrays)")


def _append_arrays(values, name, arrays):
    for value in values:
        if isinstance(value, np.ndarray):
            arrays.append(value)
        elif isinstance(value, tuple):      # a NamedTuple, too
            _append_arrays(value, name, arrays)
        elif not _is_array_free(value):
            raise TypeError(f"{name}: expected a gradient to save arrays, numbers, and tuples of these, got "
                            f"{type(value).__name__}")


def _type_held(function, depth=0):
    """The type of an object in a function's closure or defaults that may hold an array, or None."""
    for value in (*_filled_cells(function.__closure__ or ()), *(function.__defaults__ or ()),
                  *(function.__kwdefaults__ or {}).values()):
        if not _is_array_free(value, depth):
            return type(value).__name__
    return None


def _filled_cells(cells):
    """The values in a closure's cells, without those that are still empty."""
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:
            continue


def _is_array_free(value, depth=0):
    """Whether a value is known to hold no array that other code could change."""
    if type(value) is tuple:
        return all(_is_array_free(part, depth) for part in value)
    if type(value) is types.FunctionType:
        return depth < _MAX_DEPTH and _type_held(value, depth + 1) is None
    if type(value) is types.BuiltinFunctionType:        # a function of a module, not a method of an object
        return value.__self__ is None or isinstance(value.__self__, types.ModuleType)
    return type(value) in _ARRAY_FREE or isinstance(value, _ARRAY_FREE_BASES)


# ---- whose memory a saved array is ----------------------------------------------------------------------------------

def argument_position(array: Array, arrays: tuple[Any, ...]) -> int:
    """The position of the argument that an array is, or shares its memory with, or -1."""
    for i, other in enumerate(arrays):
        if array is other:
            return i
    for i, other in enumerate(arrays):
        if type(other) is np.ndarray and is_one_memory(array, other):
            return i
    return -1


def is_one_memory(a: Array, b: Array) -> bool:
    """Whether two arrays are the same, or one is a view of the other, or both are views of one array."""
    return a is b or a is b.base or (a.base is not None and (a.base is b or a.base is b.base))
