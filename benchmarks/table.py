"""Text tables of times in microseconds and ratios peer/fastnet."""
from statistics import geometric_mean

NAME = 42               # width of a name
PEER = 18               # width of a peer's time and ratio
COLUMNS = ("NumPy us", "fastnet us", "ratio")


class Ratios:
    """Ratios by family and dtype, and their geometric means."""

    def __init__(self):
        self._values = {}

    def add(self, family, dtype, ratio):
        self._values.setdefault(family, {}).setdefault(dtype, []).append(ratio)

    def text(self, dtypes):
        """The table of means: a line for each family, and one for all kernels."""
        lines = [f"{'geometric mean of the ratios':{NAME}s}" + "".join(f"{d:>12s}" for d in dtypes)]
        lines += [self._line(family, [values.get(d, []) for d in dtypes]) for family, values in self._values.items()]
        together = [[r for values in self._values.values() for r in values.get(d, [])] for d in dtypes]
        return "\n".join([*lines, self._line("all kernels", together)])

    @staticmethod
    def _line(name, columns):
        count = max(map(len, columns))
        cells = [f"{geometric_mean(ratios):12.2f}" if ratios else f"{'-':>12s}" for ratios in columns]
        return f"{f'{name} ({count})':{NAME}s}" + "".join(cells)


def kernel_heading(dtypes):
    above = "".join(f"{d:>32s}" for d in dtypes)
    return f"{'':{NAME}s}{above}\n{'':{NAME}s}" + (_columns(COLUMNS) * len(dtypes))


def kernel_line(name, cells):
    """The line of a kernel; `cells` has {engine: seconds} or None for each dtype."""
    return f"{'  ' + name:{NAME}s}" + "".join(_kernel_cell(c) for c in cells)


def _kernel_cell(seconds):
    if not seconds:
        return _columns(("-", "-", "-"))
    numpy, ours = seconds["NumPy"], seconds["fastnet"]
    return _columns((microseconds(numpy), microseconds(ours), f"{numpy / ours:.2f}"))


def _columns(texts):
    return "".join(f"{text:>{width}s}" for text, width in zip(texts, (12, 12, 8)))


def peer_heading(mode, engines):
    return f"{mode + ', float32':{NAME}s}" + "".join(f"{name + ' us':>{PEER}s}" for name in engines)


def peer_line(label, engines, cells):
    """A line; `cells` has (seconds, ratio to fastnet or None), or a word, for each engine that took part."""
    return f"{label:{NAME}s}" + "".join(f"{_peer_cell(cells.get(name, '-')):>{PEER}s}" for name in engines)


def _peer_cell(cell):
    if isinstance(cell, str):
        return cell
    seconds, ratio = cell
    return microseconds(seconds) + (f" x{ratio:.2f}" if ratio else "")


def peer_means(engines, ratios):
    """The line of geometric means of the ratios of each engine."""
    cells = (f"x{geometric_mean(ratios[name]):.2f}" if ratios.get(name) else "" for name in engines)
    return f"{'geometric mean':{NAME}s}" + "".join(f"{cell:>{PEER}s}" for cell in cells)


def microseconds(seconds):
    us = seconds * 1e6
    return f"{us:.0f}" if us >= 1000 else f"{us:.1f}" if us >= 10 else f"{us:.2f}"


def duration(seconds):
    """A time as text, in us, ms or s."""
    factor, unit = (1e6, "us") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1, "s")
    return f"{seconds * factor:.3g} {unit}"
