"""Output files of the commands: checks before anything is written, and JSON reports."""
from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastnet._core.annotations import StrPath
from fastnet._io.atomic import replacing
from fastnet.cli.errors import WrongUseError
from fastnet.cli.terminal import PrintableStream

__all__ = ["check_outputs", "csv_file", "finite_json", "write_report"]


def check_outputs(inputs: Iterable[StrPath], outputs: Iterable[tuple[str, StrPath | None]]) -> None:
    """Raise if an output would overwrite an input, or if two outputs are the same file.

    Args:
        inputs: paths of files and folders; the files in these folders are inputs, too.
        outputs: (option, path) pairs; a path may be None.

    Raises:
        WrongUseError: naming the option and the file.

    Example:
        >>> from fastnet.cli.outputs import check_outputs
        >>> check_outputs(["new.csv"], [("--output", "answers.csv"), ("--report", None)])
        >>> check_outputs(["new.csv"], [("--output", "./new.csv")])
        Traceback (most recent call last):
            ...
        fastnet.cli.errors.WrongUseError: --output would overwrite './new.csv', which is an input
    """
    inputs = list(inputs)
    read = {_identity(path) for path in inputs}
    written: dict[object, str] = {}
    folders = {Path(path).resolve() for path in inputs if os.path.isdir(path)}
    for option, path in outputs:
        if path is None:
            continue
        identity = _identity(path)
        if identity in read:
            raise WrongUseError(f"{option} would overwrite {str(path)!r}, which is an input")
        if not folders.isdisjoint(Path(path).resolve().parent.parents):
            raise WrongUseError(f"{option} would write {str(path)!r} into a folder of input files")
        if identity in written:
            raise WrongUseError(f"{option} and {written[identity]} are the same file, {str(path)!r}")
        written[identity] = option


def _identity(path: StrPath) -> Any:
    """A value that is equal for two names of the same file."""
    try:
        found = os.stat(path)
    except OSError:                     # the file does not exist yet
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def finite_json(value: Any) -> Any:
    """A value that JSON can represent: non-finite numbers become None.

    Example:
        >>> from fastnet.cli.outputs import finite_json
        >>> finite_json({"loss": float("nan"), "sizes": (1, 2)})
        {'loss': None, 'sizes': [1, 2]}
    """
    if isinstance(value, dict):
        return {name: finite_json(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite_json(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_report(path: StrPath, report: dict[str, Any]) -> None:
    """Write `report` to a JSON file, replacing it atomically; non-finite numbers become null."""
    with replacing(path, "w", encoding="utf-8") as file:
        json.dump(finite_json(report), file, indent=2, allow_nan=False)
        file.write("\n")


def csv_file(path: str | None) -> contextlib.AbstractContextManager[Any]:
    """A file to write CSV to, which replaces `path` atomically; None: standard output."""
    if path is None:
        return contextlib.nullcontext(PrintableStream(sys.stdout))
    return replacing(path, "w", encoding="utf-8", errors="backslashreplace", newline="")
