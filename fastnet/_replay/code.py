"""The names that the code of a function reads, and whose code it is."""
import dis
import functools
import inspect
import os
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

# reading an attribute through one of these, a function can read any
_DYNAMIC = frozenset(("getattr", "hasattr", "vars", "attrgetter", "methodcaller", "__dict__", "__getattribute__"))
_GLOBAL = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))
_ATTRIBUTE = frozenset(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "LOAD_SUPER_METHOD"))
_HANDLERS = {"PUSH_EXC_INFO": 1, "SETUP_FINALLY": 1,
             "WITH_EXCEPT_START": -1}           # a with statement begins like a handler, and catches nothing
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = os.path.join(os.path.dirname(os.__file__), "")
_SITE = os.path.dirname(os.path.dirname(np.__file__))
_NUMBERS = tuple(os.path.join(_SITE, package, "") for package in ("numpy", "scipy"))


class Reads(NamedTuple):
    """What a piece of code and the functions defined in it read."""

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]             # modules that it imports itself
    strings: frozenset[str]             # its constants: keys, perhaps
    dynamic: bool                       # whether it may read attributes whose names do not stand in it
    catches: bool                       # whether it may go on where an attribute is missing


@functools.lru_cache(maxsize=4096)
def reads(code: CodeType) -> Reads:
    """The names that `code` reads.

    Args:
        code: of a function.
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
    """The attributes that a method reads of its object; all that it reads of any, where it hands its object on.

    Args:
        code: of the method.
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
    """Whether a frame that is entered is a generator's that was made before: the garbage collector closes it.

    A generator's first run enters its frame at the instruction RESUME, where it has yielded nothing.

    Args:
        frame: which has just been entered.
    """
    if not frame.f_code.co_flags & inspect.CO_GENERATOR:
        return False
    start, first_yield = _generator_offsets(frame.f_code)
    return not start <= frame.f_lasti < first_yield


@functools.lru_cache(maxsize=4096)
def _generator_offsets(code):
    """Where the first RESUME and the first YIELD_VALUE of a generator's code are."""
    offsets: dict[str, int] = {}
    for instruction in dis.get_instructions(code):
        offsets.setdefault(instruction.opname, instruction.offset)
    return offsets.get("RESUME", -1), offsets.get("YIELD_VALUE", len(code.co_code))


@functools.lru_cache(maxsize=4096)
def origin(filename: str) -> str:
    """Whose code a file holds: "fastnet", "library" (Python's own, NumPy's and SciPy's) or "user" (all other).

    Args:
        filename: a code object's `co_filename`.
    """
    if filename.startswith(_PACKAGE):
        return "fastnet"
    if filename.startswith(("<frozen ", *_NUMBERS)):
        return "library"
    if filename.startswith(_STANDARD) and "-packages" not in filename:      # site-packages lies in it
        return "library"
    return "user"
