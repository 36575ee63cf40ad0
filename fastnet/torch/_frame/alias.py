"""Makes `import torch` fastnet.torch in this process, for `fastnet run`."""
from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

import fastnet.torch
from fastnet._runtime.native import dialect
from fastnet.torch._frame.advice import PACKAGES
from fastnet.torch._frame.mirror import Mirror, torch_name

__all__ = ["enter", "import_in_children"]

_ROOT, _PATH = "torch", "PYTHONPATH"


class _RefusingFinder(MetaPathFinder):
    """Refuses what fastnet lacks: modules of `torch`, so that no installed PyTorch is found, and packages over it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
                  ) -> ModuleSpec | None:
        root = fullname.partition(".")[0]
        if (root != _ROOT and root not in PACKAGES) or _is_question(sys._getframe(1)):
            return None
        if root != _ROOT:
            raise ModuleNotFoundError(f"{root} needs operators that are compiled for PyTorch, which fastnet does not "
                                      f"have; {PACKAGES[root]}", name=fullname)
        raise ModuleNotFoundError(_reason(fullname), name=fullname)


def _is_question(frame: FrameType | None) -> bool:
    """Whether `importlib.util.find_spec` asks if a module exists, rather than an import needs it."""
    while frame is not None and "importlib" in frame.f_code.co_filename:
        if "importlib.util" in frame.f_code.co_filename or frame.f_code.co_filename.endswith("util.py"):
            return True
        frame = frame.f_back
    return False


def _reason(fullname: str) -> str:
    """The words of the error for a missing name."""
    parent, _, name = fullname.rpartition(".")
    try:
        getattr(sys.modules[parent], name)
    except (AttributeError, ImportError) as e:
        return str(e)
    return f"{fullname} is not a module"


_finder = _RefusingFinder()


def enter() -> None:
    """Make `import torch` fastnet.torch until the end of the process.

    Raises:
        RuntimeError: PyTorch is imported already.
    """
    if _finder in sys.meta_path:
        return
    if _ROOT in sys.modules:
        raise RuntimeError("PyTorch is imported already in this process, so `import torch` cannot be fastnet")
    mirrors = {name: module for name, module in sys.modules.items()
               if isinstance(module, Mirror) and name.startswith(fastnet.torch.__name__)}
    sys.modules.update({torch_name(name): module for name, module in mirrors.items()})
    sys.meta_path.insert(0, _finder)
    dialect.speak_torch_everywhere()


def import_in_children() -> None:
    """Let Python processes that this one starts import fastnet.torch as `torch`, too, through PYTHONPATH."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "children")
    folders = [f for f in os.environ.get(_PATH, "").split(os.pathsep) if f and f != folder]
    os.environ[_PATH] = os.pathsep.join([folder, *folders])
    if folder not in sys.path:
        sys.path.insert(1, folder)      # multiprocessing gives the path to its children
