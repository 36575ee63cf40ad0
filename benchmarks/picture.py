"""Draws a comparison: a line for each row, with a marker for each engine at its time relative to fastnet's."""
from .rows import MODES
from .table import duration

# colours that differ in brightness, too, and a marker for each
STYLES = {
    "fastnet": ("#111111", "|"), "fastnet eager": ("#888888", "D"), "PyTorch": ("#ee4c2c", "o"),
    "torch.compile": ("#f7a072", "s"), "JAX": ("#5b3cc4", "^"), "NumPy": ("#1f77b4", "v"),
    "ONNX Runtime": ("#2a9d4e", "P"),
}
TICKS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)


def draw(results, engines, path):
    """Draw {row: {engine: (seconds, ratio) or a word}} into an SVG or PNG file."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "fastnet", "font.family": "sans-serif",
                                "font.size": 10, "axes.axisbelow": True})
    modes = [mode for mode in MODES if any(row.mode == mode for row in results)]
    parts = [{row: cells for row, cells in results.items() if row.mode == mode} for mode in modes]
    figure, axes = plt.subplots(len(parts), sharex=True, squeeze=False, layout="constrained", facecolor="white",
                                figsize=(9, 1.1 + sum(0.5 + 0.27 * len(part) for part in parts)),
                                height_ratios=[len(part) + 0.6 for part in parts])
    for axis, mode, part in zip(axes[:, 0], modes, parts):
        _panel(axis, f"{MODES[mode]}, float32", part)
    _scale(axes[-1, 0], [cell[1] for cells in results.values() for cell in _timed(cells).values() if cell[1]])
    _legend(figure, engines)
    figure.savefig(path, dpi=75, metadata={"Date": None} if str(path).endswith(".svg") else None)
    plt.close(figure)


def _timed(cells):
    return {name: cell for name, cell in cells.items() if not isinstance(cell, str)}


def _panel(axis, title, part):
    for y, cells in enumerate(part.values()):
        for name, (seconds, ratio) in _timed(cells).items():
            colour, marker = STYLES[name]
            if name == "fastnet":
                axis.annotate(duration(seconds), (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
                              textcoords="offset points", va="center", fontsize=9)
            elif ratio:
                axis.plot(ratio, y, marker, color=colour, markersize=7, markeredgecolor="white", markeredgewidth=0.6)
    axis.axvline(1, color=STYLES["fastnet"][0], linewidth=2)
    axis.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axis.set_yticks(range(len(part)), [row.label for row in part])
    axis.set_ylim(len(part) - 0.4, -0.6)
    axis.grid(color="#e4e4e4")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _scale(axis, ratios):
    low, high = min([*ratios, 0.8]), max([*ratios, 1.25])
    ticks = [t for t in TICKS if low / 1.5 < t < high * 1.5]
    axis.set_xscale("log")
    axis.minorticks_off()
    axis.set_xlim(low / 1.15, high * 1.15)
    axis.set_xticks(ticks, [f"{t:g}x" for t in ticks])
    axis.set_xlabel("time relative to fastnet's (black line; printed at the right); farther right is slower")


def _legend(figure, engines):
    from matplotlib.lines import Line2D
    handles = [Line2D([], [], linestyle="", marker=STYLES[name][1], color=STYLES[name][0], markersize=9 if
                      name == "fastnet" else 7, markeredgewidth=2 if name == "fastnet" else 0.6, label=name)
               for name in engines]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False, handletextpad=0.2,
                  columnspacing=1.2)
