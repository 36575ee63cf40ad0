"""What the commands write: files that are no one else's, and reports."""
import json
import math
import os
from pathlib import Path

from fastnet._io.atomic import replacing
from fastnet.cli.errors import WrongUseError


def check_outputs(inputs, outputs):
    """Refuse to write over what is read, or to one file twice, while nothing has been done yet.

    Args:
        inputs: paths of files, and of folders, in whose folders nothing may be written either.
        outputs: (option, path) pairs; a path may be None.

    Raises:
        WrongUseError: naming the option and the file.

    Example:
        >>> from fastnet.cli.outputs import check_outputs
        >>> check_outputs(["new.csv"], [("--output", "answers.csv"), ("--report", None)])
        >>> check_outputs(["new.csv"], [("--output", "./new.csv")])
        Traceback (most recent call last):
            ...
        fastnet.cli.errors.WrongUseError: --output would write over './new.csv', which is read
    """
    read, written = {_place(path) for path in inputs}, {}
    folders = {Path(path).resolve() for path in inputs if os.path.isdir(path)}
    for option, path in outputs:
        if path is None:
            continue
        place = _place(path)
        if place in read:
            raise WrongUseError(f"{option} would write over {path!r}, which is read")
        if not folders.isdisjoint(Path(path).resolve().parent.parents):
            raise WrongUseError(f"{option} would write {path!r} among the files that are read")
        if place in written:
            raise WrongUseError(f"{option} and {written[place]} are one file, {path!r}")
        written[place] = option


def _place(path):
    """What two names of one file have in common."""
    try:
        found = os.stat(path)
    except OSError:                     # not there yet
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def plain(value):
    """A value as JSON can hold it: a number that is not finite is None.

    Example:
        >>> from fastnet.cli.outputs import plain
        >>> plain({"loss": float("nan"), "sizes": (1, 2)})
        {'loss': None, 'sizes': [1, 2]}
    """
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_report(path, report):
    """Write `report` as JSON, whole or not at all; what is not finite in it becomes null."""
    with replacing(path, "w", encoding="utf-8") as file:
        json.dump(plain(report), file, indent=2, allow_nan=False)
        file.write("\n")
