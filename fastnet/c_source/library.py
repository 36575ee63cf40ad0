"""The C definitions of `library/*.c`, of which an emitted file holds those that it uses."""
from __future__ import annotations

import functools
import re
from pathlib import Path

__all__ = ["definitions_for", "library_names"]

_FOLDER = Path(__file__).parent / "library"
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DEFINED = (re.compile(r"^\} (\w+);$", re.MULTILINE), re.compile(r"^static const \w+ (\w+)\[", re.MULTILINE),
            re.compile(r"^(?:static [^=(]*?|#define )\*?(\w+)\(", re.MULTILINE),
            re.compile(r"^#define (\w+)", re.MULTILINE))


@functools.cache
def _all_definitions() -> dict[str, str]:
    """{name: text} of each definition. A blank line ends a definition, so none contains one."""
    found: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.c")):
        for text in path.read_text(encoding="ascii").strip().split("\n\n"):
            code = _COMMENT.sub("", text)
            name = next(match[1] for pattern in _DEFINED if (match := pattern.search(code)))
            found[name] = text
    return found


def library_names() -> frozenset[str]:
    """The names of all definitions, which no other name of an emitted file may be."""
    return frozenset(_all_definitions())


def definitions_for(code: str) -> list[str]:
    """The definitions that C code uses, and those that these use, each after the ones that it needs.

    Args:
        code: C without these definitions.

    Example:
        >>> [text.split("(")[0] for text in definitions_for("y = silu(x);")]
        ['static float sigmoid', 'static float silu']
    """
    library, found = _all_definitions(), dict[str, str]()

    def add(text: str) -> None:
        for word in _IDENTIFIER.findall(_COMMENT.sub("", text)):
            if word in library and word not in found and library[word] is not text:
                add(library[word])
                found[word] = library[word]
    add(code)
    return list(found.values())
