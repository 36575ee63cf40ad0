"""`fastnet info`: the system's configuration, or a saved model."""
from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping
from typing import Any

import fastnet
from fastnet._core.errors import listed
from fastnet.backend import config
from fastnet.cli.saved import Saved, versions
from fastnet.cli.targets import classes_of
from fastnet.cli.tasks import other_of
from fastnet.cli.terminal import say
from fastnet.nn.saving import load_described

__all__ = ["add_info", "describe_model", "describe_system", "info", "print_rows"]

_MOST_NAMES = 20                              # classes and tensors whose names are printed


def add_info(p: argparse.ArgumentParser) -> None:
    """Add the options of `fastnet info`."""
    p.add_argument("model", nargs="?", metavar="MODEL", help="safetensors file")


def info(args: argparse.Namespace) -> None:
    """Print the system's configuration; or a saved model's architecture, data and training."""
    print_rows(describe_model(args.model) if args.model else describe_system())


def print_rows(rows: Mapping[str, Any]) -> None:
    """Print names and values in two columns.

    Args:
        rows: {name: value}. A list prints one line per item; None is omitted.

    Example:
        >>> from fastnet.cli.info import print_rows
        >>> print_rows({"size": 3, "error": None, "model": ["two", "lines"]})
        size:             3
        model:            two
                          lines
    """
    for name, value in rows.items():
        if value is not None:
            for i, line in enumerate(value if isinstance(value, list) else [value]):
                say(f"{'' if i else name + ':':18s}{line}")


def describe_system() -> dict[str, Any]:
    """Backend, instruction set, threads and versions."""
    running = config()
    return {
        "backend": running["backend"],
        "compiled kernels": running["compiled"],
        "error": running["compiled_error"],
        "instruction set": running["isa"] and f"{running['isa']} (of {', '.join(running['isas'])})",
        "OpenMP": "yes" if running["openmp"] else "no",
        "threads": running["threads"],
        "platform": platform.platform(),
        **versions(),
    }


def describe_model(path: str) -> dict[str, Any]:
    """Architecture, parameters, data and training of a saved model; or the tensors of another safetensors file.

    Args:
        path: of a safetensors file.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    try:
        model, described = load_described(path)
    except ValueError as e:             # weights without an architecture, as PyTorch saves them: show names and shapes
        tensors = fastnet.load_file(path)
        return _file_row(path) | {"architecture": str(e).removeprefix(f"{path}: ").removeprefix(f"{path} "),
                                  "tensors": _tensor_lines(tensors)}
    rows = _file_row(path) | {"architecture": str(model).split("\n"),
                              "parameters": f"{sum(p.numel() for p in model.parameters()):,}"}
    other = other_of(path, model, described)
    saved = None if other else Saved.described(path, model, described)
    if other is not None:
        return rows | other.rows() | _about_rows(other.about)
    if saved is None:
        return rows | {"metadata": described or None}
    return rows | _training_rows(saved) | _about_rows(saved.about)


def _file_row(path: str) -> dict[str, Any]:
    return {"file": f"{path}, {os.path.getsize(path):,} bytes"}


def _tensor_lines(tensors: Mapping[str, Any]) -> list[str]:
    lines = [f"{name} {tuple(t.shape)} {t.dtype}" for name, t in list(tensors.items())[:_MOST_NAMES]]
    return [*lines, *([f"and {len(tensors) - _MOST_NAMES} more"] if len(tensors) > _MOST_NAMES else [])]


def _training_rows(saved: Saved) -> dict[str, Any]:
    target = saved.target
    return {
        "task": target.task,
        "predicts": saved.about.get("target"),
        "classes": listed(classes_of(target), _MOST_NAMES) if target.task == "classification" else None,
        "inputs": saved.inputs.describe(),
    }


def _about_rows(about: Mapping[str, Any]) -> dict[str, Any]:
    """How a model was trained."""
    settings = about.get("settings")
    results = {name.removeprefix("test_"): value for name, value in about.items() if name.startswith("test_")}
    return {
        "trained on": about.get("dataset"),
        "epochs": about.get("epochs"),
        "settings": _pairs(settings) if isinstance(settings, dict) else None,
        "test results": _pairs(results) if results else None,
        "versions": _pairs(about["versions"]) if isinstance(about.get("versions"), dict) else None,
    }


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} {_rounded_text(value)}" for name, value in values.items() if value is not None]


def _rounded_text(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value
