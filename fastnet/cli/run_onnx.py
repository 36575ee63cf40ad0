"""`fastnet run-onnx`: run an ONNX file on arrays or images."""
from __future__ import annotations

import argparse
import statistics
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet._io.atomic import replacing
from fastnet.cli.errors import WrongUseError
from fastnet.cli.info import print_rows
from fastnet.cli.inputs import read_array
from fastnet.cli.option_values import output_path, positive_number
from fastnet.cli.outputs import check_outputs
from fastnet.cli.run import backend_text
from fastnet.cli.terminal import note, say
from fastnet.data.pictures import PICTURE_ENDINGS, read_picture

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.onnx.module import Input, OnnxModel

__all__ = ["add_run_onnx", "check_shape", "run_onnx"]

_MOST_SHOWN = 8                         # elements of an output that are printed
_SECONDS, _MOST_RUNS = 1.0, 200         # of --time
_Values = dict[str, Any]


def add_run_onnx(p: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser.

    Args:
        p: the parser.
    """
    p.add_argument("model", metavar="MODEL", help="ONNX file")
    p.add_argument("files", nargs="*", metavar="FILE",
                   help="the inputs: an .npz file with an array for each, named as the input; an .npy file for the "
                   "only input; or images, which make one batch")
    p.add_argument("--shape", type=_named_shape, action="append", default=[], metavar="NAME=N,N,..",
                   help="the shape of an input for --time without files (default: the file's, with 1 for open "
                   "dimensions). Repeat for several inputs")
    p.add_argument("--scale", type=positive_number(float), default=255.0, metavar="X",
                   help="divide the pixels of images, 0 to 255, by X (default: %(default)g)")
    p.add_argument("--time", action="store_true", help="measure the time of a run, compiled; without files, on zeros")
    p.add_argument("--output", type=output_path, metavar="FILE", help="write the outputs to an .npz file")


def _named_shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    if not name or not all(size.strip().isdecimal() for size in sizes.split(",") if sizes):
        raise argparse.ArgumentTypeError(f"expected a name and sizes, such as input=1,3,224,224, got {text!r}")
    return name, tuple(int(size) for size in sizes.split(",")) if sizes else ()


def run_onnx(args: argparse.Namespace) -> None:
    """Print the inputs and outputs of an ONNX file, run it, and print or write its outputs.

    Args:
        args: the options of the command line.
    """
    check_outputs([args.model, *args.files], [("--output", args.output)])
    model = fastnet.onnx.load(args.model)
    print_rows({"inputs": list(map(str, model.inputs)) or "none", "outputs": list(model.output_names),
                "parameters": f"{sum(p.numel() for p in model.parameters()):,}"})
    if not args.files and not args.time and model.inputs:
        _refuse_options({"--output": args.output, "--shape": args.shape}, "files with the inputs, or --time")
        return
    if args.files:
        _refuse_options({"--shape": args.shape}, "--time without files, which have shapes")
    values = _read_values(model, args.files, args.scale) if args.files else _zero_inputs(model, dict(args.shape))
    with fastnet.no_grad():
        results = model(**values)
    outputs = dict(zip(model.output_names, [results] if isinstance(results, Tensor | np.ndarray) else results))
    print_rows({name: _output_lines(x) for name, x in outputs.items()})
    if args.output:
        with replacing(args.output) as file:
            _write_arrays(file, {name: np.asarray(x) for name, x in outputs.items()})
        say(f"outputs: {args.output}")
    if args.time:
        say(_timed(model, values))


def _refuse_options(options: Mapping[str, Any], needed: str) -> None:
    """Refuse options that would do nothing."""
    for option, value in options.items():
        if value:
            raise WrongUseError(f"{option} needs {needed}")


def _output_lines(x: Any) -> list[str]:
    """The dtype, shape and values of an output, in lines."""
    array = np.asarray(x)
    lines = [f"{array.dtype} {tuple(array.shape)}"]
    if array.dtype.kind in "fiu" and array.size > _MOST_SHOWN:
        lines.append(f"from {array.min():g} to {array.max():g}, mean {array.mean():g}")
        if array.ndim == 2:
            best = [f"{i} ({row[i]:g})" for row in array[:_MOST_SHOWN] for i in [int(row.argmax())]]
            lines.append(f"largest of each row: {', '.join(best)}{', ...' if len(array) > _MOST_SHOWN else ''}")
    elif array.size:
        lines.append(", ".join(f"{value:g}" if array.dtype.kind == "f" else str(value)
                               for value in array.ravel()[:_MOST_SHOWN].tolist()))
    return lines


def _write_arrays(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write an .npz file. The keywords of `numpy.savez` cannot be names of arrays, such as "file"."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


# ---- inputs ----------------------------------------------------------------------------------------------------------

def _read_values(model: OnnxModel, files: Sequence[str], scale: float) -> _Values:
    """The inputs in files, by name."""
    endings = {Path(file).suffix.lower() for file in files}
    if endings <= set(PICTURE_ENDINGS):
        return {_only_input(model).name: _input_tensor(_only_input(model), _pictures(_only_input(model), files, scale))}
    if len(files) > 1 or not endings <= {".npy", ".npz"}:
        raise WrongUseError(f"expected one .npz file, one .npy file, or images, got {', '.join(files)}")
    if endings == {".npy"}:
        return {_only_input(model).name: _input_tensor(_only_input(model), read_array(files[0]))}
    return _by_name(model, files[0])


def _by_name(model: OnnxModel, path: str) -> _Values:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = dict(found)
    except (OSError, MemoryError):
        raise
    except Exception as e:                              # NumPy and zipfile raise many types for a damaged file
        raise ValueError(f"cannot read {path} as arrays: {e}") from e
    expected = {x.name: x for x in model.inputs}
    if arrays.keys() != expected.keys():
        raise ValueError(f"{path}: expected the arrays {', '.join(expected)}, got {', '.join(arrays) or 'none'}")
    return {name: _input_tensor(expected[name], array) for name, array in arrays.items()}


def _only_input(model: OnnxModel) -> Input:
    if len(model.inputs) != 1:
        raise WrongUseError(f"expected an .npz file with the {len(model.inputs)} inputs of the model, "
                            f"{', '.join(x.name for x in model.inputs)}")
    found: Input = model.inputs[0]
    return found


def _input_tensor(expected: Input, array: Array) -> Tensor:
    """An array in the dtype of an input."""
    if array.dtype.kind != expected.dtype.kind and (array.dtype.kind, expected.dtype.kind) not in (
            ("i", "f"), ("u", "f"), ("u", "i"), ("i", "u")):
        raise ValueError(f"input {expected.name}: expected {expected.dtype}, got {array.dtype}")
    if expected.dtype.kind in "iu" and array.size:
        limits = np.iinfo(expected.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(f"input {expected.name}: expected numbers from {limits.min} to {limits.max}, as "
                             f"{expected.dtype} has, got {array.min()} to {array.max()}")
    return fastnet.tensor(np.ascontiguousarray(array, expected.dtype))


def _pictures(expected: Input, files: Sequence[str], scale: float) -> Array:
    """Images as a batch in the layout of an input: channels first or last, in colour or grey."""
    shape = expected.shape or (None, None, None, None)
    if len(shape) != 4:
        raise WrongUseError(f"the input {expected} does not take images, which have four dimensions; give an .npz file")
    last = shape[3] in (1, 3) and shape[1] not in (1, 3)
    channels, sides = (shape[3], shape[1:3]) if last else (shape[1], shape[2:4])
    size = [n for n in sides if isinstance(n, int)]
    images = [read_picture(file, size if len(size) == 2 else None, grey=channels == 1) for file in files]
    if len({image.shape for image in images}) > 1:
        raise ValueError("the images differ in size, and the model does not say to which size to bring them")
    batch = np.stack(images).reshape(len(images), *images[0].shape[:2], -1)
    if expected.dtype.kind == "f":
        batch = (batch / scale).astype(expected.dtype)
    return batch if last else batch.transpose(0, 3, 1, 2)


def _zero_inputs(model: OnnxModel, shapes: Mapping[str, Sequence[int]]) -> _Values:
    unknown = shapes.keys() - {x.name for x in model.inputs}
    if unknown:
        raise WrongUseError(f"--shape: the model has no input {', '.join(sorted(unknown))}")
    for x in model.inputs:
        if x.name in shapes:
            check_shape(x, tuple(shapes[x.name]))
    return {x.name: fastnet.zeros(tuple(shapes[x.name]) if x.name in shapes else tuple(
        n if isinstance(n, int) else 1 for n in x.shape or ()), dtype=x.dtype) for x in model.inputs}


def check_shape(expected: Input, shape: tuple[int, ...]) -> None:
    """Refuse a --shape that an input cannot have.

    Args:
        expected: the input.
        shape: with the batch.

    Raises:
        WrongUseError: the file states other sizes.
    """
    if expected.shape is not None and (len(shape) != len(expected.shape) or not expected.fits(shape)):
        raise WrongUseError(f"--shape: the file states the input {expected}, got {','.join(map(str, shape))}")


# ---- time ------------------------------------------------------------------------------------------------------------

def _timed(model: OnnxModel, values: _Values) -> str:
    """The median time of a run, in a line."""
    run: Callable[..., Any] = fastnet.compile(model, freeze=True)
    how = "compiled"
    with fastnet.no_grad():
        try:
            run(**values)
        except RuntimeError as e:
            note(f"the model cannot be recorded, and runs eagerly: {e}")
            run, how = model, "eager"
            run(**values)
        times: list[float] = []
        while len(times) < 3 or (sum(times) < _SECONDS and len(times) < _MOST_RUNS):
            start = time.perf_counter()
            run(**values)
            times.append(time.perf_counter() - start)
    return f"{statistics.median(times) * 1e3:.3g} ms, the median of {len(times)} runs ({how}, {backend_text()})"
