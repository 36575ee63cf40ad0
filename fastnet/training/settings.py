"""The arguments of a Trainer and of its `fit` that are not data."""
from collections.abc import Iterable

from fastnet._core.errors import check_number, check_path, whole_number
from fastnet.callbacks.base import Callback


def listed(name, given, kind):
    """One or several arguments as a list; None is an empty one.

    Args:
        name: of the argument.
        given: one of `kind`, or something that can be iterated over.
        kind: the class of a single one.

    Raises:
        TypeError: neither.

    Example:
        >>> from fastnet.training.settings import listed
        >>> listed("metrics", "accuracy", str), listed("metrics", ("f1", "auc"), str), listed("metrics", None, str)
        (['accuracy'], ['f1', 'auc'], [])
    """
    given = [given] if isinstance(given, kind) else [] if given is None else given
    if isinstance(given, type) or not isinstance(given, Iterable):
        raise TypeError(f"expected one or several {name}, got {given!r}")
    return list(given)


def check_settings(epochs, batch_size, validation_split, resume, callbacks):
    """Refuse arguments of `Trainer.fit` that are out of range or of another type.

    Args:
        epochs, batch_size, validation_split, resume, callbacks: see `Trainer.fit`.

    Raises:
        TypeError, ValueError: the first that is wrong, with what was expected.
    """
    if whole_number("epochs", epochs, None) < 0 or whole_number("batch_size", batch_size, None) < 1:
        raise ValueError(f"expected epochs >= 0 and at least one sample a batch, got epochs={epochs}, "
                         f"batch_size={batch_size}")
    check_number("validation_split", validation_split)
    if not 0 <= validation_split < 1:
        raise ValueError(f"expected 0 <= validation_split < 1, got {validation_split}")
    if resume is not None:
        check_path("resume", resume)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"expected callbacks that are instances of fastnet.callbacks.Callback, got {callback!r}")
