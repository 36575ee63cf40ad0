"""Lines of a text file or of standard input, unpacked and decoded."""
from __future__ import annotations

import codecs
import gzip
import io
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["REMEDY", "STANDARD_INPUT", "known_encoding", "shown", "text_lines"]

STANDARD_INPUT = "-"
_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNDECODED = re.compile("[\udc80-\udcff]")      # bytes that are not UTF-8, as the error handler "surrogateescape" gives
_WESTERN = "cp1252"                             # Windows-1252, whose letters are those of Latin-1
_SIGNS = frozenset("€£°²³µ½§®™«»–—‘’“”…\u00a0")  # common signs in texts of ASCII letters
_OPTION = "--encoding (in Python encoding=)"
REMEDY = f"state its encoding with {_OPTION}, such as cp1251, or save the file as UTF-8"


def shown(path: StrPath) -> str:
    """The name of a file in messages.

    Example:
        >>> from fastnet.data.text_lines import shown
        >>> shown("flowers.csv"), shown("-")
        ('flowers.csv', 'standard input')
    """
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


@contextmanager
def text_lines(path: StrPath, encoding: str | None = None, notes: list[str] | None = None) -> Iterator[Iterator[str]]:
    """Open a text file and iterate over its lines, with their line ends. Standard input stays open.

    Args:
        path: path of the file; "-" means standard input. Files packed by gzip are unpacked.
        encoding: name of the encoding. By default UTF-16 if the first bytes show it, else UTF-8. If a line is not valid
            UTF-8, the file is read as Windows-1252, with a note, provided that most letters of this line are ASCII.
        notes: a list to which the note is appended.

    Raises:
        ValueError: the text has another encoding, the encoding is unknown, or a packed file is damaged.
        OSError: the file cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> from fastnet.data.text_lines import text_lines
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path, notes = pathlib.Path(folder, "names.csv"), []
        ...     _ = path.write_bytes("name\\nMüller\\n".encode("latin-1"))
        ...     with text_lines(path, notes=notes) as lines:
        ...         print(list(lines), notes[0].partition(";")[0])
        ['name\\n', 'Müller\\n'] line 2 is not UTF-8: read as Windows-1252
    """
    with ExitStack() as stack:
        raw: Any = sys.stdin.buffer if str(path) == STANDARD_INPUT else stack.enter_context(Path(path).open("rb"))
        if not hasattr(raw, "peek"):                    # an object that replaces standard input
            raw = io.BufferedReader(io.BytesIO(raw.read()))
        unpacked = stack.enter_context(gzip.open(raw)) if raw.peek(2)[:2] == _GZIP_MAGIC else raw
        encoding = known_encoding(encoding) or _utf16_of(unpacked.peek(4)[:4])
        file = io.TextIOWrapper(unpacked, encoding or "utf-8-sig", None if encoding else "surrogateescape", newline="")
        stack.callback(file.detach)                     # keeps standard input open
        yield file if encoding else _decoded(file, [] if notes is None else notes)


def known_encoding(encoding: str | None) -> str | None:
    """Python's name of a text encoding; None for None.

    Raises:
        ValueError: unknown encoding.

    Example:
        >>> from fastnet.data.text_lines import known_encoding
        >>> known_encoding("Latin 1")
        'iso8859-1'
    """
    try:
        "".encode(encoding or "utf-8")                  # refuses codecs of bytes, such as base64
        return encoding and codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(f"unknown encoding {encoding!r}: expected a name such as utf-8, cp1252 or utf-16") from None


def _utf16_of(head: bytes) -> str | None:
    """The variant of UTF-16 in which a file begins, or None: in it every ASCII character has a zero byte."""
    if head[:2] in _UTF16_MARKS:
        return "utf-16"
    zeros = [byte == 0 for byte in head]
    return "utf-16-le" if zeros == [False, True] * 2 else "utf-16-be" if zeros == [True, False] * 2 else None


def _decoded(file: Iterable[str], notes: list[str]) -> Iterator[str]:
    """Decode bytes that are not UTF-8 as Windows-1252, with a note."""
    western = False
    for number, line in enumerate(file, 1):
        if not line.isascii() and _UNDECODED.search(line):
            if not western:
                _require_western(line, number)
                notes.append(f"line {number} is not UTF-8: read as Windows-1252; {_OPTION} names another encoding")
                western = True
            line = _UNDECODED.sub(_western, line)
        yield line


def _require_western(line: str, number: int) -> None:
    """Raise if a line has more undecoded letters and rare signs than ASCII letters: it may have any encoding."""
    ascii_letters = sum(character.isascii() and character.isalpha() for character in line)
    others = [_western(found) for found in _UNDECODED.finditer(line)]
    if "\ufffd" in others or sum(character not in _SIGNS for character in others) > ascii_letters:
        byte = ord(_UNDECODED.findall(line)[0]) - 0xDC00
        raise ValueError(f"line {number} is not valid UTF-8, it has the byte 0x{byte:02x}; {REMEDY}")


def _western(found: re.Match[str]) -> str:
    return bytes([ord(found[0]) - 0xDC00]).decode(_WESTERN, "replace")
