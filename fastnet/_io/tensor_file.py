"""Files of named arrays and texts in the safetensors format, https://github.com/huggingface/safetensors.

The safetensors package reads and checks them: a file may be damaged, or made by hand to do harm. It is imported by what
needs it.
"""
import json
import os
from contextlib import contextmanager

import numpy as np

from fastnet._core.errors import printable
from fastnet._io.atomic import replacing

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
           "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}
_BYTES_A_BRACKET = 16                   # of a description: no more than one in so many
_WRITTEN = frozenset(map(np.dtype, _DTYPES.values()))


def write_tensors(path, arrays, texts):
    """Write arrays and texts, replacing the file whole or not at all. Equal arrays and one text give equal files.

    Args:
        path: of the file.
        arrays: a dictionary from names to NumPy arrays of bools, integers or floating-point numbers.
        texts: a dictionary from names to strings.

    Raises:
        TypeError: an array of another dtype.
        ValueError: the name that the format has for the texts.
        OSError: naming `path`.
    """
    from safetensors.numpy import save
    contents = save({name: _writable(name, array) for name, array in arrays.items()}, texts or None)
    with replacing(path) as file:
        file.write(contents)


def _writable(name, array):
    if name == "__metadata__":
        raise ValueError(f"no tensor can have the name {name!r}, which is the texts' in the file")
    if array.dtype.newbyteorder("<") not in _WRITTEN:
        raise TypeError(f"tensor {name!r} is of dtype {array.dtype}, which cannot be written")
    return np.asarray(array, order="C")


def read_tensors(path):
    """(arrays, texts) of a file, new arrays in the order of their names. float16 and bfloat16 become float32.

    Args:
        path: of the file.

    Raises:
        ValueError: naming the file: it is damaged, no safetensors file, or has a tensor of a dtype that NumPy lacks.
        OSError: it cannot be read.
    """
    from safetensors import deserialize
    with naming(path), _explained():
        with open(path, "rb") as file:                  # once: at another time the path can be another file's
            contents = file.read()
        entries = sorted(deserialize(contents))
        return {name: _array(name, entry) for name, entry in entries}, _texts(contents)


def _texts(contents):
    """The texts in a header that safetensors found in order, which it has no way to ask for in memory."""
    header, what = contents[8:8 + int.from_bytes(contents[:8], "little")], "its header"
    check_brackets(header, what)
    return parse_json(header, what).get("__metadata__") or {}


def read_texts(path):
    """The texts of a file alone. Errors are those of `read_tensors`."""
    from safetensors import safe_open
    with naming(path), _explained():
        with open(path, "rb"):                          # for an OSError that says what is wrong
            pass
        with safe_open(os.fsdecode(path), "np") as file:
            return file.metadata() or {}


@contextmanager
def naming(path):
    """ValueErrors raised inside begin with the file's name; what they quote from the file is made printable."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"{os.fsdecode(path)}: {printable(e)}") from None


@contextmanager
def _explained():
    from safetensors import SafetensorError
    try:
        yield
    except SafetensorError as e:
        raise ValueError(f"no safetensors file, or one that is cut off or damaged: {e}") from None


def _array(name, entry):
    code = entry["dtype"]
    if code not in _DTYPES:
        raise ValueError(f"tensor {name!r} is of dtype {code!r}; those that can be read are {', '.join(_DTYPES)}")
    array = np.frombuffer(entry["data"], _DTYPES[code]).reshape(entry["shape"])
    if code == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise ValueError(f"tensor {name!r} is damaged: bools are bytes of 0 or 1")
    if code == "BF16":                                  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32 if code == "F16" else array.dtype.newbyteorder("="), copy=False)


def parse_json(text, what):
    """The value that a text describes.

    Args:
        text: JSON, without two values under one name, NaN or infinity.
        what: it is, for errors.

    Raises:
        ValueError: it is no such text.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"{what} is nested too deep") from None
    except ValueError as e:
        raise ValueError(f"{what} is damaged: {e}") from None


def check_brackets(text, what):
    """Refuse JSON, as bytes, that opens very many lists and objects: parsed, each takes far more memory than its bytes.

    Raises:
        ValueError: it does.
    """
    characters = np.frombuffer(text.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    quoted = np.logical_xor.accumulate(characters == ord('"'))
    brackets = np.count_nonzero(((characters == ord("[")) | (characters == ord("{"))) & ~quoted)
    if brackets > 8 + len(text) // _BYTES_A_BRACKET:
        raise ValueError(f"{what} is damaged: it has more brackets than it can need")


def _without_duplicates(pairs):
    found = {}
    for name, value in pairs:
        if found.setdefault(name, value) is not value:
            raise ValueError(f"{name!r} is there twice")
    return found


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")
