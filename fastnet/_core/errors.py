"""Checks of arguments, and the wording of errors: what was expected, and what was given."""
from __future__ import annotations

import functools
import inspect
import numbers
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnet._core.spellings import respelled
from fastnet._runtime.native import wrappers as _wrappers

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape

_F = TypeVar("_F", bound=Callable[..., Any])

# Names of arguments that are tensors.
_TENSOR_NAMES = frozenset(("condition", "grid", "index", "indices", "input", "mask", "mat1", "mat2", "other", "target",
                           "tensor", "tensor1", "tensor2", "theta", "vec", "vec2", "weight", "x1", "x2"))

# Control characters except the tab, marks of text direction, line separators, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Text from a file on one line, safe to print: control characters are replaced by escape sequences.

    Args:
        text: a string, or an object to convert to one.

    Example:
        >>> from fastnet._core.errors import printable
        >>> print(printable("dark\\x1b[31m red\\n"))
        dark\\x1b[31m red\\n
    """
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], str(text))


# Errors of code that got a number or a string for an array.
_NO_ARRAY = re.compile(r"is not iterable|expected numpy\.ndarray")

_NO_TENSORS = bool, int, float, complex, str, list, dict        # not arrays: some operations take them for tensors
_AS_NUMBER = frozenset(("float", "Number", "Operand", "TensorOrNumber"))   # annotations of arguments that are numbers


def shape_text(x: Any) -> str:
    """The shape of a tensor or an array, or a shape itself, as text: "(3, 4)"."""
    shape: Shape = tuple(getattr(x, "shape", x))
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def one_of(what: str, given: object, known: Iterable[object]) -> ValueError:
    """A ValueError for an unknown name, which lists the known ones and suggests the closest."""
    known = list(known)
    return ValueError(f"unknown {what} {given!r}{did_you_mean(given, known, 'choose from')} "
                      f"{', '.join(map(repr, known))}")


def and_more(count: int, listed: int) -> str:
    """The end of a list in an error that names the first `listed` of `count` things: " and 3 more", or "".

    Args:
        count: of all things.
        listed: the most that the error names.
    """
    return f" and {count - listed} more" if count > listed else ""


def listed(things: Iterable[object], most: int = 10) -> str:
    """Things in an error: the first of them, and how many more there are.

    Args:
        things: names, for example.
        most: the most that the error names.
    """
    texts = list(map(str, things))
    return ", ".join(texts[:most]) + and_more(len(texts), most)


def did_you_mean(given: object, known: Iterable[object], advice: str = "") -> str:
    """The continuation of an error about an unknown name: the closest known name, if one is close, and advice.

    Args:
        given: the unknown name.
        known: the names to choose from.
        advice: the rest of the error.

    Example:
        >>> from fastnet._core.errors import did_you_mean
        >>> did_you_mean("speces", ["size", "species"], "the columns are")
        "; did you mean 'species'? The columns are"
        >>> did_you_mean("weight", ["size", "species"], "the columns are")
        '; the columns are'
    """
    import difflib
    close = difflib.get_close_matches(str(given), list(map(str, known)), 1)
    if not close:
        return f"; {advice}" if advice else ""
    return f"; did you mean {close[0]!r}?" + (f" {advice[0].upper()}{advice[1:]}" if advice else "")


def given_text(given: object) -> str:
    """A wrong argument as text for an error: of a class, what to do; of a number or a string, the value; else its type.

    Example:
        >>> import fastnet
        >>> from fastnet._core.errors import given_text
        >>> given_text(fastnet.nn.ReLU), given_text(3), given_text([1, 2])
        ('the class ReLU; create an instance: ReLU()', '3', 'list')
    """
    if isinstance(given, type):
        return f"the class {given.__name__}; create an instance: {given.__name__}()"
    if inspect.isroutine(given):
        return f"the function {given.__name__}"
    return repr(given) if given is None or isinstance(given, str | numbers.Number) else type(given).__name__


def differing(there: Mapping[Any, Any], here: Mapping[Any, Any]) -> list[tuple[str, Any, Any]]:
    """(name, value there, value here) of each entry in which two dictionaries differ; None for a missing value.

    Example:
        >>> from fastnet._core.errors import differing
        >>> differing({"seed": 0, "lr": 0.1}, {"seed": 1, "lr": 0.1})
        [('seed', 0, 1)]
    """
    return [(name, there.get(name), here.get(name)) for name in {**there, **here}
            if there.get(name) != here.get(name)]


def check_sizes(name: str, **sizes: Any) -> None:
    """Refuse sizes that are not integers of 0 or more.

    Args:
        name: the function that was called, for the error.
        sizes: arguments by name, each an integer or a tuple of integers.

    Raises:
        TypeError: a size is not an integer.
        RuntimeError: a size is negative.
    """
    for argument, size in sizes.items():
        numbers = size if isinstance(size, tuple) else (size,)
        if any(isinstance(n, bool) or not hasattr(n, "__index__") for n in numbers):
            raise TypeError(f"{name}: expected {argument} to be an integer, got {size!r}")
        if any(n < 0 for n in numbers):
            raise RuntimeError(f"{name}: expected {argument} not to be negative, got {size}")


def check_number(name: str, given: object) -> None:
    """Refuse a value that is not a real number.

    Raises:
        TypeError: names the argument and the value.

    Example:
        >>> from fastnet._core.errors import check_number
        >>> check_number("decay", "0.9")
        Traceback (most recent call last):
            ...
        TypeError: expected decay to be a number, got '0.9' (str)
    """
    if not isinstance(given, numbers.Real) or isinstance(given, bool):
        raise TypeError(f"expected {name} to be a number, got {given!r} ({type(given).__name__})")


def at_least_zero(name: str, given: Any) -> float:
    """A checked number of 0 or more as a float.

    Args:
        name: the argument's name, for the error.
        given: the value.

    Raises:
        TypeError: the value is not a number.
        ValueError: it is negative or NaN.

    Example:
        >>> from fastnet._core.errors import at_least_zero
        >>> at_least_zero("seconds", 1)
        1.0
    """
    check_number(name, given)
    if not given >= 0:
        raise ValueError(f"expected {name} to be 0 or more, got {given!r}")
    return float(given)


def whole_number(name: str, given: Any, least: int | None) -> int:
    """A checked whole number as an int.

    Args:
        name: the argument's name, for the error.
        given: the value.
        least: the smallest value that is allowed, or None.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: it is less than `least`.

    Example:
        >>> from fastnet._core.errors import whole_number
        >>> whole_number("patience", 2.5, 1)
        Traceback (most recent call last):
            ...
        TypeError: expected patience to be a whole number, got 2.5 (float)
    """
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"expected {name} to be a whole number, got {given!r} ({type(given).__name__})") from None
    if least is not None and number < least:
        raise ValueError(f"expected {name} to be at least {least}, got {number}")
    return number


def check_path(name: str, given: object) -> None:
    """Refuse a value that is not a path.

    Raises:
        TypeError: names the argument and the value.

    Example:
        >>> from fastnet._core.errors import check_path
        >>> check_path("folder", None)
        Traceback (most recent call last):
            ...
        TypeError: expected folder to be a path, got None
    """
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"expected {name} to be a path, got {given!r}")


def not_a_tensor(name: str, argument: str, given: object) -> TypeError:
    """A TypeError for an argument that is not a tensor."""
    convert = "; convert it with fastnet.tensor" if isinstance(given, list | np.ndarray) else ""
    return TypeError(f"{name}: expected {argument} to be a tensor, got {type(given).__name__}{convert}")


def naming_none(function: _F) -> _F:
    """Let a function's errors name the tensor for which it got None. Arguments are only checked after a failure."""
    named: Any = functools.wraps(function)(_wrappers.explain_failures(function, explain_none))
    return named


def explain_none(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                 error: Exception) -> None:
    """Raise a TypeError that names the argument, if a call failed because it got None or a number for a tensor.

    The same for text, a list or None in place of a number.
    """
    no_array = isinstance(error, AttributeError) or _NO_ARRAY.search(str(error)) is not None
    no_tensor = no_array or "None" in str(error)
    name = function.__qualname__.lstrip("_")
    no_number = isinstance(error, TypeError | ValueError) and not str(error).startswith(f"{name}: ")
    if not no_tensor and not no_number:
        return
    signature = inspect.signature(function)
    for argument, value in signature.bind_partial(*args, **kwargs).arguments.items():
        parameter = signature.parameters[argument]
        needed = no_tensor and argument in _TENSOR_NAMES and parameter.default is inspect.Parameter.empty
        if needed and (value is None or (no_array and isinstance(value, _NO_TENSORS))):
            raise not_a_tensor(name, argument, value) from None
        if no_number and parameter.annotation in _AS_NUMBER and isinstance(value, (str, list, dict, type(None))):
            raise TypeError(f"{name}: expected {argument} to be a number, got {given_text(value)}") from None


def takes_tensors(function: Callable[..., Any]) -> bool:
    """Whether a function in Python requires further arguments, after its first, that are tensors."""
    if not inspect.isfunction(function):
        return False
    code = function.__code__
    required = code.co_varnames[1:code.co_argcount - len(function.__defaults__ or ())]
    return not _TENSOR_NAMES.isdisjoint(required)


def public_function(function: _F, module: str) -> _F:
    """A function as a public module exports it: with `naming_none` and `respelled`, and that module as its own.

    Args:
        function: the function.
        module: the name of the public module.
    """
    made = respelled(naming_none(function) if inspect.isfunction(function) else function)
    made.__module__ = module
    return made


def name_none(namespace: dict[str, Any]) -> None:
    """Make all public functions of a module `public_function`s. Names that are imported on first use are left out.

    Args:
        namespace: the variables of the module.
    """
    made: dict[Any, Any] = {}           # aliases remain one object, so that pickle finds it by its name
    for name in namespace["__all__"]:
        function = namespace.get(name)
        if not inspect.isroutine(function):
            continue
        if function not in made:
            made[function] = public_function(function, namespace["__name__"])
        namespace[name] = made[function]
