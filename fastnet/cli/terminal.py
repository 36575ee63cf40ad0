"""Text for a terminal: every line that a command prints goes through `say`."""
import sys
from collections import Counter

from fastnet._core.errors import printable

_MOST = 100                             # columns of which each gets a line


def say(line, stream=None):
    """Print a line in which no character controls the terminal and none is lacking in the stream's encoding.

    Column names, classes and file names come from files that others may have made: see `printable`.

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


def note(text):
    """Say in a line of stderr what a user should know, though nothing failed."""
    say(f"fastnet: note: {' '.join(text.split())}", sys.stderr)


def rows_of_columns(reports):
    """Lines that say how each column of a table was read.

    Args:
        reports: (name, kind, note) of each column; of more than 100 the others are counted.

    Example:
        >>> from fastnet.cli.terminal import rows_of_columns
        >>> rows_of_columns([("size", "number", ""), ("id", "left out", "it numbers the rows")])
        ['column  kind      note', 'size    number', 'id      left out  it numbers the rows']
    """
    if not reports:
        return []
    shown = [("column", "kind", "note"), *([printable(cell) for cell in report] for report in reports[:_MOST])]
    widths = [max(len(row[i]) for row in shown) for i in (0, 1)]
    lines = [f"{name:{widths[0]}}  {kind:{widths[1]}}  {text}".rstrip() for name, kind, text in shown]
    others = Counter(kind for _, kind, _ in reports[_MOST:])
    return lines + [f"and {count} columns more of the kind {kind!r}" for kind, count in others.items()]


class Printed:
    """A stream's `write` for text in which no character controls the terminal, as a file for `csv.writer`.

    Args:
        stream: the stream, such as sys.stdout.
    """

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        lines = "\n".join(map(printable, text.split("\n")))
        self._stream.write(_encodable(lines, self._stream))


def _encodable(text, stream):
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
