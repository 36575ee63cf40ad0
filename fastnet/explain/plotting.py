"""Pictures of attributions over images, texts and the columns of a table."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import Tensor
from fastnet._core.errors import one_of
from fastnet._core.optional import optional
from fastnet._io.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastnet._core.annotations import Array, StrPath

__all__ = ["plot"]

_DRAWING = "drawing an explanation"
_SHOWN_SIGNS = "all", "positive", "negative", "absolute_value"
_COLOURS = "RdBu_r"                     # red supports the output, blue speaks against it
_LINE = 72                              # characters of a line of text
_CHARACTER = 0.6 * 11 / 72              # inches of a character of a monospace font of 11 points


def plot(attributions: Any, image: Any = None, *, tokens: Sequence[str] | None = None,
         columns: Sequence[str] | None = None, values: Sequence[Any] | None = None, sign: str = "all",
         outlier_perc: float = 2, most: int = 15, title: str | None = None, path: StrPath | None = None) -> Figure:
    """Draw the attributions of one sample: over an image, over the words of a text, or as bars for columns.

    Red supports the output, blue speaks against it.

    Args:
        attributions: of one sample. For an image (C, H, W), (H, W, C) or (H, W), summed over the channels; for a text
            (T,), or (T, E) summed over the features of the embedding; for columns (columns,). A first dimension of 1
            is removed.
        image: the image itself, which is drawn in grey below its attributions; None: only the attributions.
        tokens: the T words or pieces of a text.
        columns: the names of columns.
        values: the cells of the row, which are written after the names.
        sign: of an image, "all", "positive", "negative" or "absolute_value".
        outlier_perc: percentage of the largest absolute attributions that all get the darkest colour.
        most: the largest number of columns to draw.
        title: a line above the picture.
        path: of an image file to write (.png, .svg, .pdf); None: only make the figure.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: attributions of another shape or with NaN or infinite values, both tokens and columns, or an unknown
            sign.
        ImportError: matplotlib is not installed (extra `plot`).

    Example:
        >>> import fastnet
        >>> figure = fastnet.explain.plot(fastnet.tensor([0.5, -1.0, 2.0]), columns=["age", "height", "weight"])
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['weight', 'height', 'age']
    """
    if sign not in _SHOWN_SIGNS:
        raise one_of("sign", sign, _SHOWN_SIGNS)
    if tokens is not None and columns is not None:
        raise ValueError("plot: expected tokens or columns, got both")
    if not 0 <= outlier_perc < 100:
        raise ValueError(f"plot: expected outlier_perc from 0 to below 100, got {outlier_perc}")
    if tokens is not None:
        figure = _draw_text(_one_number_each(attributions, list(tokens), "tokens"), list(tokens), outlier_perc)
    elif columns is not None:
        figure = _draw_columns(_one_number_each(attributions, list(columns), "columns"), list(columns), values, most)
    else:
        figure = _draw_image(_signed(_without_channels(attributions), sign), image, outlier_perc)
    if title:
        figure.suptitle(title, fontsize=11)
    if path is not None:
        save_figure(figure, path)
    return figure


def _as_float64(x: Any) -> Array:
    return np.asarray(x.detach().numpy() if isinstance(x, Tensor) else x, np.float64)


def _finite(attributions: Any) -> Array:
    """Attributions as float64."""
    a = _as_float64(attributions)
    if not np.isfinite(a).all():
        raise ValueError("plot: expected finite attributions, got NaN or infinite values")
    return a


def _new_figure(width: float, height: float) -> Any:
    return optional("matplotlib.figure", _DRAWING).Figure(figsize=(width, height), layout="constrained")


def _to_one(a: Array, outlier_perc: float) -> Array:
    """Attributions from -1 to 1."""
    largest = np.percentile(np.abs(a), 100 - outlier_perc) or np.abs(a).max() or 1.0
    return np.clip(a / largest, -1, 1)


# ---- images ----

def _image_of(x: Array) -> Array:
    """An image (H, W, C)."""
    if x.ndim == 4 and len(x) == 1:
        x = x[0]
    if x.ndim == 2:
        return x[:, :, None]
    if x.ndim != 3:
        raise ValueError(f"plot: expected an image (C, H, W), (H, W, C) or (H, W), got shape {x.shape}")
    return x if x.shape[2] in (1, 3) and x.shape[0] not in (1, 3) else x.transpose(1, 2, 0)


def _without_channels(attributions: Any) -> Array:
    return _image_of(_finite(attributions)).sum(2)


def _signed(a: Array, sign: str) -> Array:
    return {"all": a, "positive": np.maximum(a, 0), "negative": np.minimum(a, 0), "absolute_value": np.abs(a)}[sign]


def _draw_image(a: Array, image: Any, outlier_perc: float) -> Any:
    panels = 1 if image is None else 2
    figure = _new_figure(4.2 * panels, 4.2)
    axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    height, width = a.shape
    extent = (0, width, height, 0)
    if image is not None:
        shown = _image_of(_as_float64(image))
        lowest, highest = shown.min(), shown.max()
        shown = (shown - lowest) / ((highest - lowest) or 1.0)
        grey = shown.mean(2)
        axes[0].imshow(shown if shown.shape[2] == 3 else grey, cmap="gray", vmin=0, vmax=1, extent=extent)
        axes[1].imshow(grey, cmap="gray", vmin=0, vmax=1, extent=extent)
    shares = _to_one(a, outlier_perc)
    drawn = axes[-1].imshow(shares, cmap=_COLOURS, vmin=-1, vmax=1, extent=extent,
                            alpha=None if image is None else 0.2 + 0.7 * np.abs(shares))
    figure.colorbar(drawn, ax=axes[-1], fraction=0.046, ticks=[-1, 0, 1]).solids.set_alpha(1)
    for each in axes:
        each.set_axis_off()
    return figure


# ---- texts and tables ----

def _one_number_each(attributions: Any, names: list[str], what: str) -> Array:
    """Attributions (names,)."""
    a = _finite(attributions)
    if a.ndim > 1 and len(a) == 1 and len(names) != 1:
        a = a[0]
    a = a.reshape(len(a), -1).sum(1) if a.ndim > 1 else a
    if a.shape != (len(names),) or not names:
        raise ValueError(f"plot: expected an attribution for each of {len(names)} {what}, got shape "
                         f"{np.shape(attributions)}")
    return a


def _draw_text(a: Array, tokens: list[str], outlier_perc: float) -> Any:
    places, row, column = [], 0, 0
    for token in tokens:
        if column and column + len(token) > _LINE:
            row, column = row + 1, 0
        places.append((column, row))
        column += len(token) + 1
    colours = optional("matplotlib", _DRAWING).colormaps[_COLOURS]
    figure = _new_figure(_LINE * _CHARACTER, 0.32 * (row + 1) + 0.5)
    axes = figure.add_subplot()
    axes.set(xlim=(0, _LINE), ylim=(row + 0.7, -0.7))
    axes.set_axis_off()
    for (x, y), token, value in zip(places, tokens, _to_one(a, outlier_perc)):
        axes.text(x, y, token.replace("$", r"\$"), family="monospace", fontsize=11, va="center",
                  color="white" if abs(value) > 0.6 else "black",
                  bbox={"facecolor": colours((value + 1) / 2), "edgecolor": "none", "pad": 2})
    return figure


def _draw_columns(a: Array, columns: list[str], values: Sequence[Any] | None, most: int) -> Any:
    if values is not None and len(values) != len(columns):
        raise ValueError(f"plot: expected a value for each of {len(columns)} columns, got {len(values)}")
    if most < 1:
        raise ValueError(f"plot: expected most of at least 1, got {most}")
    order = np.argsort(-np.abs(a), kind="stable")[:most]
    names = [columns[i] if values is None else f"{columns[i]} = {values[i]}" for i in order]
    figure = _new_figure(6.4, 0.34 * len(order) + 1.0)
    axes = figure.add_subplot()
    axes.barh(range(len(order)), a[order], color=["#b2182b" if a[i] > 0 else "#2166ac" for i in order])
    axes.set_yticks(range(len(order)), [name.replace("$", r"\$") for name in names])
    axes.invert_yaxis()
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel("contribution to the output")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
