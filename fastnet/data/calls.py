"""How functions on batches are called: with the batch's arrays and, if they ask for it, a source of random numbers."""
import inspect


def takes_rng(function):
    """Whether `function` has an argument `rng`.

    Example:
        >>> from fastnet.data.calls import takes_rng
        >>> takes_rng(lambda x, rng: x), takes_rng(lambda x: x)
        (True, False)
    """
    try:
        return "rng" in inspect.signature(function).parameters
    except ValueError:                          # of some functions that are written in C nothing is known
        return False


def apply(function, arrays, rng):
    """What `function` makes of a batch's arrays, as a tuple.

    Args:
        function: from arrays to an array or a tuple of arrays.
        arrays: a sequence of arrays.
        rng: passed on by this name, unless it is None.

    Example:
        >>> from fastnet.data.calls import apply
        >>> apply(lambda x, y: x + y, [1, 2], None)
        (3,)
    """
    made = function(*arrays) if rng is None else function(*arrays, rng=rng)
    return tuple(made) if isinstance(made, tuple | list) else (made,)
