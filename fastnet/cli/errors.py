"""Error messages and exit codes of the command."""
from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from fastnet._core.annotations import StrPath
from fastnet._core.startup import INTERRUPTED, WRONG_USE

__all__ = ["FAILED", "WrongUseError", "exit_code", "message_of", "naming_damage"]

FAILED = 1


class WrongUseError(ValueError):
    """Individually valid arguments that conflict."""


def message_of(error: BaseException) -> str:
    """The text of an error for the user, in one line.

    Args:
        error: an exception.

    Example:
        >>> from fastnet.cli.errors import message_of
        >>> message_of(FileNotFoundError(2, "No such file or directory", "flowers.csv"))
        'flowers.csv: No such file or directory'
        >>> message_of(ZeroDivisionError())
        'ZeroDivisionError'
    """
    return re.sub(r"\s*[\r\n]\s*", " ", _error_text(error))


def _error_text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    if isinstance(error, MemoryError):
        reason = f" ({error})" if str(error) else ""
        return f"out of memory{reason}: try a smaller --batch-size, smaller --hidden layers, or less data"
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    return str(error) or type(error).__name__


def exit_code(error: BaseException) -> int:
    """The exit code for an error.

    Args:
        error: an exception.

    Example:
        >>> from fastnet.cli.errors import WrongUseError, exit_code
        >>> exit_code(OSError()), exit_code(WrongUseError()), exit_code(KeyboardInterrupt())
        (1, 2, 130)
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return WRONG_USE if isinstance(error, WrongUseError) else FAILED


@contextlib.contextmanager
def naming_damage(path: StrPath) -> Iterator[None]:
    """Turn an error about the metadata of a model's file, which may hold anything, into a ValueError with its path.

    Args:
        path: the file.

    Example:
        >>> from fastnet.cli.errors import naming_damage
        >>> with naming_damage("model.safetensors"):
        ...     {}["inputs"]
        Traceback (most recent call last):
        ValueError: model.safetensors: KeyError: 'inputs'
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as e:
        reason = str(e) if isinstance(e, ValueError) else f"{type(e).__name__}: {e}"
        raise ValueError(f"{path}: {reason}") from None
