"""The wording of errors: what was given, and what was expected."""
import functools
import inspect
import numbers
import operator
import os
import re

from fastnet._core.spellings import respelled
from fastnet._runtime.native import tape as _tape

# What arguments that are tensors are called.
_TENSORS = frozenset(("condition", "index", "indices", "input", "mask", "mat1", "mat2", "other", "target", "tensor",
                      "tensor1", "tensor2", "tensors", "vec", "vec2", "weight", "x1", "x2"))

# Controls but for the tabulator, marks of the direction of text, separators of lines, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text):
    """Text out of a file in one line that a terminal can be given: what would control it is an escape sequence.

    Args:
        text: a string; of anything else, its text.

    Example:
        >>> from fastnet._core.errors import printable
        >>> print(printable("dark\\x1b[31m red\\n"))
        dark\\x1b[31m red\\n
    """
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], str(text))


_NO_TENSORS = bool, int, float, complex, str, list, dict        # an array may be what an operation works on


def shape_text(x):
    """The shape of a tensor or an array, as text: "(3, 4)"."""
    shape = tuple(getattr(x, "shape", x))
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def one_of(what, given, known):
    """A ValueError for a name that is none of the known ones."""
    return ValueError(f"unknown {what} {given!r}; choose from {', '.join(map(repr, known))}")


def differing(there, here):
    """(name, value there, value here) of each entry in which two dictionaries differ; None for one that is lacking.

    Example:
        >>> from fastnet._core.errors import differing
        >>> differing({"seed": 0, "lr": 0.1}, {"seed": 1, "lr": 0.1})
        [('seed', 0, 1)]
    """
    return [(name, there.get(name), here.get(name)) for name in {**there, **here}
            if there.get(name) != here.get(name)]


def check_sizes(name, **sizes):
    """Refuse sizes, numbers or tuples of them, that are no integers or below 0.

    Raises:
        TypeError: something else than integers, naming the argument and all that it held.
        RuntimeError: a negative integer, likewise.
    """
    for argument, size in sizes.items():
        numbers = size if isinstance(size, tuple) else (size,)
        if any(isinstance(n, bool) or not hasattr(n, "__index__") for n in numbers):
            raise TypeError(f"{name}: expected {argument} to be an integer, got {size!r}")
        if any(n < 0 for n in numbers):
            raise RuntimeError(f"{name}: expected {argument} not to be negative, got {size}")


def check_number(name, given):
    """Refuse what is no real number.

    Raises:
        TypeError: naming the argument and what was given.

    Example:
        >>> from fastnet._core.errors import check_number
        >>> check_number("decay", "0.9")
        Traceback (most recent call last):
            ...
        TypeError: expected decay to be a number, got '0.9' (str)
    """
    if not isinstance(given, numbers.Real) or isinstance(given, bool):
        raise TypeError(f"expected {name} to be a number, got {given!r} ({type(given).__name__})")


def whole_number(name, given, least):
    """A whole number as an int.

    Args:
        name: of the argument.
        given: anything.
        least: the smallest that is allowed; None: any.

    Raises:
        TypeError: it is no whole number.
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


def check_path(name, given):
    """Refuse what is no path.

    Raises:
        TypeError: naming the argument and what was given.

    Example:
        >>> from fastnet._core.errors import check_path
        >>> check_path("folder", None)
        Traceback (most recent call last):
            ...
        TypeError: expected folder to be a path, got None
    """
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"expected {name} to be a path, got {given!r}")


def not_a_tensor(name, argument, given):
    """A TypeError for an argument that should be a tensor."""
    return TypeError(f"{name}: expected {argument} to be a tensor, got {type(given).__name__}")


def naming_none(function):
    """Make `function` name the tensor that it was given None for. Nothing is looked at unless the call failed."""
    return functools.wraps(function)(_tape.explain_failures(function, explain_none))


def explain_none(function, args, kwargs, error):
    """Raise a better error than the one that a call failed with, if it was given None or a number for a tensor."""
    if not isinstance(error, AttributeError) and "None" not in str(error):
        return
    signature = inspect.signature(function)
    for argument, value in signature.bind_partial(*args, **kwargs).arguments.items():
        needed = argument in _TENSORS and signature.parameters[argument].default is inspect.Parameter.empty
        if needed and (value is None or (isinstance(error, AttributeError) and isinstance(value, _NO_TENSORS))):
            raise not_a_tensor(function.__qualname__, argument, value) from None


def name_none(namespace):
    """Apply `naming_none` and `respelled` to the functions that a module makes public, given the module's variables."""
    made = {}                           # aliases stay one object, which pickle finds under its own name
    for name in namespace["__all__"]:
        function = namespace[name]
        if not inspect.isroutine(function):
            continue
        if function not in made:
            made[function] = naming_none(respelled(function)) if inspect.isfunction(function) else respelled(function)
            made[function].__module__ = namespace["__name__"]
        namespace[name] = made[function]
