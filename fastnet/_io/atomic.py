"""Atomic replacement of files."""
from __future__ import annotations

import os
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape, glob
from typing import Any

from fastnet._core.annotations import StrPath

__all__ = ["replacing"]

ABANDONED = 3600                        # seconds without a write, after which a temporary file's writer is dead


@contextmanager
def replacing(path: StrPath, mode: str = "wb", **options: Any) -> Iterator[Any]:
    """Open a temporary file that replaces `path` atomically when the block ends without an error.

    Readers see the old contents or the new, never a mixture. After an error the temporary file is removed; one that a
    killed process left is removed an hour later, by the next process that writes the same file. A symbolic link is
    kept, and its target is replaced. Devices and pipes cannot be replaced: they are written directly.

    Args:
        path: the file to write; its folder must exist.
        mode, options: see `open`; the mode must begin with "w".

    Raises:
        OSError: naming `path`: a full disk, a missing folder, a read-only file.
    """
    path = os.fsdecode(path)
    old = _file_mode(path)
    if not os.path.basename(path) or not (old is None or stat.S_ISREG(old)):
        with open(path, mode, **options) as file:           # for a folder, or an empty name, this raises
            yield file
        return
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    # a checksum of the name, since the name itself can have the greatest length already
    prefix = os.path.join(folder, f".fastnet-{zlib.crc32(os.fsencode(name)):08x}-")
    temporary = f"{prefix}{os.urandom(6).hex()}.tmp"
    try:
        if old is not None:
            os.close(os.open(target, os.O_WRONLY))          # raises for a read-only file, which must not be replaced
        _remove_abandoned(prefix)
        with open(temporary, mode.replace("w", "x"), **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            os.chmod(temporary, stat.S_IMODE(old) & 0o777)
        os.replace(temporary, target)
    except BaseException as e:
        with suppress(OSError):         # the file may not exist; a read-only file system raises before it looks
            os.remove(temporary)
        if isinstance(e, OSError) and e.errno is not None and (
                not isinstance(e.filename, str) or e.filename in (temporary, target)):
            e.filename = path
            del e.filename2             # the second name in an error of os.replace
        raise


def _file_mode(path: str) -> int | None:
    """Type and permissions of a file; None if it does not exist."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _remove_abandoned(prefix: str) -> None:
    """Remove the temporary files of killed processes."""
    for left in glob(f"{escape(prefix)}*.tmp"):
        with suppress(OSError):
            if time.time() - os.path.getmtime(left) > ABANDONED:
                os.remove(left)
