"""The lines of a text file: from standard input too, unpacked, and decoded."""
import codecs
import gzip
import io
import re
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

STANDARD_INPUT = "-"
GZIP = b"\x1f\x8b"
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UNDECODED = re.compile("[\udc80-\udcff]")               # bytes that are not UTF-8, as the error handler gives them
WESTERN = "cp1252"                                      # Windows-1252, whose letters are those of Latin-1
SIGNS = frozenset("€£°²³µ½§®™«»–—‘’“”…\u00a0")           # which people write among ASCII letters and digits
OTHERWISE = "--encoding (in Python encoding=)"
REMEDY = f"state its encoding with {OTHERWISE}, such as cp1251, or save the file as UTF-8"


def shown(path):
    """The name of a file for a message.

    Example:
        >>> from fastnet.data.text_lines import shown
        >>> shown("flowers.csv"), shown("-")
        ('flowers.csv', 'standard input')
    """
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


@contextmanager
def text_lines(path, encoding=None, notes=None):
    """The lines of a file, an iterator of text with its line ends. Standard input stays open.

    Args:
        path: of the file; "-" is standard input. What gzip packed is unpacked.
        encoding: its name; by default UTF-16 where the first bytes show it, else UTF-8. A file that is neither is read
            as Windows-1252, with a note, if most letters of its first line with other bytes are ASCII.
        notes: a list that a note is appended to.

    Raises:
        ValueError: the text is in another encoding, or it is not known, or a packed file is damaged.
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
        if not hasattr(raw, "peek"):                    # what takes the place of standard input
            raw = io.BufferedReader(io.BytesIO(raw.read()))
        unpacked = stack.enter_context(gzip.open(raw)) if raw.peek(2)[:2] == GZIP else raw
        encoding = known_encoding(encoding) or _wide(unpacked.peek(4)[:4])
        file = io.TextIOWrapper(unpacked, encoding or "utf-8-sig", None if encoding else "surrogateescape", newline="")
        stack.callback(file.detach)                     # or it would close what it reads
        yield file if encoding else _decoded(file, [] if notes is None else notes)


def known_encoding(encoding):
    """The name that Python has for an encoding of text; None for None.

    Raises:
        ValueError: there is no such encoding.

    Example:
        >>> from fastnet.data.text_lines import known_encoding
        >>> known_encoding("Latin 1")
        'iso8859-1'
    """
    try:
        "".encode(encoding or "utf-8")                  # which refuses codecs of bytes, such as base64
        return encoding and codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(f"unknown encoding {encoding!r}: expected a name such as utf-8, cp1252 or utf-16") from None


def _wide(head):
    """The name of UTF-16, if a file of names of columns begins so: ASCII characters have a byte of 0 each."""
    if head[:2] in MARKS:
        return "utf-16"
    zeros = [byte == 0 for byte in head]
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get(
        tuple(zeros[:2])) if zeros[:2] * 2 == zeros else None


def _decoded(file, notes):
    """Lines in UTF-8, and those of a file in Windows-1252."""
    western = False
    for number, line in enumerate(file, 1):
        if not line.isascii() and UNDECODED.search(line):
            if not western:
                _require_western(line, number)
                notes.append(f"line {number} is not UTF-8: read as Windows-1252; {OTHERWISE} names another encoding")
                western = True
            line = UNDECODED.sub(_western, line)
        yield line


def _require_western(line, number):
    """Refuse a line with more other letters and rare signs than letters of ASCII: many encodings are possible."""
    plain = sum(character.isascii() and character.isalpha() for character in line)
    others = [_western(found) for found in UNDECODED.finditer(line)]
    if "\ufffd" in others or sum(character not in SIGNS for character in others) > plain:
        byte = ord(UNDECODED.findall(line)[0]) - 0xDC00
        raise ValueError(f"line {number} is no text in UTF-8, it has the byte 0x{byte:02x}: {REMEDY}")


def _western(found):
    return bytes([ord(found[0]) - 0xDC00]).decode(WESTERN, "replace")
