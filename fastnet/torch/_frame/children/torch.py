"""Becomes fastnet.torch when a process that a program under `fastnet run` started imports torch."""
import sys
from pathlib import Path

__all__: list[str] = []

if __name__ == "torch":
    try:
        from fastnet.torch._frame import alias
    except ModuleNotFoundError:         # fastnet is not installed: the program was started from its source folder
        sys.path.append(str(Path(__file__).resolve().parents[4]))
        from fastnet.torch._frame import alias
    del sys.modules["torch"]            # this file
    alias.enter()
