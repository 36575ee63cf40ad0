"""Parts of an emitted file after the model: the preparation of a table's row, labels, conversions, the self-test."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastnet.c_source.constants import comment_text, float_text, string_text
from fastnet.c_source.preparation import preparation_text
from fastnet.c_source.program import count_of

if TYPE_CHECKING:
    from fastnet.c_source.integer_interface import Scale
    from fastnet.c_source.writing import Port, Source

__all__ = ["Extra", "add_conversions", "add_labels", "add_preparation", "add_target"]


@dataclass
class Extra:
    """The parts of a file after the model.

    Attributes:
        code: definitions of public functions and constants.
        header: their declarations.
        test: the main program of the self-test.
    """

    code: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    test: str = ""

    def add(self, declaration: str, body: str, documentation: str) -> None:
        """Add a public function.

        Args:
            declaration: its head.
            body: its statements.
            documentation: one line.
        """
        self.code.append(f"{declaration}\n{{\n{body}\n}}")
        self.header += ["", f"/** {documentation} */", f"{declaration};"]


def add_preparation(extra: Extra, source: Source, preparation: Any) -> None:
    """Add the function that prepares the row of a table.

    Args:
        extra: to add to.
        source: the source.
        preparation: a fitted `fastnet.data.TablePreparation`.

    Raises:
        ValueError: it gives another number of features than the model takes.
    """
    features, sizes = len(preparation.feature_names), [count_of(p.value) for p in source.inputs]
    if sizes != [features]:
        raise ValueError(f"export_c: the preparation gives {features} numbers, the model takes {sizes}; export it with "
                         "an example of one row")
    code, header = preparation_text(source.name, preparation)
    extra.code.append(code)
    extra.header += ["", header]


def add_labels(extra: Extra, source: Source, labels: Sequence[str]) -> None:
    """Add the names of the outputs.

    Raises:
        ValueError: another number of labels than of outputs.
    """
    count = count_of(source.outputs[0].value)
    if len(labels) != count:
        raise ValueError(f"export_c: expected a label for each of {count} outputs, got {len(labels)}")
    declaration = f"const char *const {source.name}_labels[{count}]"
    extra.code.append(f"{declaration} = {{{', '.join(string_text(str(label)) for label in labels)}}};")
    extra.header += ["", "/** The names of the outputs. */", f"extern {declaration};"]


def add_conversions(extra: Extra, source: Source, inputs: Sequence[Scale], outputs: Sequence[Scale]) -> None:
    """Add the functions that quantise inputs and dequantise outputs.

    Args:
        extra: to add to.
        source: the source.
        inputs, outputs: the scale of each.
    """
    for ports, scales, verb in ((source.inputs, inputs, "quantize"), (source.outputs, outputs, "dequantize")):
        for port, scale in zip(ports, scales, strict=True):
            _add_conversion(extra, source, port, scale, verb, len(ports) > 1)


def _add_conversion(extra: Extra, source: Source, port: Port, scale: Scale, verb: str, several: bool) -> None:
    types = ("float", "int8_t") if verb == "quantize" else ("int8_t", "float")
    name = f"{source.name}_{verb}" + (f"_{port.name}" if several else "")
    number = f"x[i], {float_text(scale.scale)}, {scale.zero}"
    extra.add(f"void {name}(const {types[0]} *x, {types[1]} *y)",
              f"    for (int32_t i = 0; i < {port.macro}; i++)\n        y[i] = {verb}d({number});",
              f"{port.name}: an 8-bit integer q stands for (q - {scale.zero}) * {float_text(scale.scale)}.")


def add_target(extra: Extra, source: Source, target: Any) -> None:
    """Add the classes of a classification as labels, or the function that gives values in the units of the target.

    Args:
        extra: to add to.
        source: the source.
        target: a fitted `fastnet.data.TargetPreparation` or `MultiTargetPreparation`.

    Raises:
        ValueError: the model has another number of outputs.
    """
    parts = getattr(target, "targets", None) or {"": target}
    if target.task == "classification":
        add_labels(extra, source, list(map(str, target.classes)))
    elif target.task == "regression":
        count = count_of(source.outputs[0].value)
        if count != len(parts):
            raise ValueError(f"export_c: the target has {len(parts)} values, the model gives {count}; export it with "
                             "an example of one row")
        lines = [f"    values[{i}] = {part.mean!r} + {part.scale!r} * output[{i}];" for i, part in
                 enumerate(parts.values())]
        names = ", ".join(comment_text(name) for name in parts if name)
        extra.add(f"void {source.name}_values(const float *output, double *values)", "\n".join(lines),
                  f"The predictions{f' of {names}' if names else ''} in the units of the target, days for a date.")
    else:
        add_labels(extra, source, [str(name) for name in parts])
