"""The history of a training: a table with a row for each epoch."""
import csv
from collections.abc import Sequence
from pathlib import Path

from fastnet._core.optional import optional
from fastnet._io.atomic import replacing

_VALIDATION = "validation_"
_ACROSS = 3                             # panels of a plot, side by side


class History(Sequence):
    """A table with a row for each epoch: rows by number, columns by name.

    Args:
        rows: dictionaries.

    Example:
        >>> from fastnet.training import History
        >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
        >>> len(history), history[-1], history["loss"]
        (2, {'epoch': 2, 'loss': 0.25}, [0.5, 0.25])
        >>> print(history)
        epoch    loss
            1  0.5000
            2  0.2500
    """

    def __init__(self, rows=()):
        self.rows = [dict(row) for row in rows]

    @property
    def columns(self):
        """The names of the columns, in the order in which they first appear."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        if not isinstance(key, str):
            return self.rows[key]
        if key not in self.columns:
            raise KeyError(f"the history has no column {key!r}, only {', '.join(map(repr, self.columns))}")
        return [row.get(key) for row in self.rows]

    def __repr__(self):
        return f"History({self.rows!r})"

    def __str__(self):
        columns = self.columns
        return aligned([columns, *([_text(row.get(name)) for name in columns] for row in self.rows)])

    def to_csv(self, path):
        """Write the table as CSV, whole or not at all.

        Args:
            path: of the file.
        """
        with replacing(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def plot(self, path=None):
        """Draw the loss and each metric over the epochs, training and validation in one panel.

        Args:
            path: of a picture to write (.png, .svg, .pdf); None: only make the figure.

        Returns:
            The matplotlib Figure.

        Raises:
            ValueError: there is no epoch to draw.
            ImportError: matplotlib is not installed.
        """
        figure_class = optional("matplotlib.figure", "drawing a history").Figure
        if not self.rows:
            raise ValueError("the history is empty: there is nothing to draw")
        names = self.panels()
        across = min(len(names), _ACROSS)
        down = -(-len(names) // across)
        figure = figure_class(figsize=(5.2 * across, 3.8 * down), layout="constrained")
        for i, name in enumerate(names):
            self._draw(figure.add_subplot(down, across, i + 1), name)
        if path is not None:
            with replacing(path) as file:
                figure.savefig(file, dpi=150, format=Path(path).suffix[1:] or "png")
        return figure

    def panels(self):
        """The names of what is drawn: the loss and the metrics that are numbers."""
        return [name for name in self.columns if name not in ("epoch", "lr", "seconds")
                and not name.startswith(_VALIDATION) and all(isinstance(v, (int, float)) for v in self[name])]

    def _draw(self, axes, name):
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


def aligned(lines):
    """Lines of cells, as text in columns.

    Args:
        lines: lists of strings, of one length.

    Example:
        >>> from fastnet.training.history import aligned
        >>> print(aligned([["class", "samples"], ["cat", "12"]]))
        class  samples
          cat       12
    """
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)


def _text(value):
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
