"""Write the stubs of the operations: python tools/stubs.py, or --check to compare those that are checked in.

Operations are decorated, made by factories, and registered as methods of Tensor, none of which a static tool follows.
The stubs state the result: `fastnet/functional/__init__.pyi`, `fastnet/nn/functional.pyi`, and the class
`TensorMethods` in `fastnet/_core/tensor_methods.pyi`, which Tensor inherits from for type checkers. The stub
`fastnet/nn/__init__.pyi` has the imports that `fastnet.nn` makes on first use.
Signatures come from the running package; a function whose result depends on its arguments has overloads in its source.
"""
from __future__ import annotations

import argparse
import ast
import builtins
import difflib
import functools
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import fastnet  # noqa: E402
import fastnet.nn.functional  # noqa: E402
from fastnet._core.later import ImportedMethod  # noqa: E402

WIDTH = 120
UNBREAKABLE = re.compile(r"(?<!,) | (?=(?:[^][]|\[[^][]*\])*\])")        # lines break after commas outside of brackets
HEADER = '"""{0}\n\nWritten by tools/stubs.py: change the operations and run it again.\n"""\n'
METHODS = "Methods and operators that operations give to Tensor."
# the packages whose functions become methods
REGISTRIES = ("fastnet.functional", "fastnet.autograd", "fastnet.special", "fastnet.linalg")
IN_PLACE = re.compile(r"\w+[^_]_|__i(add|sub|mul|truediv|floordiv|mod|pow|and|or|xor)__")
# Comparisons give a Tensor, those of object a bool and those of NumPy an array.
IGNORES = {"__eq__": "override", "__ne__": "override", "__lt__": "misc", "__le__": "misc", "__gt__": "misc",
           "__ge__": "misc"}


class Text(str):
    """Source text, which inspect prints unquoted."""

    __slots__ = ()
    __repr__ = str.__str__


# ---- signatures of the package --------------------------------------------------------------------------------------

@functools.cache
def source_of(module_name: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(inspect.getsource(importlib.import_module(module_name)))


@functools.cache
def origins(module_name: str) -> dict[str, str]:
    """The import statement, as text, of each name that a module imports or defines."""
    found = {}
    for node in ast.walk(source_of(module_name)):
        if isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"from {node.module} import {ast.unparse(alias)}"
                          for alias in node.names})
        elif isinstance(node, ast.Import):
            found.update({alias.asname or alias.name: f"import {ast.unparse(alias)}" for alias in node.names})
    for node in source_of(module_name).body:
        if isinstance(node, ast.ClassDef | ast.AnnAssign):          # a class, or an alias of a type
            name = node.name if isinstance(node, ast.ClassDef) else ast.unparse(node.target)
            found[name] = f"from {module_name} import {name}"
    return found


def definition(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as its source defines it, without decorators; of a method that is imported later, that one."""
    return inspect.unwrap(imported(function))


def imported(function: Any) -> Any:
    """The function of a method that is imported later; any other function unchanged."""
    return function.function() if isinstance(function, ImportedMethod) else function


def signatures(function: Callable[..., Any]) -> list[inspect.Signature]:
    """The overloads in a function's source, or else its one signature."""
    function = imported(function)
    plain = definition(function)
    stated = [node for node in source_of(plain.__module__).body
              if isinstance(node, ast.FunctionDef) and node.name == plain.__name__
              and [ast.unparse(decorator) for decorator in node.decorator_list] == ["overload"]]
    return [_signature_of(node) for node in stated] or [inspect.signature(function)]


def _signature_of(node: ast.FunctionDef) -> inspect.Signature:
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + ast.unparse(node).removeprefix("@overload\n"), namespace)
    return inspect.signature(namespace[node.name])


def tensor_members() -> Iterator[tuple[str, Any]]:
    """(name, function or property) of everything that operations register with Tensor."""
    for name, member in sorted(vars(fastnet.Tensor).items()):
        function = member.fget if isinstance(member, property) else member
        function = imported(function)
        plain = definition(function) if callable(function) else None
        if inspect.isfunction(plain) and plain.__module__.startswith(REGISTRIES):
            yield name, imported(member)


# ---- text of the stubs ----------------------------------------------------------------------------------------------

class Stub:
    """The text of one stub file, with the imports that its annotations need."""

    def __init__(self, title: str, taken: frozenset[str] = frozenset()) -> None:
        """`taken` are the names of methods in the stub, which hide built-in types of the same name."""
        self.title, self.taken = title, taken
        self.imports: set[str] = set()
        self.lines: list[str] = []

    def add(self, name: str, function: Callable[..., Any], indent: str = "", decorator: str = "") -> None:
        """Append the definition of a function, or of a method if it is indented."""
        plain = definition(function)
        overloads = signatures(function)
        if len(overloads) > 1:
            self.imports.add("from typing import overload")
            decorator = "@overload"
        for signature in overloads:
            self.lines += [indent + decorator] * bool(decorator)
            self.lines += self._definition(name, self._translated(signature, plain.__module__, name, bool(indent)),
                                           indent)
            summary = None if signature is not overloads[-1] else inspect.getdoc(function)
            if summary:
                self.lines[-1] = re.sub(r": \.\.\.", ":", self.lines[-1])
                self.lines += [f'{indent}    """{summary.splitlines()[0]}"""']

    def _translated(self, signature: inspect.Signature, module: str, name: str, is_method: bool) -> inspect.Signature:
        """A signature with annotations and defaults as source text; the first parameter of a method is `self`."""
        parameters = [parameter.replace(annotation=self._annotation(parameter.annotation, module),
                                        default=_default(parameter.default))
                      for parameter in signature.parameters.values()]
        result = self._annotation(signature.return_annotation, module)
        if is_method:
            parameters[0] = parameters[0].replace(name="self", annotation=inspect.Parameter.empty)
        if is_method and name.startswith("__"):                 # an operator, which Python calls without options
            parameters = [p for p in parameters if p.default is p.empty]
        if is_method and IN_PLACE.fullmatch(name) and result == "Tensor":
            self.imports.add("from typing_extensions import Self")
            result = Text("Self")
        return signature.replace(parameters=parameters, return_annotation=result)

    def _annotation(self, annotation: Any, module: str) -> Any:
        if annotation is inspect.Parameter.empty:
            return annotation
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        for name in set(re.findall(r"(?<![\w.\"'])[A-Za-z_]\w*", re.sub(r"(\"[^\"]*\"|'[^']*')", "", text))):
            if name in self.taken and hasattr(builtins, name):
                text = re.sub(rf"(?<![\w.\"']){name}\b", f"builtins.{name}", text)
                self.imports.add("import builtins")
            elif not hasattr(builtins, name):
                self.imports.add(origins(module).get(name) or f"from fastnet._core.tensor import {name}")
        return Text(text)

    def _definition(self, name: str, signature: inspect.Signature, indent: str) -> list[str]:
        start = f"{indent}def {name}("
        reason = f"  # type: ignore[{IGNORES[name]}]" if name in IGNORES else ""
        text = UNBREAKABLE.sub("\0", f"{indent}def {name}{signature}: ...{reason}")
        return [line.replace("\0", " ") for line in textwrap.wrap(text, WIDTH, subsequent_indent=" " * len(start),
                                                                  break_long_words=False, break_on_hyphens=False)]

    def text(self, after_imports: str = "") -> str:
        """The whole file."""
        return "\n".join([HEADER.format(self.title) + _imports(self.imports) + after_imports, *self.lines, ""])


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty:
        return value
    return Text(value if isinstance(value, Text) else repr(value) if value is not ... else "...")


def _imports(statements: set[str]) -> str:
    """Import statements in ruff's order, one for each module."""
    names: dict[str, set[str]] = {}
    for statement in statements:
        module, _, name = statement.removeprefix("from ").partition(" import ")
        names.setdefault(module, set()).add(name)
    groups: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for module in sorted(names, key=lambda m: (not m.startswith("import "), m)):
        imported = sorted(filter(None, names[module]), key=lambda n: (not n.isupper(), n.islower(), n.lower()))
        line = f"from {module} import {', '.join(imported)}" if imported else module
        if len(line) > WIDTH:
            line = f"from {module} import (\n    {f',{chr(10)}    '.join(imported)},\n)"
        package = module.removeprefix("import ").partition(".")[0].partition(" ")[0]
        group = 2 if package == "fastnet" else 0 if package in sys.stdlib_module_names else 1
        groups[group] += [line]
    return "\n\n".join("\n".join(lines) for lines in groups.values() if lines)


def module_stub(module: ModuleType) -> str:
    """The stub of a module of operations: its functions, and `__all__` as a literal."""
    stub = Stub((module.__doc__ or "").splitlines()[0])
    for name in sorted(module.__all__):
        stub.lines.append("")
        stub.add(name, getattr(module, name))
    return stub.text(_all(module))


def package_stub(package: ModuleType) -> str:
    """The stub of a package whose names are imported on first use: the imports, and `__all__` as a literal."""
    stub = Stub((package.__doc__ or "").splitlines()[0])
    for name in package.__all__:
        value = getattr(package, name)
        home = package.__name__ if isinstance(value, ModuleType) else value.__module__
        stub.imports.add(f"from {home} import {name}")
    return stub.text(_all(package))


def _all(module: ModuleType) -> str:
    """`__all__` of a module as a literal."""
    names = textwrap.fill(", ".join(f'"{name}"' for name in sorted(module.__all__)), WIDTH, initial_indent="    ",
                          subsequent_indent="    ")
    return f"\n\n__all__ = [\n{names},\n]"


def tensor_stub() -> str:
    """The stub of the class that Tensor inherits its operations from in the eyes of type checkers."""
    members = list(tensor_members())
    stub = Stub(METHODS, frozenset(name for name, _ in members))
    stub.imports.add("from fastnet._runtime.twins.tape import TensorBase")
    for name, member in members:
        stub.lines.append("")
        if isinstance(member, property):
            assert member.fget is not None
            stub.add(name, member.fget, "    ", "@property")
        else:
            stub.add(name, member, "    ")
    return stub.text(f'\n\nclass TensorMethods(TensorBase):\n    """{METHODS}"""')


STUBS: dict[str, Callable[[], str]] = {
    "fastnet/_core/tensor_methods.pyi": tensor_stub,
    "fastnet/functional/__init__.pyi": lambda: module_stub(fastnet.functional),
    "fastnet/nn/__init__.pyi": lambda: package_stub(fastnet.nn),
    "fastnet/nn/functional.pyi": lambda: module_stub(fastnet.nn.functional),
}


def difference(path: str) -> str:
    """The diff from the stub that is checked in to the current one; empty if they are equal."""
    file = ROOT / path
    there = file.read_text().splitlines() if file.exists() else []
    return "\n".join(difflib.unified_diff(there, STUBS[path]().splitlines(), path, "the package", lineterm=""))


def main() -> int:
    """Write the stubs, or with --check tell which are out of date."""
    parser = argparse.ArgumentParser(description="Write the stubs of fastnet's operations from the package itself.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a stub is out of date")
    if not parser.parse_args().check:
        for path, text in STUBS.items():
            (ROOT / path).write_text(text())
        return 0
    differences = [found for found in map(difference, STUBS) if found]
    if differences:
        print(*differences, "Stubs are out of date: run python tools/stubs.py", sep="\n")
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
