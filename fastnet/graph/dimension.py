"""Integers that depend on the lengths of open dimensions, and the walk over nested arguments that hold them."""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

__all__ = ["Dim", "is_open", "mapped", "resolved"]


class Dim(int):
    """An integer of a graph that depends on open dimensions: factor * length + offset.

    It is an int whose value is that of the traced run, so that code that ignores open dimensions works on the traced
    sizes. Arithmetic on it gives plain integers.

    Args:
        value: in the traced run.
        name: of the open dimension; "batch*time" stands for the product of two lengths, and a sum such as
            "16*batch*time+32*batch" for itself, with the factor 1.
        factor: an integer or a fraction.
        offset: an integer.

    Attributes:
        terms: the factor of each length or product of lengths, by its name.

    Example:
        >>> from fastnet.graph import Dim
        >>> Dim(4, "batch"), Dim(9, "batch", 2, 1), Dim(12, "batch*time")
        (batch, 2*batch+1, batch*time)
        >>> Dim(9, "batch", 2, 1) == 9, Dim(9, "batch", 2, 1).at({"batch": 10})
        (True, 21)
    """

    name: str
    factor: Fraction
    offset: int
    terms: dict[str, Fraction]

    def __new__(cls, value: int, name: str, factor: Fraction | int = 1, offset: int = 0) -> Dim:
        return cls.of_terms(value, {name: Fraction(factor)}, offset)

    @classmethod
    def of_terms(cls, value: int, terms: Mapping[str, Fraction], offset: int = 0) -> Dim:
        """A sum of terms and an offset.

        Args:
            value: in the traced run.
            terms: the factor of each length or product of lengths, by its name; at least one.
            offset: an integer.

        Example:
            >>> from fractions import Fraction
            >>> from fastnet.graph import Dim
            >>> Dim.of_terms(80, {"batch*time": Fraction(16), "batch": Fraction(-1, 2)}, 1)
            16*batch*time-batch/2+1
        """
        made = int.__new__(cls, value)
        made.terms, made.offset = dict(terms), offset
        if len(made.terms) == 1:
            (made.name, made.factor), = made.terms.items()
        else:
            texts = (_term_text(name, factor) for name, factor in made.terms.items())
            made.name, made.factor = "".join(texts).removeprefix("+"), Fraction(1)
        return made

    def __reduce__(self) -> Any:
        return Dim.of_terms, (int(self), self.terms, self.offset)

    def at(self, sizes: Mapping[str, int]) -> int:
        """The integer for other lengths.

        Args:
            sizes: the length of each open dimension.

        Raises:
            ValueError: the result is a fraction.
        """
        value = self.offset + sum((factor * math.prod(sizes[part] for part in name.split("*"))
                                   for name, factor in self.terms.items()), Fraction(0))
        if value.denominator != 1:
            raise ValueError(f"expected {self} to be an integer, got {value} for {dict(sizes)}")
        return int(value)

    def __repr__(self) -> str:
        text = "".join(_term_text(name, factor) for name, factor in self.terms.items()).removeprefix("+")
        return text + (f"{self.offset:+d}" if self.offset else "")


def _term_text(name: str, factor: Fraction) -> str:
    """A term with its sign, such as "+2*batch" or "-batch/3"."""
    up, down = abs(factor).as_integer_ratio()
    return ("-" if factor < 0 else "+") + (f"{up}*" if up != 1 else "") + name + (f"/{down}" if down != 1 else "")


def mapped(x: Any, function: Callable[[Any], Any]) -> Any:
    """A nested argument with function(leaf) in place of each leaf; lists, tuples and dictionaries keep their types.

    Args:
        x: any value; lists, tuples, dictionaries and slices are entered.
        function: of a leaf.

    Example:
        >>> from fastnet.graph.dimension import mapped
        >>> mapped((1, [2, slice(3)], {"k": 4}), lambda leaf: leaf and leaf * 10)
        (10, [20, slice(None, 30, None)], {'k': 40})
    """
    if isinstance(x, tuple | list):
        entries = [mapped(entry, function) for entry in x]
        if all(a is b for a, b in zip(entries, x)):
            return x
        return x._make(entries) if hasattr(x, "_make") else type(x)(entries)
    if isinstance(x, dict):
        return {key: mapped(entry, function) for key, entry in x.items()}
    if isinstance(x, slice):
        return slice(*(mapped(entry, function) for entry in (x.start, x.stop, x.step)))
    return function(x)


def resolved(x: Any, sizes: Mapping[str, int]) -> Any:
    """A nested argument with plain integers in place of those that depend on open dimensions.

    Args:
        x: any value.
        sizes: the length of each open dimension.

    Example:
        >>> from fastnet.graph.dimension import Dim, resolved
        >>> resolved(("view", (Dim(4, "batch"), 3)), {"batch": 7})
        ('view', (7, 3))
    """
    return mapped(x, lambda leaf: leaf.at(sizes) if isinstance(leaf, Dim) else leaf)


def is_open(x: Any) -> bool:
    """Whether a nested argument holds an integer that depends on an open dimension.

    Args:
        x: any value.

    Example:
        >>> from fastnet.graph.dimension import Dim, is_open
        >>> is_open({"shape": (Dim(4, "batch"), 3)}), is_open((4, 3))
        (True, False)
    """
    found: list[Dim] = []
    mapped(x, lambda leaf: found.append(leaf) if isinstance(leaf, Dim) else None)
    return bool(found)
