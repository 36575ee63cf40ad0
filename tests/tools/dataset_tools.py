"""Small IDX files for the tests of data sets."""
import struct

import numpy as np

from fastnet.datasets import idx as idx_files


def idx(array, kind=8):
    """An array as an IDX file's bytes."""
    header = struct.pack(">BBBB", 0, 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def small_files(monkeypatch):
    """{name: contents} of the four IDX files, with few images of 5x5 pixels."""
    rng = np.random.default_rng(0)
    shapes = {name: (30 if "train" in name else 20, *(5 for _ in shape[1:]))
              for name, shape in idx_files.SHAPES.items()}
    monkeypatch.setattr(idx_files, "SHAPES", shapes)
    return {name: idx(rng.integers(0, 10, shape)) for name, shape in shapes.items()}


def put(folder, contents, end="", pack=bytes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / f"{name}{end}").write_bytes(pack(data))


def check(result, contents):
    """The arrays are those of these files."""
    (x_train, y_train), (x_test, y_test) = result
    for array, data in zip((x_train, y_train, x_test, y_test), contents.values(), strict=True):
        assert idx(array) == data
        assert array.flags.writeable
        assert array.flags.c_contiguous
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
