"""Files of named arrays and texts in the safetensors format, https://github.com/huggingface/safetensors.

Eight bytes with the header's length, the header in JSON, the arrays' bytes one behind the other. A file that is read
may be damaged, or made by hand to do harm: nothing in it is believed, and no more memory asked for than its size
warrants.
"""
import json
import math
import os
from contextlib import contextmanager

import numpy as np

from fastnet._files import replacing

_CODES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
          "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}
_NAMES = {np.dtype(dtype): code for code, dtype in _CODES.items()}
_STORED = {code: np.dtype(dtype) for code, dtype in _CODES.items()} | {"BF16": np.dtype("<u2")}
_TEXTS = "__metadata__"
_LONGEST = 100_000_000                  # bytes of a header, as elsewhere
_BYTES_A_BRACKET = 12                   # honest JSON of ours has more for each: a tensor's entry takes 51 for its three


def write_tensors(path, arrays, texts):
    """Write arrays and texts, replacing the file whole or not at all. Equal contents give equal files.

    Args:
        path: of the file.
        arrays: a dictionary from names to NumPy arrays of bools, integers or floating-point numbers.
        texts: a dictionary from names to strings.

    Raises:
        TypeError: an array of another dtype.
        ValueError: the name that the format has for the texts.
        OSError: naming `path`.
    """
    arrays = {name: _little_endian(name, array) for name, array in arrays.items()}
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)         # so each is aligned to its elements
    header, end = ({_TEXTS: texts} if texts else {}), 0
    for name in order:
        begin, end = end, end + arrays[name].nbytes
        header[name] = {"dtype": _NAMES[arrays[name].dtype], "shape": arrays[name].shape, "data_offsets": [begin, end]}
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > _LONGEST:
        raise ValueError(f"{os.fspath(path)}: names and texts take {len(head):,} bytes, more than {_LONGEST:,}")
    with replacing(path) as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for name in order:
            file.write(arrays[name])


def _little_endian(name, array):
    dtype = array.dtype.newbyteorder("<")
    if name == _TEXTS:
        raise ValueError(f"no tensor can have the name {name!r} in a file")
    if dtype not in _NAMES:
        raise TypeError(f"tensor {name!r} is of dtype {array.dtype}, which cannot be written")
    return np.asarray(array, dtype, order="C")


def read_tensors(path):
    """(arrays, texts) of a file, new arrays in the order of the header. float16 and bfloat16 become float32.

    Args:
        path: of the file.

    Raises:
        ValueError: naming the file: it is damaged, no safetensors file, or has a tensor of a dtype that NumPy lacks.
        OSError: it cannot be read.
    """
    with naming(path), open(path, "rb") as file:
        entries, texts, size = _read_header(file)
        arrays = dict.fromkeys(entries)
        for name, (code, shape, begin, end) in _in_file_order(entries, size):
            arrays[name] = _read_array(file, name, code, shape, end - begin)
    return arrays, texts


def read_texts(path):
    """The texts of a file alone. Errors are those of `read_tensors`."""
    with naming(path), open(path, "rb") as file:
        entries, texts, size = _read_header(file)
        _in_file_order(entries, size)
    return texts


@contextmanager
def naming(path):
    """ValueErrors raised inside begin with the file's name."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"{os.fspath(path)}: {e}") from None


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


# ---- the header -----------------------------------------------------------------------------------------------------

def _read_header(file):
    """(entries, texts, bytes behind the header); an entry is (code of the dtype, shape, begin, end)."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise ValueError(f"no safetensors file, or one that is cut off: it has {size:,} bytes" + (
            f", and its header should have {length:,}" if size >= 8 else ""))
    if length > _LONGEST:
        raise ValueError(f"the header has {length:,} bytes, more than {_LONGEST:,}")
    head = file.read(length)
    check_brackets(head, "the header")
    try:
        header = parse_json(head.decode(), "the header")
    except UnicodeDecodeError:
        raise ValueError("the header is damaged, or this is no safetensors file: it is no text") from None
    if not isinstance(header, dict):
        raise ValueError(f"the header is damaged: it is a {type(header).__name__}, expected an object")
    texts = header.pop(_TEXTS, None) or {}
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"the header is damaged: {_TEXTS} should hold texts")
    return {name: _checked(name, entry) for name, entry in header.items()}, texts, size - 8 - length


def _checked(name, entry):
    """(code, shape, begin, end) of a tensor's entry in the header, which fit each other."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of tensor {name!r} is damaged: expected dtype, shape and data_offsets")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"the entry of tensor {name!r} is damaged: expected a dtype's name and two lists of sizes")
    if code not in _STORED:
        raise ValueError(f"tensor {name!r} is of dtype {code!r}; those that can be read are {', '.join(_STORED)}")
    begin, end = offsets
    if end - begin != math.prod(shape) * _STORED[code].itemsize:
        raise ValueError(f"the entry of tensor {name!r} is damaged: a {code} of shape {tuple(shape)} does not take "
                         f"{end - begin} bytes")
    return code, tuple(shape), begin, end


def _sizes(numbers):
    """Whether this is a list of a few sizes, as a shape is; math.prod of many large ones would take long."""
    return isinstance(numbers, list) and len(numbers) <= 64 and all(
        type(n) is int and 0 <= n < 1 << 63 for n in numbers)


def _in_file_order(entries, size):
    """(name, entry) of each tensor as they lie in the file, one behind the other up to its end."""
    ordered, expected = sorted(entries.items(), key=lambda item: item[1][2:]), 0
    for name, (_, _, begin, end) in ordered:
        if begin != expected:
            raise ValueError(f"tensor {name!r} begins at byte {begin:,} of the data, expected {expected:,}: tensors "
                             "overlap, or there is a gap between them")
        expected = end
    if expected != size:
        raise ValueError(f"the data has {size:,} bytes and the tensors {expected:,}: the file is cut off or damaged")
    return ordered


def _read_array(file, name, code, shape, nbytes):
    array = np.empty(shape, _STORED[code])
    if file.readinto(array) != nbytes:
        raise ValueError(f"the file ends within tensor {name!r}")
    if code == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise ValueError(f"tensor {name!r} is damaged: bools are bytes of 0 or 1")
    if code == "BF16":                  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32 if code == "F16" else array.dtype.newbyteorder("="), copy=False)
