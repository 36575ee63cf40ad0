"""The folder of `--resume`: a checkpoint, and the command that it belongs to."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastnet._core.annotations import StrPath
from fastnet._core.errors import differing
from fastnet._io.atomic import replacing
from fastnet.callbacks.checkpoint import FILE

__all__ = ["files_in", "has_checkpoint", "prepare_folder"]

SETTINGS = "fastnet.json"
WRITER = "fastnet train"


def files_in(folder: StrPath) -> list[Path]:
    """The files that a training writes to a folder."""
    return [Path(folder, name) for name in (FILE, SETTINGS)]


def has_checkpoint(folder: StrPath) -> bool:
    """Whether a folder contains a checkpoint."""
    return Path(folder, FILE).exists()


def prepare_folder(folder: StrPath, command: dict[str, Any]) -> bool:
    """Prepare a folder for the checkpoints of a training, or check that its checkpoint belongs to this training.

    Args:
        folder: created if it does not exist.
        command: everything that the result depends on, a dictionary for JSON.

    Returns:
        Whether there is a checkpoint to continue from.

    Raises:
        ValueError: the folder holds the checkpoint of another training; the message lists the differences. Or
            `fastnet train` did not write its settings file.
        OSError: the folder cannot be created or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    command = {"written by": WRITER} | command
    saved, resumes = _read(path), has_checkpoint(folder)
    if resumes and saved is None:
        raise ValueError(f"{folder} holds a checkpoint, but not the {SETTINGS} that describes it: give --resume "
                         "another folder")
    if resumes and saved is not None:
        _check_same_settings(folder, saved, command)
    else:
        with replacing(path, "w", encoding="utf-8") as file:
            json.dump(command, file, indent=2)
            file.write("\n")
    return resumes


def _read(path: Path) -> dict[str, Any] | None:
    """The settings in a file, or None if the file does not exist. A file that is not fastnet's is never overwritten."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        saved = None
    if not isinstance(saved, dict) or saved.get("written by") != WRITER:
        raise ValueError(f"{path} is damaged or was not written by `{WRITER}`: give --resume another folder")
    return saved


def _check_same_settings(folder: Path, saved: dict[str, Any], own: dict[str, Any]) -> None:
    found = [f"{name} is {there!r} there, {here!r} here" for name, there, here in differing(saved, own)]
    if found:
        raise ValueError(f"{folder} holds the checkpoint of another training: {'; '.join(found)}. Give the same data "
                         "and options, or --resume another folder")
