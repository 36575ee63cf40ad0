"""The commands of the command line, and its parser, which imports the module of the chosen command alone."""
from __future__ import annotations

import argparse
import functools
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import fastnet
from fastnet._core.errors import did_you_mean
from fastnet._core.startup import WRONG_USE
from fastnet.cli import manual
from fastnet.cli.terminal import say

__all__ = ["make_parser"]


class _Entry(NamedTuple):
    """A command; its name is that of its function, with - for _."""

    line: str                           # of `fastnet --help`
    usage: str
    function: str                       # "module.function", in fastnet.cli
    options: str = ""                   # of the function that adds its options; add_NAME beside it if empty


_COMMAND_TABLE = {
    "train": _Entry("train a model on a data set, a table, images, recordings or a text", "DATA [options]",
                    "train.train", "arguments.add_train"),
    "tune": _Entry("search the best settings of a training", "DATA [options]", "tuning.command.tune"),
    "predict": _Entry("predict with a saved model", "MODEL FILE [FILE ...] [options]", "predict.predict",
                      "arguments.add_predict"),
    "evaluate": _Entry("measure a saved model", "MODEL DATA [options]", "evaluate.evaluate",
                       "arguments.add_evaluate"),
    "explain": _Entry("show what a prediction depends on", "MODEL FILE [options]", "explain.explain"),
    "transcribe": _Entry("write down what is said in recordings", "MODEL FILE [FILE ...] [options]",
                         "transcribe.transcribe", "arguments.add_transcribe"),
    "generate": _Entry("continue a text with a saved language model", "MODEL [options]", "generate.generate",
                       "texts.options.add_generate"),
    "translate": _Entry("translate with a saved Transformer", "MODEL [TEXT] [options]", "translate.translate",
                        "texts.options.add_translate"),
    "export": _Entry("write a saved model as ONNX or C", "MODEL --to FORM [options]", "export.export"),
    "quantize": _Entry("make a saved model smaller, in int8 or 4 bits", "MODEL -o FILE [options]",
                       "quantize.quantize"),
    "info": _Entry("show the system's configuration or a saved model", "[MODEL]", "info.info"),
    "run-onnx": _Entry("run an ONNX file", "MODEL [FILE ...] [options]", "run_onnx.run_onnx"),
    "launch": _Entry("run a program as several ranks that train together", "--nproc N PROGRAM [ARGUMENT ...]",
                     "launch.launch"),
    "run": _Entry("run a program that is written for PyTorch", "[--check] PROGRAM [ARGUMENT ...]", "programs.run"),
}


class _Parser(argparse.ArgumentParser):
    """A parser that accepts only full option names and reports errors in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown arguments here, where the message can name the command's own help."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            guess = did_you_mean(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{guess}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        say(f"{self.prog}: error: {message}; see {self.prog} --help", sys.stderr)
        self.exit(WRONG_USE)


def make_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of the command line. Its result has `run`, the function of the command.

    Args:
        words: those to parse, if the parser needs the options of their command alone.

    Example:
        >>> from fastnet.cli.commands import make_parser
        >>> args = make_parser().parse_args(["train", "digits", "--hidden", "64,32"])
        >>> args.data, args.hidden
        ('digits', (64, 32))
    """
    layout = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=28)
    parser = _Parser(prog="fastnet", description="Train neural networks on the CPU, predict with them, and measure "
                     "them.", epilog=manual.EXAMPLES, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"fastnet {fastnet.__version__}",
                        help="print the version and exit")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name, command in _COMMAND_TABLE.items():
        title = name.upper().replace("-", "_")
        p = commands.add_parser(name, help=command.line, usage=f"fastnet {name} {command.usage}",
                                description=getattr(manual, title), epilog=getattr(manual, f"{title}_EXAMPLES"),
                                formatter_class=layout)
        if words is None or name in words:
            module, _, function = command.function.rpartition(".")
            p.set_defaults(run=_function_at(command.function))
            _function_at(command.options or f"{module}.add_{function}")(p)
    return parser


def _function_at(place: str) -> Any:
    """The function of a place such as "train.train"."""
    module, _, name = place.rpartition(".")
    return getattr(importlib.import_module(f"fastnet.cli.{module}"), name)
