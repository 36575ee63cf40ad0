"""Other spellings of arguments that PyTorch takes: `axis`, `keepdims`, and a `*shape` given by keyword."""
import functools
import inspect

_OTHER = {"axis": "dim", "axis0": "dim0", "axis1": "dim1", "keepdims": "keepdim"}
_NO_SHAPE = ("args", "target")                  # of *arguments that are not a shape


def respelled(function):
    """`function`, taking NumPy's `axis` for `dim` and `keepdims` for `keepdim`, and its `*sizes` as `sizes=(2, 3)`.

    A function that has no such argument is returned unchanged.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(2, 3)
        >>> x.sum(axis=1, keepdims=True).shape, x.reshape(shape=(3, 2)).shape
        ((2, 1), (3, 2))
    """
    parameters = inspect.signature(function).parameters
    names = {other: name for other, name in _OTHER.items() if name in parameters}
    spread = next((name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL), None)
    spread = None if spread in _NO_SHAPE else spread
    first = next(iter(parameters), None)
    if not names and spread is None:
        return function

    @functools.wraps(function)
    def call(*args, **kwargs):
        if not kwargs:
            return function(*args)
        kwargs = {names.get(name, name): value for name, value in kwargs.items()}
        if spread in kwargs:
            if not args and first != spread and first in kwargs:
                args = kwargs.pop(first),
            args = *args, kwargs.pop(spread)
        return function(*args, **kwargs)
    return call
