"""Identifiers of emitted files: which ones C, C++, their headers and the files themselves use."""
from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["INDICES", "Names"]

INDICES = "ijklmnopq"                   # the variables of nested loops

_C_WORDS = """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef typeof union unsigned void volatile while
    bool true false"""
_CPP_WORDS = """alignas alignof and and_eq asm bitand bitor catch char8_t char16_t char32_t class co_await co_return
    co_yield compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast explicit export friend
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public reinterpret_cast
    requires static_assert static_cast template this thread_local throw try typeid typename using virtual wchar_t xor
    xor_eq"""
_TYPE_WORDS = "size_t int8_t uint8_t int16_t uint16_t int32_t uint32_t int64_t uint64_t"
_COMPILER_MACROS = "linux unix i386 mips sparc sun"         # of GNU C, without -std=c99
_MATH_FUNCTIONS = """abs acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 exp10
    expm1 fabs fdim floor fma fmax fmin fmod frexp gamma hypot ilogb isfinite isinf isnan isnormal j0 j1 jn ldexp
    lgamma log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter pow pow10 remainder remquo rint round
    scalb scalbn signbit significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn"""
_LIBRARY_FUNCTIONS = """abort bcmp bcopy bzero calloc exit ffs free fprintf fputc fputs fwrite index isalpha isdigit
    islower isspace isupper labs malloc memchr memcmp memcpy memmove memset printf putc putchar puts realloc rindex
    scanf snprintf sprintf sscanf strcat strchr strcmp strcpy strlen tolower toupper"""
# Of the file, and of the main program of the self-test:
_OF_THE_FILE = "arena_float arena_int32_t arena_int16_t arena_int8_t main t wrong"

_WORDS = _C_WORDS, _CPP_WORDS, _TYPE_WORDS, _COMPILER_MACROS, _LIBRARY_FUNCTIONS, _OF_THE_FILE
_TAKEN = frozenset([*" ".join(_WORDS).split(), *INDICES,
                    *(f"{name}{suffix}" for name in _MATH_FUNCTIONS.split() for suffix in ("", "f", "l"))])


class Names:
    """Gives different C identifiers that are no macros and no words of C or C++.

    A macro of a header, of the file (`NET_RAM`) or of the user is in capitals. A name in capitals of two letters or
    more therefore becomes lower-case.

    Args:
        taken: identifiers that are in use.

    Example:
        >>> names = Names(["relu"])
        >>> names.new("features.0.weight"), names.new("relu"), names.new("2nd"), names.new("int")
        ('features_0_weight', 'relu_2', 'layer_2nd', 'int_2')
        >>> names.new("NET_RAM"), names.new("X")
        ('net_ram', 'X')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*taken, *_TAKEN}

    def new(self, wanted: str) -> str:
        """An identifier like `wanted`."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII) or "value"
        base = f"layer_{base}" if base[0].isdigit() else f"of{base}" if base[0] == "_" else base
        base = base.lower() if len(base) > 1 and base.isupper() else base
        name, number = base, 2
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        return name
