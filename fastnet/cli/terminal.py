"""Text for a terminal: every line that a command prints goes through `say`."""
import sys

from fastnet.errors import printable


def say(line, stream=None):
    """Print a line in which no character controls the terminal and none is lacking in the stream's encoding.

    Column names, classes and file names come from files that others may have made: see `fastnet.errors.printable`.

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
