"""The tables as text: times in microseconds, ratios NumPy/fastnet."""
from statistics import geometric_mean

NAME = 42               # columns of a name
COLUMNS = ("NumPy us", "fastnet us", "ratio")


class Ratios:
    """Ratios by family and dtype, and their geometric means."""

    def __init__(self):
        self._values = {}

    def add(self, family, dtype, ratio):
        self._values.setdefault(family, {}).setdefault(dtype, []).append(ratio)

    def text(self, dtypes):
        """A line for each family, and one for all kernels."""
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
    """One kernel; `cells` has {engine: seconds} or None for each dtype."""
    return f"{'  ' + name:{NAME}s}" + "".join(_kernel_cell(c) for c in cells)


def _kernel_cell(seconds):
    if not seconds:
        return _columns(("-", "-", "-"))
    numpy, ours = seconds["NumPy"], seconds["fastnet"]
    return _columns((microseconds(numpy), microseconds(ours), f"{numpy / ours:.2f}"))


def _columns(texts):
    return "".join(f"{text:>{width}s}" for text, width in zip(texts, (12, 12, 8)))


def training_heading(trainers):
    """The columns: a time for each trainer, then the ratio of each to the compiled step."""
    times = "".join(f"{name + ' us':>12s}" for name in trainers)
    return f"{'one training step, float32':{NAME}s}{times}" + "".join(
        f"{name + '/compiled':>18s}" for name in trainers if name != "compiled")


def training_line(label, seconds):
    """One network; `seconds` has {trainer: seconds}."""
    times = "".join(f"{microseconds(s):>12s}" for s in seconds.values())
    return f"{label:{NAME}s}{times}" + "".join(f"{ratio:18.2f}" for ratio in training_ratios(seconds))


def training_ratios(seconds):
    """How many times longer each other trainer takes than the compiled step."""
    return [s / seconds["compiled"] for name, s in seconds.items() if name != "compiled"]


def training_means(ratios, trainers):
    """The geometric mean of each column of ratios."""
    means = "".join(f"{geometric_mean(column):18.2f}" for column in zip(*ratios))
    return f"{'geometric mean':{NAME}s}{'':{12 * len(trainers)}s}{means}"


def microseconds(seconds):
    us = seconds * 1e6
    return f"{us:.0f}" if us >= 1000 else f"{us:.1f}" if us >= 10 else f"{us:.2f}"
