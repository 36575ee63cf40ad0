"""The names that the bytecode of a function reads, and the owner of the code: fastnet, a library or the user."""
from __future__ import annotations

import dis
import functools
import inspect
import os
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

# names through which a function can read any attribute
_DYNAMIC = frozenset(("getattr", "hasattr", "vars", "attrgetter", "methodcaller", "__dict__", "__getattribute__"))
_GLOBAL = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))
_ATTRIBUTE = frozenset(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "LOAD_SUPER_METHOD"))
_HANDLERS = {"PUSH_EXC_INFO": 1, "SETUP_FINALLY": 1,
             "WITH_EXCEPT_START": -1}           # a with statement begins like a handler, but catches nothing
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = os.path.join(os.path.dirname(os.__file__), "")
_SITE = os.path.dirname(os.path.dirname(np.__file__))
NUMERIC_PACKAGES = ("numpy", "scipy")
_NUMERIC_FOLDERS = tuple(os.path.join(_SITE, package, "") for package in NUMERIC_PACKAGES)


class Reads(NamedTuple):
    """The names in a piece of code and in the functions that it defines."""

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]             # modules that the code imports
    strings: frozenset[str]             # string constants, which may be keys
    dynamic: bool                       # whether it may read attributes that it does not name
    catches: bool                       # whether it may continue where an attribute is missing


@functools.lru_cache(maxsize=4096)
def reads(code: CodeType) -> Reads:
    """The names that `code` reads.

    Args:
        code: the code of a function.
    """
    globals_, attributes, imports, strings, nested = set(), set(), set(), set(), []
    handlers = 0
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        handlers += _HANDLERS.get(instruction.opname, 0)
        if instruction.opname in _GLOBAL:
            globals_.add(name)
        elif instruction.opname in _ATTRIBUTE:
            attributes.add(name)
        elif instruction.opname == "IMPORT_NAME":
            imports.add(name)
        elif instruction.opname == "IMPORT_FROM":
            attributes.add(name)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            nested.append(reads(constant))
        elif isinstance(constant, str):
            strings.add(constant)
    own = Reads(frozenset(globals_), frozenset(attributes), frozenset(imports), frozenset(strings),
                bool(_DYNAMIC & (globals_ | attributes)), handlers > 0 or "suppress" in globals_ | attributes)
    return functools.reduce(_union, nested, own)


def _union(a: Reads, b: Reads) -> Reads:
    return Reads(a.globals | b.globals, a.attributes | b.attributes, a.imports | b.imports, a.strings | b.strings,
                 a.dynamic or b.dynamic, a.catches or b.catches)


@functools.lru_cache(maxsize=4096)
def reads_of_itself(code: CodeType) -> frozenset[str]:
    """The attributes that a method reads of its object; those of any object, if it passes its object on.

    Args:
        code: the code of the method.
    """
    itself, found, loaded = code.co_varnames[:1], set(), False
    for instruction in dis.get_instructions(code):
        if instruction.opname == "EXTENDED_ARG":
            continue
        if instruction.opname in _ATTRIBUTE and (loaded or "SUPER" in instruction.opname):
            found.add(instruction.argval)
        elif loaded and instruction.opname not in ("STORE_ATTR", "DELETE_ATTR"):
            return reads(code).attributes
        names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
        loaded = "LOAD" in instruction.opname and names[-1:] == itself          # LOAD_FAST_LOAD_FAST names two
    return frozenset(found)


def is_closed_generator(frame: FrameType) -> bool:
    """Whether a frame belongs to a generator that began before the recording: the garbage collector closes it.

    The first run of a generator enters its frame at the first RESUME, before any YIELD_VALUE.

    Args:
        frame: the frame, which has just been entered.
    """
    if not frame.f_code.co_flags & inspect.CO_GENERATOR:
        return False
    start, first_yield = _generator_offsets(frame.f_code)
    return not start <= frame.f_lasti < first_yield


@functools.lru_cache(maxsize=4096)
def _generator_offsets(code):
    """The offsets of the first RESUME and of the first YIELD_VALUE in a generator's code."""
    offsets: dict[str, int] = {}
    for instruction in dis.get_instructions(code):
        offsets.setdefault(instruction.opname, instruction.offset)
    return offsets.get("RESUME", -1), offsets.get("YIELD_VALUE", len(code.co_code))


@functools.lru_cache(maxsize=4096)
def origin(filename: str) -> str:
    """The owner of the code in a file: "fastnet", "library" (Python, NumPy, SciPy) or "user" (all other).

    Args:
        filename: a code object's `co_filename`.
    """
    if filename.startswith(_PACKAGE):
        return "fastnet"
    if filename.startswith(("<frozen ", *_NUMERIC_FOLDERS)):
        return "library"
    if filename.startswith(_STANDARD) and "-packages" not in filename:      # site-packages is inside
        return "library"
    return "user"
