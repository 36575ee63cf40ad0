"""Training history: a table with one row per epoch."""
from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from fastnet._core.optional import optional
from fastnet._core.shapes import ceil_div
from fastnet._io.atomic import replacing
from fastnet._io.figures import save_figure
from fastnet.callbacks.base import CONDITIONS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastnet._core.annotations import StrPath

__all__ = ["History", "aligned"]

_VALIDATION = "validation_"
_PANELS_ACROSS = 3                      # panels side by side in a plot


class History(Sequence[dict[str, Any]]):
    """A table with one row per epoch. An integer selects a row, a string selects a column.

    Args:
        rows: dictionaries {column: value}.

    Raises:
        KeyError: a column that is absent; the error lists the columns.

    Example:
        >>> from fastnet.training import History
        >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
        >>> history
        History(epochs=2, loss=0.25)
        >>> history[-1], history["loss"]
        ({'epoch': 2, 'loss': 0.25}, [0.5, 0.25])
        >>> print(history)
        epoch    loss
            1  0.5000
            2  0.2500
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order of first appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, key: str) -> list[Any]: ...

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, key: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, key: str | int | slice) -> Any:
        if not isinstance(key, str):
            return self.rows[key]
        if key not in self.columns:
            raise KeyError(f"the history has no column {key!r}, only {', '.join(map(repr, self.columns))}")
        return [row.get(key) for row in self.rows]

    def __repr__(self) -> str:
        """The number of epochs, and the loss and metrics of the last one."""
        last = self.rows[-1] if self.rows else {}
        measured = [f"{name}={value:.6g}" for name, value in last.items()
                    if name not in CONDITIONS and isinstance(value, (int, float))]
        return f"History({', '.join([f'epochs={len(self)}', *measured])})"

    def __str__(self) -> str:
        columns = self.columns
        return aligned([columns, *([_cell_text(row.get(name)) for name in columns] for row in self.rows)])

    def to_csv(self, path: StrPath) -> None:
        """Write the table to a CSV file, replacing it atomically.

        Args:
            path: of the file.
        """
        with replacing(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def plot(self, path: StrPath | None = None) -> Figure:
        """Plot the loss and each metric over the epochs, training and validation in one panel.

        Args:
            path: of an image file to write (.png, .svg, .pdf); None: only make the figure.

        Returns:
            The matplotlib Figure.

        Raises:
            ValueError: the history has no epochs.
            ImportError: matplotlib is not installed.
        """
        figure_class = optional("matplotlib.figure", "drawing a history").Figure
        if not self.rows:
            raise ValueError("the history is empty: there are no epochs to plot")
        names = self.panels()
        across = min(len(names), _PANELS_ACROSS)
        down = ceil_div(len(names), across)
        figure = figure_class(figsize=(5.2 * across, 3.8 * down), layout="constrained")
        for i, name in enumerate(names):
            self._draw(figure.add_subplot(down, across, i + 1), name)
        if path is not None:
            save_figure(figure, path)
        return figure

    def panels(self) -> list[str]:
        """The columns that get a panel in a plot: the loss and the metrics whose values are numbers."""
        return [name for name in self.columns if name not in CONDITIONS
                and not name.startswith(_VALIDATION) and all(isinstance(v, (int, float)) for v in self[name])]

    def _draw(self, axes: Any, name: str) -> None:
        locator = optional("matplotlib.ticker", "drawing a history").MaxNLocator
        epochs = self["epoch"]
        marker = "o" if len(epochs) < 2 else None       # a line of one point is invisible
        axes.plot(epochs, self[name], color="#1f5fa8", marker=marker, label="training")
        if _VALIDATION + name in self.columns:
            values = [float("nan") if v is None else v for v in self[_VALIDATION + name]]
            axes.plot(epochs, values, color="#d1495b", marker=marker, label="validation")
        axes.set(title=name.replace("_", " "), xlabel="epoch")
        axes.xaxis.set_major_locator(locator(integer=True))
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)


def aligned(lines: Iterable[Sequence[str]]) -> str:
    """Lines of cells as text with right-aligned columns.

    Args:
        lines: sequences of strings, all of the same length.

    Example:
        >>> from fastnet.training.history import aligned
        >>> print(aligned([["class", "samples"], ["cat", "12"]]))
        class  samples
          cat       12
    """
    lines = list(lines)
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
