"""The report of `compact`: sizes, multiply-adds and time, and the channels of each layer."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from fastnet.training.history import aligned

__all__ = ["CompactLayer", "CompactReport"]


@dataclass(frozen=True)
class CompactLayer:
    """One convolution or linear layer of a compacted model.

    Attributes:
        name: its path in the model.
        type: the name of its class.
        before: its output channels before.
        after: its output channels now.
        reason: why channels of it that are constant, or all of its channels, stay; "" otherwise.

    Example:
        >>> from fastnet.prune import CompactLayer
        >>> CompactLayer("conv1", "Conv2d", 64, 32).after
        32
    """

    name: str
    type: str
    before: int
    after: int
    reason: str = ""


@dataclass
class CompactReport:
    """The result of `fastnet.prune.compact`; `print` shows it as a table.

    Attributes:
        before, after: measures of the model with zeros and of the compacted one: "parameters", "bytes" of parameters
            and buffers, "multiply_adds" of the example and, if it was timed, "seconds" of the example.
        layers: one entry for each convolution and linear layer.

    Example:
        >>> from fastnet.prune import CompactLayer, CompactReport
        >>> print(CompactReport({"parameters": 2000, "seconds": 0.002}, {"parameters": 500, "seconds": 0.001},
        ...                     [CompactLayer("conv1", "Conv2d", 64, 32)]))
                      before  after  ratio
        parameters     2,000    500    4.0
        milliseconds   2.000  1.000    2.0
        <BLANKLINE>
        layer    type  before  after  reason
        conv1  Conv2d      64     32
    """

    before: dict[str, float]
    after: dict[str, float]
    layers: list[CompactLayer] = field(default_factory=list)

    @property
    def speedup(self) -> float:
        """The time before over the time after; NaN if they were not measured."""
        return self.before["seconds"] / self.after["seconds"] if "seconds" in self.after else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [("", "before", "after", "ratio")]
        for name, title, text in _REPORTED:
            if name in self.before and name in self.after:
                ratio = self.before[name] / self.after[name] if self.after[name] else float("inf")
                rows.append((title, text(self.before[name]), text(self.after[name]), f"{ratio:.1f}"))
        width = max(len(row[0]) for row in rows)
        text = aligned([(row[0].ljust(width), *row[1:]) for row in rows])
        if not self.layers:
            return text
        lines = [("layer", "type", "before", "after", "reason")]
        lines += [(x.name, x.type, str(x.before), str(x.after), x.reason) for x in self.layers]
        width = max(len(line[-1]) for line in lines)
        table = aligned([(*line[:-1], line[-1].ljust(width)) for line in lines])
        return text + "\n\n" + "\n".join(line.rstrip() for line in table.split("\n"))


_REPORTED: tuple[tuple[str, str, Any], ...] = (
    ("parameters", "parameters", lambda x: f"{int(x):,}"), ("bytes", "size in bytes", lambda x: f"{int(x):,}"),
    ("multiply_adds", "multiply-adds", lambda x: f"{int(x):,}"),
    ("seconds", "milliseconds", lambda x: f"{1000 * x:.3f}"))
