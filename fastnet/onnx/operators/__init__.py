"""ONNX operators as functions, one module for each family; importing the package registers all of them."""
import importlib
import pkgutil

from fastnet.onnx.registry import Node, UnsupportedError, operator, supported_operators

__all__ = ["Node", "UnsupportedError", "operator", "supported_operators"]

for _family in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_family.name)
