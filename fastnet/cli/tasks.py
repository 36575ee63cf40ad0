"""Models of other tasks than classification and regression: their files and their classes."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from fastnet import nn
from fastnet._core.annotations import StrPath
from fastnet.cli.recipes import LANGUAGE_MODEL, TRANSLATION
from fastnet.cli.series.commands import TASK as FORECAST, SavedSeries
from fastnet.cli.speech.commands import SPEECH, SavedSpeech
from fastnet.nn.saving import load_described, load_metadata

if TYPE_CHECKING:
    from fastnet.cli.texts.saved import SavedText

__all__ = ["Other", "other_of", "read_other"]

Other: TypeAlias = "SavedSeries | SavedSpeech | SavedText"


def _saved_text(path: StrPath, model: nn.Module, described: Mapping[str, Any]) -> SavedText:
    from fastnet.cli.texts.saved import SavedText  # which imports fastnet.models
    return SavedText.described(path, model, described)


_TASK_READERS: dict[str, Callable[[StrPath, nn.Module, Mapping[str, Any]], Other]] = {
    FORECAST: SavedSeries.described, SPEECH: SavedSpeech.described, LANGUAGE_MODEL: _saved_text,
    TRANSLATION: _saved_text}


def read_other(path: StrPath) -> Other | None:
    """The model in a file; None if it is a classifier or a regressor, which `Saved.read` reads.

    Args:
        path: of a file that `fastnet train --save` wrote.

    Raises:
        ValueError: the file is damaged.
        OSError: it cannot be read.
    """
    if load_metadata(path).get("task") not in _TASK_READERS:
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
    read = _TASK_READERS.get(str(described.get("task")))
    return None if read is None else read(path, model, described)
