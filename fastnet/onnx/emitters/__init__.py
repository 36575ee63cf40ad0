"""Emitters of ONNX nodes, one module for each family of operations; importing the package registers all of them."""
import importlib
import pkgutil

from fastnet.onnx.emitting import ExportError, emits, find_emitter

__all__ = ["ExportError", "emits", "find_emitter"]

for _family in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_family.name)
