"""The folder of `--resume`: checkpoints, and what they are checkpoints of."""
import json
from pathlib import Path

from fastnet._core.errors import differing
from fastnet._io.atomic import replacing
from fastnet.callbacks.checkpoint import FILE

SETTINGS = "fastnet.json"
WRITER = "fastnet train"


def files_in(folder):
    """The files of a folder that are a training's."""
    return [Path(folder, name) for name in (FILE, SETTINGS)]


def has_checkpoint(folder):
    """Whether there is a checkpoint in a folder."""
    return Path(folder, FILE).exists()


def prepare_folder(folder, command):
    """Make a folder ready for the checkpoints of a training, or see that those in it are of this one.

    Args:
        folder: made if it is not there.
        command: what decides about the result, a dictionary for JSON.

    Returns:
        Whether there is a checkpoint to go on from.

    Raises:
        ValueError: it holds a checkpoint of another training; what differs is listed. Or its file of settings is not
            of `fastnet train`.
        OSError: it cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    command = {"written by": WRITER} | command
    saved, resumes = _read(path), has_checkpoint(folder)
    if resumes and saved is None:
        raise ValueError(f"{folder} holds a checkpoint, but no {SETTINGS} that says of what: give --resume another "
                         "folder")
    if resumes:
        _require_same(folder, saved, command)
    else:
        with replacing(path, "w", encoding="utf-8") as file:
            json.dump(command, file, indent=2)
            file.write("\n")
    return resumes


def _read(path):
    """The settings of a training, or None if there is no such file; one that is somebody else's is not to be lost."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        saved = None
    if not isinstance(saved, dict) or saved.get("written by") != WRITER:
        raise ValueError(f"{path} is not of `{WRITER}`, or damaged: give --resume another folder")
    return saved


def _require_same(folder, saved, own):
    found = [f"{name} is {there!r} there, {here!r} here" for name, there, here in differing(saved, own)]
    if found:
        raise ValueError(f"{folder} holds the checkpoint of another training: {'; '.join(found)}. Give the same data "
                         "and options, or --resume another folder")
