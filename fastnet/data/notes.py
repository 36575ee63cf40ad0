"""Notes for the user about columns: cells that count as missing, spellings that count as one, and currencies."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastnet.data.forms import Form, kind_of_form
from fastnet.data.numerals import Numerals, currencies

__all__ = ["oddities", "one_spelling", "remark", "spellings"]


def remark(form: Form, cells: Sequence[Any], odd: Sequence[int]) -> str | None:
    """A note about a column of numbers or dates: its odd cells and several currencies; None if there is none.

    Args:
        form: Numerals or Dates.
        cells: the cells.
        odd: the rows whose cells count as missing although they are not empty.

    Example:
        >>> from fastnet.data.notes import remark
        >>> from fastnet.data.numerals import Numerals
        >>> remark(Numerals(), ["$1", "?", "€2"], [1])
        "is numeric except '?' in row 1 (counted from 0); holds several currencies, not converted: $, €"
    """
    found = [oddities(kind_of_form(form), cells, odd)]
    money = currencies(cells) if isinstance(form, Numerals) else []
    if len(money) > 1:
        found.append(f"holds several currencies, not converted: {', '.join(money)}")
    return "; ".join(filter(None, found)) or None


def oddities(kind: str, cells: Sequence[Any], odd: Sequence[int]) -> str | None:
    """A note about cells that count as missing: "is numeric except '?' in row 3 (counted from 0)"; None without any.

    Args:
        kind: "number" or "date".
        cells: the cells.
        odd: the rows of these cells, in order.

    Example:
        >>> from fastnet.data.notes import oddities
        >>> oddities("number", ["1", "?", "2", "-"], [1, 3])
        "is numeric except '?' in row 1 (counted from 0) and 1 more cell"
    """
    if not odd:
        return None
    more = f" and {len(odd) - 1} more cell{'s' * (len(odd) > 2)}" if len(odd) > 1 else ""
    what = {"number": "is numeric", "date": "holds dates"}[kind]
    return f"{what} except {cells[odd[0]]!r} in row {odd[0]} (counted from 0){more}"


def one_spelling(texts: Iterable[str | None]) -> dict[str, str]:
    """For texts that differ in capitals only, such as YES, yes and Yes: {spelling: the most frequent spelling}.

    Args:
        texts: texts, or None for missing ones.

    Example:
        >>> from fastnet.data.notes import one_spelling
        >>> one_spelling(["Yes", "yes", "Yes", "no", None])
        {'yes': 'Yes'}
    """
    counts = Counter(text for text in texts if isinstance(text, str))
    most: dict[str, str] = {}
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        most.setdefault(text.casefold(), text)
    return {text: most[text.casefold()] for text in counts if most[text.casefold()] != text}


def spellings(same: Mapping[str, str]) -> str | None:
    """A note about the result of `one_spelling`; None if it is empty.

    Example:
        >>> from fastnet.data.notes import spellings
        >>> spellings({"yes": "Yes", "YES": "Yes", "NO": "no"})
        "treats 'NO' as 'no', 'YES' as 'Yes' and 1 more spelling"
    """
    if not same:
        return None
    shown = ", ".join(f"{text!r} as {same[text]!r}" for text in sorted(same)[:2])
    more = len(same) - 2
    return f"treats {shown}" + f" and {more} more spelling{'s' * (more > 1)}" * (more > 0)
