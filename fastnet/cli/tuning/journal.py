"""The file of a study: checked before anything is written to it."""
from __future__ import annotations

import json
import os
from typing import Any

from fastnet.cli.errors import WrongUseError

__all__ = ["drop_partial_line"]

_LONGEST_FIRST_LINE = 1 << 16           # bytes; the first line of a study has about 130


def drop_partial_line(path: str, study_name: str) -> None:
    """Remove the line that a killed process has written in part from the end of a study's file.

    A file that does not exist or is empty begins a new study.

    Args:
        path: of an Optuna journal.
        study_name: the name of the study that the journal's first line must create.

    Raises:
        WrongUseError: the file is not such a journal; nothing has been written to it.
    """
    if not os.path.exists(path):
        return
    with open(path, "rb+") as file:
        first = file.readline(_LONGEST_FIRST_LINE)
        if not first:
            return
        if not first.endswith(b"\n") or _journal_record(first).get("study_name") != study_name:
            raise WrongUseError(f"{path} is not a study of fastnet tune; name a new file, or one that --study made")
        complete = len(first)
        for number, line in enumerate(file, 2):
            if not line.endswith(b"\n"):
                file.truncate(complete)
                return
            if "op_code" not in _journal_record(line):
                raise WrongUseError(f"{path} is a damaged study of fastnet tune: line {number} is not a record")
            complete += len(line)


def _journal_record(line: bytes) -> dict[str, Any]:
    """The JSON object in a line; an empty one if the line has none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
