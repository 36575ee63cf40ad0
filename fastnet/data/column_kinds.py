"""The choice of a kind for each column of a table: number, category, text or date, or a reason to leave it out."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet.data.frames import NESTED
from fastnet.data.numerals import judged_numerals
from fastnet.data.values import as_numbers, as_texts

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind

__all__ = ["TEXTUAL", "Judgement", "judged_kind", "nested_columns"]

TEXTUAL: tuple[Kind, ...] = ("category", "text")        # kinds whose cells are not read as numbers or dates
_FEW = 20                               # texts with so few different values are categories, however few the rows
# Names of columns that number the rows: none, "Unnamed: 0", "index", and names that end in the word "id".
_COUNTER = re.compile(r"|[Uu]nnamed: 0|[Ii]ndex|(.*[\W_])?(id|Id|ID)|.*[a-z]I[dD]")


class Judgement(NamedTuple):
    """The kind of a column (None if it is left out), the values to learn from, and why it is left out (None if not)."""
    kind: Kind | None
    values: Any
    reason: str | None


def judged_kind(name: str, column: Array, stated: Kind | None, rows: Any, max_categories: int) -> Judgement:
    """Choose the kind of a column.

    A column of numbers is a number, one of dates a date. It is left out if it numbers the rows: its name is "id",
    "index" or the like, and its values are different whole numbers. For columns of text see `_text_kind`. Columns
    without values are left out.

    Args:
        name: the name of the column.
        column: the values of all rows.
        stated: the kind that the user states; None: choose.
        rows: the rows to learn from.
        max_categories: largest number of categories.

    Raises:
        ValueError: the column should be numeric, but contains something else.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.column_kinds import judged_kind
        >>> judged_kind("id", np.array([1, 2, 3]), None, slice(None), 50).reason
        'it numbers the rows'
    """
    textual = stated in TEXTUAL or (stated is None and column.dtype == object)
    if not textual:
        as_numbers(column)                              # raises an error that counts the row among all rows
    values = as_texts(column[rows]) if textual else column[rows]
    if _is_empty(values):
        return Judgement(stated, values, "it is empty")
    if stated is None and textual:
        return _text_kind(values, max_categories)
    numbering = stated is None and column.dtype.kind in "iu" and _COUNTER.fullmatch(name)
    if numbering and len(np.unique(column)) == len(column):
        return Judgement(stated, values, "it numbers the rows")
    return Judgement(stated or ("date" if column.dtype.kind == "M" else "number"), values, None)


def _text_kind(values: Sequence[str | None], max_categories: int) -> Judgement:
    """Choose the kind of a column of text.

    It is a category if its values repeat (each occurs twice on average) and there are not too many. Otherwise it is
    text if its values have more than 1.5 words on average. Otherwise it is a category if it has at most 20 different
    values or its values repeat; else it is left out.
    """
    texts = [text for text in values if text is not None]
    different = len({text.casefold() for text in texts})
    words = sum(len(text.split()) for text in texts) / len(texts)
    repeated = 2 * different <= len(texts)
    if repeated and different <= max_categories:
        return Judgement("category", values, None)
    if words > 1.5:
        return Judgement("text", values, None)
    if different > _FEW and not repeated:
        return Judgement(None, values, _odd_numbers(texts) or "most rows have a different value")
    return Judgement("category", values, None)


def _odd_numbers(texts: Sequence[str]) -> str | None:
    """Why a column was not read as numbers, if at least half of its cells are numbers; else None."""
    numerals, read = judged_numerals(Counter(texts))
    if 2 * read < len(texts):
        return None
    odd = next((text for text in texts if numerals.value(text) is None), None)
    return odd and (f"{100 * read // len(texts)}% of its cells are numbers, the first other one is {odd!r}: clean "
                    "these cells to learn from it")


def _is_empty(values: Any) -> bool:
    if isinstance(values, list):
        return all(text is None for text in values)
    return values.dtype.kind in "fM" and bool(np.isnan(values).all())


def nested_columns(named: Mapping[str, Array]) -> dict[str, str]:
    """The columns whose cells hold more than one value, with this reason to leave them out.

    Example:
        >>> from fastnet.data.column_kinds import nested_columns
        >>> from fastnet.data.values import object_array
        >>> nested_columns({"many": object_array([[1, 2], [3]])})
        {'many': 'its cells hold more than one value'}
    """
    return {name: "its cells hold more than one value" for name, column in named.items()
            if column.dtype == object and any(isinstance(cell, NESTED) for cell in column.tolist())}
