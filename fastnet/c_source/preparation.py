"""The preparation of a table's row as C: numbers, categories and dates as the model takes them."""
from __future__ import annotations

from typing import Any

from fastnet.c_source.constants import comment_text

__all__ = ["preparation_text"]


def preparation_text(name: str, preparation: Any) -> tuple[str, str]:
    """The function `NAME_prepare`: (its definition, its declaration).

    Args:
        name: the prefix of public names.
        preparation: a fitted `fastnet.data.TablePreparation`.

    Raises:
        NotImplementedError: a column of text.
    """
    lines, documented, start = [], [], 0
    for i, (column, encoder) in enumerate(preparation.encoders.items()):
        if encoder.kind not in _COLUMNS:
            raise NotImplementedError(f"export_c: column {column!r} holds {encoder.kind}, which has no rule for C; use "
                                      "a preparation that leaves it out")
        call, what = _COLUMNS[encoder.kind](encoder, f"input + {start}", f"columns[{i}]")
        lines.append(f"    {call}    /* {comment_text(column)} */")
        documented.append(f" *   {i}: {comment_text(column)}, {comment_text(what)}")
        start += len(encoder.names(column))
    head = f"void {name}_prepare(const double *columns, float *input)"
    text = "\n".join(["/**", " * Prepare a row of a table as input of the model.", " *",
                      f" * @param columns {len(lines)} numbers, NaN where one is missing:", *documented,
                      f" * @param input {start} numbers, written", " */", f"{head};"])
    return f"{head}\n{{\n" + "\n".join(lines) + "\n}", text


def _number_call(encoder: Any, y: str, x: str) -> tuple[str, str]:
    low = "-HUGE_VAL" if encoder.low is None else repr(float(encoder.low))
    high = "HUGE_VAL" if encoder.high is None else repr(float(encoder.high))
    numbers = ", ".join([repr(float(encoder.fill)), low, high, repr(float(encoder.mean)), repr(float(encoder.scale))])
    return f"prepare_number({y}, {x}, {numbers});", "a number"


def _category_call(encoder: Any, y: str, x: str) -> tuple[str, str]:
    count = len(encoder.categories)
    fill = encoder.categories.index(encoder.fill) if encoder.fill in encoder.categories else count
    listed = ", ".join(f"{i} {category!r}" for i, category in enumerate(encoder.categories))
    return (f"prepare_category({y}, {x}, {fill}, {count}, {int(encoder.other)});",
            f"a category: {listed}; any other number for one that is not listed")


def _date_call(encoder: Any, y: str, x: str) -> tuple[str, str]:
    numbers = ", ".join(repr(float(number)) for number in (encoder.fill, encoder.mean, encoder.scale))
    return (f"prepare_date({y}, {x}, {numbers}, {int(encoder.days)}, {int(encoder.hours)});",
            "a date: seconds since 1970-01-01T00:00")


_COLUMNS = {"number": _number_call, "category": _category_call, "date": _date_call}
