"""Writing figures of matplotlib."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnet._io.atomic import replacing

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["save_figure"]


def save_figure(figure: Any, path: StrPath) -> None:
    """Write a figure of matplotlib to an image file, replacing it atomically.

    Args:
        figure: the figure.
        path: of the file; its ending decides the form, such as .png, .svg or .pdf.
    """
    with replacing(path) as file:
        figure.savefig(file, dpi=150, format=Path(path).suffix[1:] or "png")
