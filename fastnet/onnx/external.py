"""The elements of tensors that lie in other files, beside the model's."""
from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING

from fastnet._core.errors import printable
from fastnet.onnx.wire import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExternalFiles"]

MOST_READINGS = 4                       # of the bytes of a file, whose tensors may overlap
_ALWAYS_READ = 2**20                    # bytes of tensors that may be read of any file


class ExternalFiles(contextlib.ExitStack):
    """Reads elements from the files in the folder of a model. A file stays open until another one is read.

    Args:
        folder: of the model; None for a model that was read from memory.

    Example:
        >>> import os, tempfile
        >>> from fastnet.onnx.external import ExternalFiles
        >>> with tempfile.TemporaryDirectory() as folder, ExternalFiles(folder) as files:
        ...     with open(os.path.join(folder, "w.bin"), "wb") as file:
        ...         _ = file.write(b"abcdef")
        ...     files.read({"location": "w.bin", "offset": "2"}, 3, "tensor 'w'")
        b'cde'
    """

    def __init__(self, folder: str | None) -> None:
        super().__init__()
        self._folder = folder
        self._path = ""                                 # of the open file
        self._file: IO[bytes] | None = None
        self._counts: dict[str, int] = {}               # how many bytes were read, by path

    def read(self, entries: Mapping[str, str], size: int, what: str) -> bytes:
        """The bytes of a tensor.

        Args:
            entries: `location`, and perhaps `offset` and `length`.
            size: the number of bytes that the tensor has.
            what: the name of the tensor in errors.

        Raises:
            DamagedFileError: the file has too few bytes, is read too often, or lies outside of the folder.
            OSError: the file cannot be read.
        """
        location = printable(entries.get("location", ""))
        if self._folder is None:
            raise DamagedFileError(f"{what} lies in another file, {location!r}, but the model was read from memory; "
                                   "load it from its folder")
        offset, length = _entry_number(entries, "offset", 0, what), _entry_number(entries, "length", size, what)
        if length != size:
            raise DamagedFileError(f"{what}: expected {size} bytes for its shape, got {length}")
        path = _inside(self._folder, entries.get("location", ""), what)
        file = self._opened(path)
        present = os.fstat(file.fileno()).st_size
        if offset + size > present:
            raise DamagedFileError(f"{what}: expected {size} bytes at {offset} of {location!r}, which has {present}")
        self._counts[path] = self._counts.get(path, 0) + size
        if self._counts[path] > MOST_READINGS * present + _ALWAYS_READ:
            raise DamagedFileError(f"{what}: expected tensors that take at most {MOST_READINGS} times the {present} "
                                   f"bytes of {location!r}, got more")
        file.seek(offset)
        return file.read(size)

    def _opened(self, path: str) -> IO[bytes]:
        if self._file is None or path != self._path:
            self.close()
            self._file, self._path = self.enter_context(open(path, "rb")), path     # noqa: SIM115      # it stays open
        return self._file


def _entry_number(entries: Mapping[str, str], key: str, default: int, what: str) -> int:
    text = entries.get(key, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise DamagedFileError(f"{what}: expected a number for {key}, got {printable(text[:40])!r}")
    return int(text)


def _inside(folder: str, location: str, what: str) -> str:
    """The path of a regular file in a folder or its subfolders."""
    root = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(root, location)) if "\0" not in location else root
    if os.path.isabs(location) or os.path.commonpath([root, path]) != root:
        raise DamagedFileError(f"{what}: expected a file in the folder of the model, got {printable(location)!r}")
    if not os.path.isfile(path):
        raise FileNotFoundError(2, f"the file with the elements of {what} is missing", path)
    return path
