"""The names of PyTorch that programs use, found in their source without running it, and those that fastnet lacks."""
from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from fastnet.torch._frame.advice import PACKAGES
from fastnet.torch._frame.tensor_members import certain_member

__all__ = ["Use", "imports_of", "is_there", "python_files", "uses_of"]

_ROOT = "torch"


class Use(NamedTuple):
    """One use of a name: "torch.nn.Linear" or "Tensor.scatter_", and where it stands."""

    name: str
    file: str
    line: int


def uses_of(source: str, file: str) -> list[Use]:
    """The uses of PyTorch's names in a program: imports, chains of attributes, and methods that only tensors have.

    Args:
        source: the text of the program.
        file: its name, for the result.

    Raises:
        SyntaxError: the text is not Python.

    Example:
        >>> from fastnet.torch._frame.names_used import uses_of
        >>> [use.name for use in uses_of("from torch import nn\\nnn.Linear(2, 3)", "a.py")]
        ['torch.nn', 'torch.nn.Linear']
    """
    tree = ast.parse(source, file)
    found = _Uses(file)
    found.collect_imports(tree)
    found.visit(tree)
    return found.uses


class _Uses(ast.NodeVisitor):
    """Collects uses; `meanings` has what each name of the program stands for."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.uses: list[Use] = []
        self.meanings: dict[str, str] = {}
        self.foreign: set[str] = set()  # names of other packages and their contents
        self.own: set[str] = set()      # methods and attributes that the program defines

    def collect_imports(self, tree: ast.AST) -> None:
        """Note what imported names mean, wherever the import stands."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if _is_torch(alias.name):
                        root = alias.name.partition(".")[0]
                        self.meanings[alias.asname or root] = alias.name if alias.asname else root
                        self._add(alias.name, node)
                    else:
                        self.foreign.add(alias.asname or alias.name.partition(".")[0])
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and _is_torch(node.module or ""):
                for alias in node.names:
                    name = f"{node.module}.{alias.name}" if alias.name != "*" else str(node.module)
                    self.meanings[alias.asname or alias.name] = name
                    self._add(name, node)
            elif isinstance(node, ast.ImportFrom):
                self.foreign.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.own.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.own.add(node.attr)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Add a chain of attributes that starts at a name of PyTorch, or the method of a tensor."""
        chain = _chain(node)
        if chain is not None and chain[0] in self.meanings:
            name = ".".join([self.meanings[chain[0]], *chain[1:]])
            if not isinstance(node.ctx, ast.Store):
                self._add(name, node)
            return
        foreign = chain is not None and chain[0] in self.foreign
        if certain_member(node.attr) and node.attr not in self.own and not foreign:
            self._add(f"Tensor.{node.attr}", node)
        self.visit(node.value)

    def _add(self, name: str, node: Any) -> None:
        self.uses.append(Use(name, self.file, node.lineno))


def imports_of(source: str) -> set[str]:
    """The packages that a program imports.

    Raises:
        SyntaxError: the text is not Python.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found


def _is_torch(module: str) -> bool:
    """Whether a module is PyTorch's, or of a package that is compiled for it."""
    root = module.partition(".")[0]
    return root == _ROOT or root in PACKAGES


def _chain(node: ast.expr) -> list[str] | None:
    """The names of `a.b.c`; None if the first part is not a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else None


# ---- whether a name is there ----------------------------------------------------------------------------------------

def is_there(name: str) -> bool:
    """Whether fastnet has a name. Attributes of values, such as those of a result, count as there.

    Args:
        name: "torch.nn.Linear" or "Tensor.scatter_".

    Example:
        >>> from fastnet.torch._frame.names_used import is_there
        >>> is_there("torch.nn.Linear"), is_there("torch.nn.Linear.from_pretrained"), is_there("torch.jit.fuser")
        (True, False, False)
    """
    import fastnet.torch
    from fastnet._core.tensor import Tensor
    first, *rest = name.split(".")
    if first in PACKAGES:
        return False
    value: Any = Tensor if first == "Tensor" else fastnet.torch
    for part in rest:
        if not hasattr(value, part):
            return _is_value(value)
        value = getattr(value, part)
    return True


def _is_value(owner: Any) -> bool:
    """Whether something is neither a module nor a class, so that its attributes are not names of PyTorch."""
    from types import ModuleType
    return not isinstance(owner, ModuleType | type)


def python_files(path: str) -> Iterator[str]:
    """The path itself, or the Python files of a folder in order.

    Raises:
        FileNotFoundError: no such file or folder.
    """
    if not os.path.isdir(path):
        with open(path, "rb"):          # raises an error that says what is wrong
            yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__pycache__")))
        yield from (os.path.join(folder, f) for f in sorted(files) if f.endswith(".py"))
