"""Output on a terminal: `say` prints every line of the commands."""
from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastnet._core.errors import printable

__all__ = ["PrintableStream", "column_lines", "note", "say"]

_MOST_COLUMNS = 100                             # columns that get a line each


def say(line: object, stream: Any = None) -> None:
    """Print a line, with control characters escaped, and characters that the stream's encoding lacks.

    Column names, classes and file names can come from files made by others: see `printable`.

    Args:
        line: its text.
        stream: default: standard output.

    Example:
        >>> from fastnet.cli.terminal import say
        >>> say("class: \\x1b[31mred")
        class: \\x1b[31mred
    """
    stream = sys.stdout if stream is None else stream
    print(_encodable(printable(line), stream), file=stream)


def note(text: str) -> None:
    """Print a line on stderr about something that the user should know, though nothing failed."""
    say(f"fastnet: note: {' '.join(text.split())}", sys.stderr)


def column_lines(reports: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lines that show how each column of a table was read.

    Args:
        reports: (name, kind, note) of each column; beyond 100 columns, the rest are counted.

    Example:
        >>> from fastnet.cli.terminal import column_lines
        >>> column_lines([("size", "number", ""), ("id", "left out", "it numbers the rows")])
        ['column  kind      note', 'size    number', 'id      left out  it numbers the rows']
    """
    if not reports:
        return []
    shown = [("column", "kind", "note"), *([printable(cell) for cell in report] for report in reports[:_MOST_COLUMNS])]
    widths = [max(len(row[i]) for row in shown) for i in (0, 1)]
    lines = [f"{name:{widths[0]}}  {kind:{widths[1]}}  {text}".rstrip() for name, kind, text in shown]
    others = Counter(kind for _, kind, _ in reports[_MOST_COLUMNS:])
    return lines + [f"and {count} more columns of the kind {kind!r}" for kind, count in others.items()]


class PrintableStream:
    """A stream that escapes control characters, as a file for `csv.writer`.

    Args:
        stream: the stream, such as sys.stdout.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write text, escaped line by line."""
        lines = "\n".join(map(printable, text.split("\n")))
        self._stream.write(_encodable(lines, self._stream))


def _encodable(text: str, stream: Any) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
