"""The report of a quantisation: accuracy, size and speed, and the error of each layer."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fastnet.training.history import aligned

__all__ = ["LayerReport", "Report"]


@dataclass(frozen=True)
class LayerReport:
    """One layer of a quantised model.

    Attributes:
        name: its path in the model, or the name of its result.
        operation: such as "conv".
        type: "int8", "int4" or "float32".
        error: the root of the mean squared error of its result, relative to that of the result; None if not measured.
        reason: why it is float32; "" for quantised layers.

    Example:
        >>> from fastnet.quantization import LayerReport
        >>> LayerReport("fc", "linear", "int8", 0.01).type
        'int8'
    """

    name: str
    operation: str
    type: str
    error: float | None = None
    reason: str = ""


@dataclass
class Report:
    """The result of `fastnet.quantize`; `print` shows it as a table.

    Attributes:
        scheme: of the quantisation.
        before, after: measures of the float32 model and of the quantised one: "accuracy" and "loss" if labels were
            given, "bytes" of the weights and buffers, "seconds" of a batch.
        layers: one entry for each layer with weights, and for each operation that stays float32 among int8.

    Example:
        >>> from fastnet.quantization import LayerReport, Report
        >>> print(Report("static", {"bytes": 400}, {"bytes": 100}, [LayerReport("fc", "linear", "int8", 0.01)]))
        static         float32  quantised
        size in bytes      400        100
        <BLANKLINE>
        layer  operation  type  error  reason
           fc     linear  int8  1.00%
    """

    scheme: str
    before: dict[str, float]
    after: dict[str, float]
    layers: list[LayerReport] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [(self.scheme, "float32", "quantised")]
        for name, title, form in _MEASURES:
            if name in self.before and name in self.after:
                lines.append((title, form(self.before[name]), form(self.after[name])))
        width = max(len(line[0]) for line in lines)
        text = aligned([(line[0].ljust(width), *line[1:]) for line in lines])
        if not self.layers:
            return text
        rows: list[Sequence[str]] = [("layer", "operation", "type", "error", "reason")]
        for layer in self.layers:
            error = "" if layer.error is None else f"{layer.error:.2%}"
            rows.append((layer.name, layer.operation, layer.type, error, layer.reason))
        return text + "\n\n" + "\n".join(line.rstrip() for line in aligned(rows).split("\n"))


_MEASURES: tuple[tuple[str, str, Any], ...] = (
    ("accuracy", "accuracy", lambda x: f"{x:.4f}"), ("loss", "loss", lambda x: f"{x:.4f}"),
    ("bytes", "size in bytes", lambda x: f"{int(x):,}"), ("seconds", "ms per batch", lambda x: f"{1000 * x:.2f}"))
