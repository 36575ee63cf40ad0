"""Modules whose names come from other modules, and the error for a name that none of them has."""
from __future__ import annotations

import dis
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, TypeAlias

from fastnet._core.errors import did_you_mean
from fastnet.torch._frame.advice import ADVICE

__all__ = ["Mirror", "MissingNameError", "grow", "torch_name"]

PACKAGE = "fastnet.torch"
_IMPORT_FROM = dis.opmap["IMPORT_FROM"]
_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A source is the name of a module, a dictionary of values, or the path of another mirror after a dot.
Source: TypeAlias = "str | Mapping[str, Any]"


class MissingNameError(AttributeError):
    """A name of PyTorch that fastnet does not have."""

    __module__ = PACKAGE


class Mirror(ModuleType):
    """A module that has the public names of its sources.

    Names are looked up on first use, so that sources are imported only then. A name that a source gains appears here,
    too.

    Args:
        name: the module's name.
        sources: names of modules, whose `__all__` counts, or dictionaries of values. A missing module is skipped.
        hidden: names that are left out.
    """

    _sources: tuple[Source, ...]
    _hidden: frozenset[str]

    def __init__(self, name: str, sources: tuple[Source, ...], hidden: frozenset[str] = frozenset()) -> None:
        super().__init__(name, f"PyTorch's module `{torch_name(name)}` over fastnet.")
        self.__spec__ = ModuleSpec(name, None, is_package=True)
        _become_mirror(self, sources, hidden)

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(_public_names(self))
        asked_by_tools = name.startswith("__") and name.endswith("__")      # sources are not imported to answer
        for source in self._sources if not asked_by_tools else ():
            values = _values_of(source)
            if values is not None and name in _exported(values) and name not in self._hidden:
                value = values[name] if isinstance(values, Mapping) else getattr(values, name)
                setattr(self, name, value)
                return value
        if asked_by_tools:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        raise _missing(self, name, sys._getframe(1))

    def __dir__(self) -> list[str]:
        return sorted(_public_names(self))

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} (PyTorch's {torch_name(self.__name__)})>"


def grow(root: str, tree: Mapping[str, tuple[Source, ...]], hidden: frozenset[str],
         functions: frozenset[str]) -> None:
    """Make a module the root of a tree of mirrors, and enter all of them into `sys.modules`.

    Args:
        root: the name of an imported package.
        tree: {path of a module below the root, "" for the root itself: its sources}; a parent comes first.
        hidden: names that the root leaves out.
        functions: paths of modules whose parents have a function of the same name, which hides the module.
    """
    for path, sources in tree.items():
        if not path:
            module = sys.modules[root]
            module.__class__ = Mirror
            _become_mirror(module, sources, hidden)
            continue
        name = f"{root}.{path}"
        parent, _, last = name.rpartition(".")
        made = Mirror(name, sources)
        sys.modules[name] = made
        if path not in functions:
            setattr(sys.modules[parent], last, made)


def _become_mirror(module: ModuleType, sources: tuple[Source, ...], hidden: frozenset[str]) -> None:
    module.__dict__.setdefault("__path__", [])          # modules below it can be imported
    module.__dict__.update(_sources=sources, _hidden=hidden)


def torch_name(name: str) -> str:
    """PyTorch's name of a module: "fastnet.torch.nn" gives "torch.nn"."""
    return "torch" + name[len(PACKAGE):]


def _values_of(source: Source) -> ModuleType | Mapping[str, Any] | None:
    if not isinstance(source, str):
        return source
    name = PACKAGE + source if source.startswith(".") else source
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name is not None and (name == e.name or name.startswith(e.name + ".")):
            return None
        raise


def _exported(values: ModuleType | Mapping[str, Any]) -> Any:
    if isinstance(values, Mapping):
        return values
    return _public_names(values) if isinstance(values, Mirror) else values.__all__


def _public_names(module: ModuleType) -> set[str]:
    """The names of a mirror: its own, which are not private, and those of its sources."""
    assert isinstance(module, Mirror)
    names = {name for name, value in vars(module).items() if not name.startswith("_")}
    for source in module._sources:
        values = _values_of(source)
        if values is not None:
            names.update(name for name in _exported(values) if not name.startswith("__"))
    return names - module._hidden


# ---- the error for a missing name -----------------------------------------------------------------------------------

def _missing(module: Mirror, name: str, frame: FrameType | None) -> Exception:
    """The error for a name that a mirror lacks. `from module import name` takes only an ImportError with its words."""
    full = f"{torch_name(module.__name__)}.{name}"
    where = _user_line(frame)
    imported = frame is not None and frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM if frame else False
    text = f"{full}: fastnet does not have this name{f' ({where})' if where else ''}{_advice(module, full, name)}"
    return ImportError(text, name=module.__name__) if imported else MissingNameError(text, name=name, obj=module)


def _advice(module: Mirror, full: str, name: str) -> str:
    path = full.removeprefix("torch.")
    while path:
        if path in ADVICE:
            return f"; {ADVICE[path]}"
        path = path.rpartition(".")[0]
    return did_you_mean(name, _public_names(module))


def _user_line(frame: FrameType | None) -> str:
    """File and line of the innermost caller outside of fastnet and the import system."""
    for caller in _callers(frame):
        file = caller.f_code.co_filename
        if not file.startswith((_OURS, "<frozen")):
            return f"{file}, line {caller.f_lineno}"
    return ""


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
