"""Files of named arrays and texts in the safetensors format, https://github.com/huggingface/safetensors.

The safetensors package reads and checks the files, which may be damaged or malicious. It is imported when it is first
needed.
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnet import dtypes
from fastnet._core.annotations import Array, StrPath
from fastnet._core.errors import printable
from fastnet._io.atomic import replacing

__all__ = ["check_brackets", "encoded_tensors", "is_pickle", "naming", "parse_json", "parse_tensors", "read_tensors",
           "read_texts", "write_tensors"]

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
           "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}
_PICKLES = b"PK\x03\x04", b"\x80"       # a zip file of torch.save, and a bare pickle
_CONVERSION = ("Convert it once, where PyTorch is installed: import torch, safetensors.torch; "
               "state = torch.load('OLD.pth', weights_only=True, map_location='cpu'); "
               "safetensors.torch.save_file({k: v.clone() for k, v in state.items()}, 'NEW.safetensors')")
_HEADER_START = 9                       # bytes: the length of a header, and its first character
_BYTES_PER_BRACKET = 16                 # the least average in a header
_WRITTEN = frozenset(map(np.dtype, _DTYPES.values()))


def write_tensors(path: StrPath, arrays: Mapping[str, Array], texts: Mapping[str, str],
                  narrow: str | None = None) -> None:
    """Write arrays and texts to a file, replacing it atomically. Equal arrays and texts give equal files.

    Args:
        path: of the file.
        arrays: {name: array of bools, integers or floating-point numbers}.
        texts: {name: string}.
        narrow: "float16" or "bfloat16", in which floating-point numbers are rounded to nearest; None keeps their dtype.

    Raises:
        TypeError: an array of another dtype.
        ValueError: an array has the name that the format reserves for the texts.
        OSError: naming `path`.
    """
    contents = encoded_tensors(arrays, texts, narrow)
    with replacing(path) as file:
        file.write(contents)


def encoded_tensors(arrays: Mapping[str, Array], texts: Mapping[str, str], narrow: str | None = None) -> bytes:
    """The contents of the file that `write_tensors` writes. Raises the same errors, except OSError."""
    from safetensors.numpy import save
    encoded: bytes = save({name: _as_narrow(_writable(name, array), narrow) for name, array in arrays.items()},
                          dict(texts) or None)
    halves = [name for name, array in arrays.items()
              if array.dtype.kind == "V" or (narrow == "bfloat16" and array.dtype.kind == "f")]
    return _as_bfloat16(encoded, halves) if halves else encoded


def _as_narrow(array: Array, narrow: str | None) -> Array:
    """Floating-point numbers as float16, or as the bits of bfloat16."""
    if array.dtype.kind == "V":                                 # bfloat16
        if narrow != "float16":
            return array.view("<u2")
        array = array.astype(np.float32)
    if narrow is None or array.dtype.kind != "f":
        return array
    if narrow == "float16":
        with np.errstate(over="ignore"):
            return array.astype("<f2")
    bits = array.astype("<f4").view("<u4")
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16          # to nearest, halves to even
    return np.where(np.isnan(array), bits >> 16 | 0x40, rounded).astype("<u2")


def _as_bfloat16(encoded: bytes, names: Iterable[str]) -> bytes:
    """The contents of a file in which the header states that some tensors, written as uint16, are bfloat16."""
    end = 8 + int.from_bytes(encoded[:8], "little")
    header = json.loads(encoded[8:end])
    for name in names:
        header[name]["dtype"] = "BF16"
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + encoded[end:]


def _writable(name: str, array: Array) -> Array:
    if name == "__metadata__":
        raise ValueError(f"a tensor cannot have the name {name!r}, which the format reserves for metadata")
    if array.dtype != dtypes.bfloat16 and array.dtype.newbyteorder("<") not in _WRITTEN:
        raise TypeError(f"tensor {name!r} has dtype {array.dtype}, which cannot be written")
    return np.asarray(array, order="C")


def read_tensors(path: StrPath) -> tuple[dict[str, Array], dict[str, str]]:
    """Read (arrays, texts) from a file, as new arrays in the order of their names. float16 and bfloat16 become float32.

    Args:
        path: of the file.

    Raises:
        ValueError: naming the file: it is damaged, not a safetensors file, or has a tensor of a dtype that NumPy lacks.
        OSError: it cannot be read.
    """
    with naming(path):
        with open(path, "rb") as file:                  # once: the path may name another file later
            contents = file.read()
        return parse_tensors(contents)


def parse_tensors(contents: bytes, keep_narrow: bool = False) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays and texts in the contents of a file; see `read_tensors`.

    Args:
        contents: of the file.
        keep_narrow: whether float16 and bfloat16 keep their dtypes.

    Raises:
        ImportError: a bfloat16 is kept, and the package ml_dtypes is not installed.
        ValueError: the contents are damaged, or have a tensor of a dtype that NumPy lacks.
    """
    from safetensors import deserialize
    with _explained(contents[:_HEADER_START]):
        entries = sorted(deserialize(contents))
        return {name: _decoded_tensor(name, entry, keep_narrow) for name, entry in entries}, _texts(contents)


def _texts(contents: bytes) -> dict[str, str]:
    """The texts in a header that safetensors has checked; the package cannot read them from memory."""
    header, what = contents[8:8 + int.from_bytes(contents[:8], "little")], "its header"
    check_brackets(header, what)
    return parse_json(header, what).get("__metadata__") or {}


def read_texts(path: StrPath) -> dict[str, str]:
    """Read only the texts of a file. Raises the same errors as `read_tensors`."""
    from safetensors import safe_open
    with naming(path):
        with open(path, "rb") as opened:                # raises an OSError that says what is wrong
            start = opened.read(_HEADER_START)
    with naming(path), _explained(start):
        with safe_open(os.fsdecode(path), "np") as file:
            return file.metadata() or {}


def is_pickle(start: bytes) -> bool:
    """Whether a file that begins with these bytes, nine or more, is one of torch.save or another pickle."""
    # the length of a safetensors header, before its "{", may begin as a pickle does
    return start.startswith(_PICKLES) and start[8:9] != b"{"


@contextmanager
def naming(path: StrPath) -> Iterator[None]:
    """Add the file's name to ValueErrors raised inside, and escape what they quote from the file."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"{os.fsdecode(path)}: {printable(e)}") from None


@contextmanager
def _explained(start: bytes) -> Iterator[None]:
    """Say what is wrong with a file, of which `start` has the first bytes."""
    from safetensors import SafetensorError
    try:
        yield
    except SafetensorError:
        if is_pickle(start):
            raise ValueError(f"expected a safetensors file, got one of torch.save: a pickle, which can run any code "
                             f"when it is loaded. {_CONVERSION}") from None
        raise ValueError("not a safetensors file, or a truncated or damaged one: expected a file that model.save() or "
                         "`fastnet train --save` wrote") from None


def _decoded_tensor(name: str, entry: Mapping[str, Any], keep_narrow: bool) -> Array:
    code = entry["dtype"]
    if code not in _DTYPES:
        raise ValueError(f"tensor {name!r} has dtype {code!r}, expected one of {', '.join(_DTYPES)}")
    array: Array = np.frombuffer(entry["data"], _DTYPES[code]).reshape(entry["shape"])
    if code == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise ValueError(f"tensor {name!r} is damaged: expected bools that are bytes of 0 or 1")
    native = array.dtype.newbyteorder("=")
    if code == "BF16" and keep_narrow:
        return array.astype(native, copy=False).view(dtypes.as_dtype(dtypes.bfloat16))
    if code == "BF16":                                  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32 if code == "F16" and not keep_narrow else native, copy=False)


def parse_json(text: str | bytes, what: str) -> Any:
    """The value of a JSON text.

    Args:
        text: JSON, without duplicate names, NaN or infinity.
        what: a name for the text in errors.

    Raises:
        ValueError: the text is not such JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"{what} is nested too deep") from None
    except ValueError as e:
        raise ValueError(f"{what} is damaged: {e}") from None


def check_brackets(text: bytes, what: str) -> None:
    """Raise for JSON with very many lists and objects, each of which takes far more memory than its bytes.

    Raises:
        ValueError: there are too many.
    """
    characters = np.frombuffer(text.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    quoted = np.logical_xor.accumulate(characters == ord('"'))
    brackets = np.count_nonzero(((characters == ord("[")) | (characters == ord("{"))) & ~quoted)
    if brackets > 8 + len(text) // _BYTES_PER_BRACKET:
        raise ValueError(f"{what} is damaged: it has more brackets than a valid one can have")


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if found.setdefault(name, value) is not value:
            raise ValueError(f"duplicate name {name!r}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
