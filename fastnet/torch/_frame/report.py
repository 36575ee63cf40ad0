"""The report of `fastnet run --check`: the names that programs use and fastnet lacks."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec

from fastnet.torch._frame.names_used import Use, imports_of, is_there, python_files, uses_of

__all__ = ["report"]


def report(path: str, say: Callable[[str], None]) -> None:
    """Print the missing names of a program, and of the packages it imports, and the share of names that are there.

    Each name counts once for each file.

    Args:
        path: a Python file, or a folder with programs.
        say: prints a line.
    """
    total = missing = 0
    for title, files in _programs(path):
        uses = [use for file in files for use in _uses_in(file, say)]
        names = {(use.name, use.file) for use in uses}
        lacking = sorted({use for use in uses if not is_there(use.name)}, key=lambda use: (use.file, use.line))
        if title:
            say(f"{title}:")
        for use in lacking:
            say(f"{os.path.relpath(use.file)}:{use.line}: {use.name}")
        total += len(names)
        missing += len({(use.name, use.file) for use in lacking})
    share = f" ({100 * (total - missing) / total:.1f}%)" if total else ""
    say(f"{total - missing} of {total} names of PyTorch are there{share}; each counts once for each file")


def _uses_in(file: str, say: Callable[[str], None]) -> list[Use]:
    try:
        with open(file, "rb") as source:
            return uses_of(source.read().decode("utf-8", "replace"), file)
    except (SyntaxError, ValueError) as e:
        say(f"{os.path.relpath(file)}: not read: {e}")
        return []


def _programs(path: str) -> Iterable[tuple[str, list[str]]]:
    """(title, files) of the program itself, and of each package it imports that uses PyTorch."""
    own = list(python_files(path))
    yield "", own
    for package in sorted({name for file in own for name in _imports_in(file)}):
        files = _package_files(package, path)
        users = [file for file in files if "torch" in _imports_in(file)]
        if users:
            yield f"package {package}", users


def _imports_in(file: str) -> set[str]:
    try:
        with open(file, "rb") as source:
            return imports_of(source.read().decode("utf-8", "replace"))
    except (SyntaxError, ValueError):
        return set()


def _package_files(package: str, path: str) -> list[str]:
    """The files of an installed package, or of a module in the program's folder; none of the standard library."""
    if package in sys.stdlib_module_names or package in ("torch", "fastnet", "numpy", "scipy"):
        return []
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
    for beside in (os.path.join(folder, package), os.path.join(folder, f"{package}.py")):
        if os.path.exists(beside):
            return [] if os.path.isdir(path) else list(python_files(beside))
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return []
    return list(python_files(os.path.dirname(spec.origin) if spec.submodule_search_locations else spec.origin))
