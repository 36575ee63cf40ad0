"""Files of data sets: the folders to search, downloads, checksums, and instructions for use without a network."""
from __future__ import annotations

import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from fastnet._core.optional import optional
from fastnet._io.atomic import replacing

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["Split", "cache_folder", "check_digest", "decompressed", "download", "folders_of", "instructions"]

Split: TypeAlias = "tuple[tuple[Array, Array], tuple[Array, Array]]"    # (x_train, y_train), (x_test, y_test)

_TIMEOUT = 30                           # seconds without data after which the next mirror is tried


def cache_folder() -> Path:
    """The folder for downloaded data: `fastnet` in the user's cache folder."""
    base: StrPath
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fastnet"


def folders_of(name: str, root: StrPath | None = None) -> list[Path]:
    """The folders to search for a data set; downloads go to the last one.

    Args:
        name: of the data set.
        root: the only folder; None: `$FASTNET_DATA/name` if the variable is set, and the cache folder.

    Raises:
        FileNotFoundError: FASTNET_DATA is not a folder.
    """
    if root is not None:
        return [Path(root)]
    folders = [cache_folder() / name]
    data = os.environ.get("FASTNET_DATA")
    if data:
        if not Path(data).is_dir():
            raise FileNotFoundError(f"expected FASTNET_DATA to be a folder, got {data!r}")
        folders.insert(0, Path(data) / name)
    return folders


def instructions(title: str, files: Sequence[str], folders: Sequence[Path]) -> str:
    """Instructions for a user without a network.

    Args:
        title: of the data set.
        files: the missing files.
        folders: where they are searched.
    """
    lines = [f"To use {title} without a network, put {'this file' if len(files) == 1 else 'these files'}"
             f"{', plain or gzip (.gz),' if '.' not in files[0] else ''}", *(f"    {name}" for name in files),
             "into" if len(folders) == 1 else "into one of", *(f"    {folder}" for folder in folders)]
    if "FASTNET_DATA" not in os.environ:
        lines.append(f"or point FASTNET_DATA at a folder that has them in {folders[-1].name}/.")
    return "\n".join(lines)


def download(urls: Sequence[str], path: Path, title: str, check: Callable[[bytes, str], object], hint: str) -> Path:
    """Download a file from the first URL that has the right contents; returns its path.

    Args:
        urls: of the file on each mirror.
        path: where to write it.
        title: of the data set.
        check: called with the contents and the URL; raises ValueError for wrong contents, which are not kept.
        hint: instructions for a user without a network.

    Raises:
        OSError: no URL has the file.
        ImportError: pooch is not installed.
    """
    try:
        pooch: Any = optional("pooch", f"downloading {title}")
    except ImportError as e:
        raise ImportError(f"{e}\n{hint}", name=e.name) from e
    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=_TIMEOUT)
    errors = []
    for url in urls:
        print(f"downloading {url}", file=sys.stderr)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, "w+b") as file:
                fetch(url, file, None)
                file.seek(0)
                check(file.read(), url)
            return path
        except (OSError, ValueError) as e:
            errors.append(f"    {url}: {e}")
    raise OSError("\n".join([f"{title} could not be downloaded:", *errors, hint]))


def check_digest(contents: bytes, digest: str, title: str, where: object) -> None:
    """Raise if a file has another checksum.

    Args:
        contents: of the file.
        digest: in hexadecimal: SHA-256 of its uncompressed contents (compressed files of these differ), or the MD5 that
            the authors published.
        title: of the data set.
        where: the path or URL, for the error.

    Raises:
        ValueError: another checksum.
    """
    if len(digest) == 32:
        kind, got = "MD5", hashlib.md5(contents, usedforsecurity=False).hexdigest()
        what = f"a file of {title}"
    else:
        contents = decompressed(contents, where)
        kind, got = "SHA-256", hashlib.sha256(contents).hexdigest()
        what = f"a file of {title}, whose contents have"
    if got != digest:
        raise ValueError(f"{where}: expected {what}{' with' if kind == 'MD5' else ''} the {kind} {digest}, got {got}")


def decompressed(raw: bytes, where: object) -> bytes:
    """The contents of a file, plain or gzip.

    Raises:
        ValueError: the gzip file is damaged.
    """
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as e:
        raise ValueError(f"{where}: expected a complete gzip file, got {e}") from e
