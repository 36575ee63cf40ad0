"""Models of other tasks than classification and regression: their files and their classes."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from fastnet import nn
from fastnet._core.annotations import StrPath
from fastnet.cli.series.commands import TASK as FORECAST, SavedSeries
from fastnet.cli.speech.commands import SPEECH, SavedSpeech
from fastnet.nn.saving import load_described, load_metadata

__all__ = ["Other", "other_of", "read_other"]

Other: TypeAlias = "SavedSeries | SavedSpeech"
_CLASSES: dict[str, type[Other]] = {FORECAST: SavedSeries, SPEECH: SavedSpeech}


def read_other(path: StrPath) -> Other | None:
    """The model in a file; None if it is a classifier or a regressor, which `Saved.read` reads.

    Args:
        path: of a file that `fastnet train --save` wrote.

    Raises:
        ValueError: the file is damaged.
        OSError: it cannot be read.
    """
    if load_metadata(path).get("task") not in _CLASSES:
        return None
    return other_of(path, *load_described(path))


def other_of(path: StrPath, model: nn.Module, described: Mapping[str, Any]) -> Other | None:
    """The model of a file, as `load_described` returns it; None if it is a classifier or a regressor.

    Args:
        path: of the file.
        model: in the file.
        described: the metadata.

    Raises:
        ValueError: the metadata is damaged.
    """
    made = _CLASSES.get(str(described.get("task")))
    return None if made is None else made.described(path, model, described)
