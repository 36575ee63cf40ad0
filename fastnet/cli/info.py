"""`fastnet info`: what runs here, and what a saved model is."""
import os
import platform

import fastnet
from fastnet.backend import config
from fastnet.cli.saved import Saved, versions
from fastnet.cli.terminal import say
from fastnet.nn.saving import load_described

_MOST = 20                              # classes and tensors of which the names are printed


def info(args):
    """Print what runs here; or what a saved model is: its architecture, its data, how it was trained."""
    print_rows(about_model(args.model) if args.model else about_this())


def print_rows(rows):
    """Print names and values, in two columns; of several lines the others below the first.

    Args:
        rows: a dictionary; values are lists of lines, or in one line; what is None is left out.

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


def about_this():
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


def about_model(path):
    """What a file of weights holds.

    Args:
        path: of a safetensors file.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    try:
        model, described = load_described(path)
    except ValueError as e:             # weights alone, as of PyTorch: their names and shapes are all there is
        tensors = fastnet.load_file(path)
        return _file_row(path) | {"architecture": str(e).removeprefix(f"{path}: ").removeprefix(f"{path} "),
                                  "tensors": _tensor_lines(tensors)}
    rows = _file_row(path) | {"architecture": str(model).split("\n"),
                              "parameters": f"{sum(p.numel() for p in model.parameters()):,}"}
    saved = Saved.described(path, model, described)
    if saved is None:
        return rows | {"metadata": described or None}
    return rows | _about_training(saved)


def _file_row(path):
    return {"file": f"{path}, {os.path.getsize(path):,} bytes"}


def _tensor_lines(tensors):
    lines = [f"{name} {tuple(t.shape)} {t.dtype}" for name, t in list(tensors.items())[:_MOST]]
    return [*lines, *([f"and {len(tensors) - _MOST} more"] if len(tensors) > _MOST else [])]


def _about_training(saved):
    about, target = saved.about, saved.target
    settings = about.get("settings")
    results = {name.removeprefix("test_"): value for name, value in about.items() if name.startswith("test_")}
    return {
        "task": target.task,
        "predicts": about.get("target"),
        "classes": _classes(target.classes) if target.task == "classification" else None,
        "takes": saved.inputs.describe(),
        "trained on": about.get("dataset"),
        "epochs": about.get("epochs"),
        "settings": _pairs(settings) if isinstance(settings, dict) else None,
        "tested": _pairs(results) if results else None,
        "versions": _pairs(about["versions"]) if isinstance(about.get("versions"), dict) else None,
    }


def _classes(classes):
    more = f" and {len(classes) - _MOST} more" if len(classes) > _MOST else ""
    return ", ".join(map(str, classes[:_MOST])) + more


def _pairs(values):
    return [f"{name} {_text(value)}" for name, value in values.items() if value is not None]


def _text(value):
    return f"{value:.4g}" if isinstance(value, float) else value
