"""Checks of the arguments of a Trainer and of its `fit` that are not data."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_number, check_path, given_text, whole_number
from fastnet.callbacks.base import Callback

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["as_list", "check_settings"]


def as_list(name: str, given: Any, kind: Any) -> list[Any]:
    """One or several values as a list; None becomes an empty list.

    Args:
        name: of the argument, for errors.
        given: one instance of `kind`, or an iterable.
        kind: the class of a single value, or a union of classes.

    Raises:
        TypeError: `given` is neither.

    Example:
        >>> from fastnet.training.settings import as_list
        >>> as_list("metrics", "accuracy", str), as_list("metrics", ("f1", "auc"), str), as_list("metrics", None, str)
        (['accuracy'], ['f1', 'auc'], [])
    """
    given = [given] if isinstance(given, kind) else [] if given is None else given
    if isinstance(given, type) or not isinstance(given, Iterable):
        raise TypeError(f"expected one or several {name}, got {given_text(given)}")
    return list(given)


def check_settings(epochs: int, batch_size: int, validation_split: float, resume: StrPath | None,
                   callbacks: Iterable[Callback]) -> None:
    """Raise if an argument of `Trainer.fit` is out of range or of the wrong type.

    Args:
        epochs, batch_size, validation_split, resume, callbacks: see `Trainer.fit`.

    Raises:
        TypeError, ValueError: of the first wrong argument, with what was expected.
    """
    whole_number("epochs", epochs, 0)
    whole_number("batch_size", batch_size, 1)
    check_number("validation_split", validation_split)
    if not 0 <= validation_split < 1:
        raise ValueError(f"expected 0 <= validation_split < 1, got {validation_split}")
    if resume is not None:
        check_path("resume", resume)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"expected callbacks that are instances of fastnet.callbacks.Callback, got "
                            f"{given_text(callback)}")
