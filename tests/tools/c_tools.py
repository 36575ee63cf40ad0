"""Emitted C, compiled and called from Python."""
import ctypes
import shutil
import subprocess

import numpy as np

import fastnet

FLAGS = "-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
_TYPES = {"float32": ctypes.c_float, "int8": ctypes.c_int8, "int16": ctypes.c_int16, "int32": ctypes.c_int32,
          "bool": ctypes.c_uint8, "uint8": ctypes.c_uint8}


def arrays_in(x):
    """The arrays of the tensors in a result."""
    if isinstance(x, fastnet.Tensor):
        return [x.numpy()]
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, list | tuple) else ()
    return [array for part in parts for array in arrays_in(part)]


def in_c(x):
    """An array as C takes it."""
    return np.ascontiguousarray(x, np.int32 if x.dtype == np.int64 else None)


def compile_source(made, *flags, compiler=None):
    """Compile a source as a shared library."""
    library = made.source.with_suffix(".so")
    run(compiler or COMPILERS[0], *FLAGS, *flags, "-shared", "-fPIC", made.source, "-o", library, "-lm")
    return library


def run(*command):
    """Run a command and return its output; errors show it."""
    found = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def symbols(library):
    """The names that a library needs or defines."""
    return {line.split()[-1].split("@")[0] for line in run("nm", library).splitlines()}


class Compiled:
    """The function `run` of a compiled source.

    Args:
        made: the result of `export_c`.
        outputs: arrays like its outputs.
    """

    def __init__(self, made, outputs, *flags, compiler=None):
        self.made, self.outputs = made, outputs
        self.path = compile_source(made, *flags, compiler=compiler)
        self.library = ctypes.CDLL(str(self.path))

    def __call__(self, *inputs):
        results = [np.full(y.shape, 99, in_c(y).dtype) for y in self.outputs]
        given = [in_c(x) for x in inputs]
        self.call("run", *given, *results)
        return results

    def call(self, function, *arrays):
        """Call a function with pointers to arrays."""
        pointers = [x.ctypes.data_as(ctypes.POINTER(_TYPES.get(str(x.dtype), ctypes.c_double))) for x in arrays]
        getattr(self.library, f"{self.made.name}_{function}")(*pointers)


def exported(model, example, folder, name="net", **options):
    """(a compiled model, its outputs for the example in Python)."""
    example = example if isinstance(example, tuple) else (example,)
    model.eval()
    made = fastnet.export_c(model, example, folder / f"{name}.c", **options)
    with fastnet.no_grad():
        outputs = arrays_in(model(*example))
    return Compiled(made, outputs), outputs


def largest_error(found, expected):
    """The largest difference, relative to the largest number of each array."""
    return max(float(np.abs(np.float64(a) - b).max(initial=0) / max(np.abs(b).max(initial=0), 1e-30))
               for a, b in zip(found, expected, strict=True))
