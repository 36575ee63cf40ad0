"""ONNX files: `export` writes a model as one, and `load` makes a Module of one.

Both work without the package onnx. docs/onnx.md has examples in both directions.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fastnet.onnx.wire import DamagedFileError

_MODULES: dict[str, str] = {            # name -> its module: writing does not load what reading needs
    "OnnxModel": "fastnet.onnx.module",
    "ExportError": "fastnet.onnx.emitting",
    "UnsupportedError": "fastnet.onnx.registry",
    "export": "fastnet.onnx.exporting",
    "load": "fastnet.onnx.loading",
    "supported_operators": "fastnet.onnx.operators",
}
if TYPE_CHECKING:
    from fastnet.onnx.emitting import ExportError
    from fastnet.onnx.exporting import export
    from fastnet.onnx.loading import load
    from fastnet.onnx.module import OnnxModel
    from fastnet.onnx.operators import supported_operators
    from fastnet.onnx.registry import UnsupportedError

__all__ = ["DamagedFileError", "ExportError", "OnnxModel", "UnsupportedError", "export", "load",
           "supported_operators"]

if not TYPE_CHECKING:
    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module 'fastnet.onnx' has no attribute {name!r}")
        return getattr(importlib.import_module(_MODULES[name]), name)
