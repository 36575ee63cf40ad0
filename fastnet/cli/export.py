"""`fastnet export`: a saved model in another form, ONNX or C."""
from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastnet
from fastnet import nn
from fastnet.cli.errors import WrongUseError
from fastnet.cli.inputs import TableInputs
from fastnet.cli.option_values import byte_count, layer_widths, natural_number, output_path
from fastnet.cli.outputs import check_outputs
from fastnet.cli.recipes import TRANSLATION
from fastnet.cli.run_onnx import check_shape
from fastnet.cli.saved import Saved
from fastnet.cli.series.commands import SavedSeries
from fastnet.cli.speech.commands import SavedSpeech
from fastnet.cli.tasks import other_of
from fastnet.cli.terminal import say
from fastnet.nn.saving import load_described

if TYPE_CHECKING:
    from fastnet.onnx.module import Input

__all__ = ["EXPORTS", "add_export", "export"]

_FRAMES = 100                           # of an example of speech, whose length is open
_OPSET = 18
_OF_ONE_FORM = {"--dtype": "c", "--max-ram": "c", "--opset": "onnx", "--streaming": "c"}   # the form each option is for


def export(args: argparse.Namespace) -> None:
    """Write a saved model in another form."""
    given = [option for option, form in _OF_ONE_FORM.items() if form != args.to
             and getattr(args, option.removeprefix("--").replace("-", "_")) not in (None, False)]
    if given:
        raise WrongUseError(f"{given[0]} needs --to {_OF_ONE_FORM[given[0]]}")
    path = args.output or str(Path(args.model).with_suffix(EXPORTS[args.to][0]))
    check_outputs([args.model], [("--output", path)])
    if Path(args.model).suffix.lower() == ".onnx":
        _export_onnx_file(args, path)
    else:
        model, described = load_described(args.model)
        example, dimensions = _example(args.model, model, described, args.shape)
        EXPORTS[args.to][1](args, model.eval(), example, dimensions, path)
    say(f"wrote {path}, {os.path.getsize(path):,} bytes")


def _export_onnx_file(args: argparse.Namespace, path: str) -> None:
    """Write C of an ONNX file."""
    if args.to == "onnx":
        raise WrongUseError(f"{args.model} is an ONNX file already")
    model = fastnet.onnx.load(args.model)
    if args.shape is not None and len(model.inputs) != 1:
        raise WrongUseError(f"--shape needs a model of one input, got {', '.join(map(str, model.inputs))}")
    _write_c(args, model, tuple(_onnx_example(x, args.shape) for x in model.inputs), path)


def _onnx_example(expected: Input, shape: tuple[int, ...] | None) -> fastnet.Tensor:
    """An input of one sample, or of as many as an ONNX file states."""
    sizes = tuple(n if isinstance(n, int) else 1 for n in expected.shape or ())     # an open batch is 1
    if shape is not None:
        sizes = (*(sizes[:1] or (1,)), *shape)
        check_shape(expected, sizes)
    elif expected.shape is None or not all(isinstance(n, int) for n in expected.shape[1:]):
        raise WrongUseError(f"the file does not state the sizes of the input {expected}: give them with --shape, "
                            "without the batch, as in --shape 3,32,32")
    return fastnet.zeros(sizes, dtype=expected.dtype)


def _example(path: str, model: nn.Module, described: Mapping[str, Any],
             shape: tuple[int, ...] | None) -> tuple[fastnet.Tensor, dict[int, str]]:
    """An input of one sample, and its dimensions that can have other sizes.

    Raises:
        WrongUseError: the file does not tell the shape of the input.
    """
    other = other_of(path, model, described)
    if isinstance(other, SavedSpeech):
        return fastnet.zeros(1, *(shape or (other.inputs.mels, _FRAMES))), {0: "batch", 2: "frames"}
    if other is not None and not isinstance(other, SavedSeries):            # a model of texts
        if other.task == TRANSLATION:
            raise WrongUseError(f"{path} translates: only models that run in one pass are exported, and a translation "
                                "is searched token by token")
        return fastnet.zeros(1, *(shape or (16,)), dtype=fastnet.int64), {0: "batch"}
    if shape is None and other is not None:
        shape = other.inputs.length, other.inputs.columns
    saved = Saved.described(path, model, described) if shape is None and other is None else None
    if saved is not None:
        shape = saved.inputs.shape
    if shape is None:
        raise WrongUseError(f"{path} does not tell the shape of its input: give it with --shape, without the batch, as "
                            "in --shape 3,32,32")
    return fastnet.zeros(1, *shape), {0: "batch"}


def _to_onnx(args: argparse.Namespace, model: nn.Module, example: fastnet.Tensor, dimensions: dict[int, str],
             path: str) -> None:
    fastnet.onnx.export(model, (example,), path, input_names=["input"], dynamic_axes={"input": dimensions},
                        opset_version=_OPSET if args.opset is None else args.opset)


def _to_c(args: argparse.Namespace, model: nn.Module, example: fastnet.Tensor, dimensions: dict[int, str],
          path: str) -> None:
    """Write C, with the preparation of a table's row and the names of the classes if the file has them."""
    loaded = load_described(args.model)
    saved = None if other_of(args.model, *loaded) else Saved.described(args.model, *loaded)
    table = saved.inputs if saved is not None and isinstance(saved.inputs, TableInputs) else None
    _write_c(args, model, example, path, preparation=None if table is None else table.preparation,
             target=None if saved is None else saved.target)


def _write_c(args: argparse.Namespace, model: nn.Module, example: Any, path: str, **parts: Any) -> None:
    """Write C with the options of the command line, and print its memory."""
    made = fastnet.export_c(model, example, path, args.dtype or "float32", args.max_ram, streaming=args.streaming,
                            **parts)
    for line in str(made).splitlines():
        say(line)


# form -> (the end of its files' names, the function that writes one)
EXPORTS: dict[str, tuple[str, Callable[[argparse.Namespace, nn.Module, fastnet.Tensor, dict[int, str], str], None]]] = {
    "c": (".c", _to_c),
    "onnx": (".onnx", _to_onnx),
}


def add_export(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `fastnet export`."""
    p.add_argument("model", metavar="MODEL",
                   help="file that `fastnet train --save` or model.save() wrote, or an ONNX file")
    p.add_argument("--to", choices=sorted(EXPORTS), required=True, help="form of the file")
    p.add_argument("-o", "--output", type=output_path, metavar="FILE",
                   help="file to write (default: named after MODEL)")
    p.add_argument("--shape", type=layer_widths, metavar="N,...",
                   help="shape of an input, without the batch, of a model that `fastnet train` did not write and of an "
                   "ONNX file whose sizes are open")
    p.add_argument("--opset", type=natural_number, metavar="N",
                   help=f"version of ONNX's operators, 13 to 22 (default: {_OPSET})")
    p.add_argument("--dtype", choices=("float32", "int8"),
                   help="of the inputs and outputs of C; int8 for a quantised model (default: float32)")
    p.add_argument("--max-ram", type=byte_count, metavar="BYTES",
                   help="refuse C that needs more static memory, such as 65536 or 64k")
    p.add_argument("--streaming", action="store_true",
                   help="C that continues the sequence of the last call, for recurrent layers and causal convolutions")
