"""Reading and writing the files of ONNX models."""
from __future__ import annotations

import os

from fastnet._core.annotations import StrPath
from fastnet._core.errors import printable
from fastnet._io.atomic import replacing
from fastnet.onnx.forms import Model
from fastnet.onnx.messages import decode, encode
from fastnet.onnx.wire import DamagedFileError

__all__ = ["MOST_BYTES", "read_model", "write_model"]

MOST_BYTES = 2**31 - 1                  # of a protocol buffer: other readers refuse more
_LFS_POINTER = b"version https://git-lfs"


def read_model(path: StrPath) -> Model:
    """Read the content of an ONNX file.

    Args:
        path: of the file.

    Raises:
        DamagedFileError: naming the file: it is truncated, damaged, or not an ONNX model.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        contents = file.read()
    if not contents:
        raise DamagedFileError(f"{os.fsdecode(path)}: expected an ONNX model, got an empty file")
    if contents.startswith(_LFS_POINTER):
        raise DamagedFileError(f"{os.fsdecode(path)}: expected an ONNX model, got a pointer of Git LFS; fetch the "
                               "model with `git lfs pull`")
    try:
        model = decode(Model, contents)
        if model.graph is None:
            raise DamagedFileError("it has no graph")
    except DamagedFileError as e:
        raise DamagedFileError(f"{os.fsdecode(path)}: not an ONNX model, or a truncated or damaged one: "
                               f"{printable(e)}") from None
    return model


def write_model(path: StrPath, model: Model) -> None:
    """Write an ONNX file, replacing it atomically. Equal models give equal files.

    Args:
        path: of the file.
        model: its content.

    Raises:
        ValueError: the file would be larger than 2 GiB, the most that ONNX files can have.
        OSError: naming `path`.
    """
    chunks = encode(model)
    size = sum(map(len, chunks))
    if size > MOST_BYTES:
        raise ValueError(f"{os.fsdecode(path)}: an ONNX file has at most 2 GiB, and this model needs "
                         f"{size / 2**30:.1f} GiB; convert the weights to float16 first")
    with replacing(path) as file:
        file.writelines(chunks)
