"""ONNX files: `export` writes a model as one, and `load` makes a Module of one.

Both work without the package onnx. docs/onnx.md has examples in both directions.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.later import imported_on_use, places_of
from fastnet.onnx.wire import DamagedFileError

if TYPE_CHECKING:
    from fastnet.onnx.emitting import ExportError
    from fastnet.onnx.exporting import export
    from fastnet.onnx.loading import load
    from fastnet.onnx.module import OnnxModel
    from fastnet.onnx.operators import supported_operators
    from fastnet.onnx.registry import UnsupportedError

__all__ = ["DamagedFileError", "ExportError", "OnnxModel", "UnsupportedError", "export", "load",
           "supported_operators"]

if not TYPE_CHECKING:                   # writing does not load what reading needs
    __getattr__ = imported_on_use(globals(), places_of(__name__, {
        "emitting": ("ExportError",), "exporting": ("export",), "loading": ("load",), "module": ("OnnxModel",),
        "operators": ("supported_operators",), "registry": ("UnsupportedError",)}))
