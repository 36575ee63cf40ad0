"""Numbers as people write them: 1,813.76 and 1.813,76, 47%, $101, (12.5), −3, 12 kg, 1.5M."""
from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["BOOLS", "DECIMAL_MARKS", "MISSING_WORDS", "Numerals", "currencies", "judged_numerals", "plain_numbers"]

# Words that mean "missing" in any column; no note is made of them.
MISSING_WORDS: frozenset[str] = frozenset(("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "null"))
BOOLS: dict[str, bool] = {"true": True, "false": False}
DECIMAL_MARKS: tuple[str, ...] = (".", ",")
_SIGN = "[-+−–]"
_CURRENCY = (r"(?:(?:US|R|A|C|HK|NZ)?\$|[€£¥₹₽₩₺₪₫฿¢]|zł|kr\.?|Kč|Fr\.?|Rs\.?|"
             "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|TRY|RUB|KRW|SGD|HKD)")
_SIGN_OF = {"USD": "$", "US$": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽"}
_POWERS = {"k": 1e3, "K": 1e3, "M": 1e6, "mn": 1e6, "B": 1e9, "bn": 1e9}
_POWER = r"(?-i:[kKMB]|bn|mn)"
_UNIT = r"(?:[^\W\d_]|[°'\"′″])[^\d_,;()]{0,15}[23]?"        # kg, km/h, m², °C, sq ft
_GROUPED = {".": r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}", ",": r"[1-9]\d{0,2}(?:\.\d{3})+"}      # India groups digits by two
_PATTERNS = {mark: re.compile(
    rf"(?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?P<before>{_CURRENCY})?\s*(?P<after>{_SIGN})?\s*"
    rf"(?P<whole>{_GROUPED[mark]}|[1-9]\d{{0,2}}(?:[ \u00a0\u2009\u202f'’]\d{{3}})+|\d+)?"
    rf"(?:{re.escape(mark)}(?P<fraction>\d*))?(?P<exponent>e{_SIGN}?\d+)?"
    rf"(?P<trailing>-)?(?:(?P<power>\s*{_POWER})?\s*(?P<currency_after>{_CURRENCY})|(?P<unit>\s*{_UNIT}))?"
    rf"\s*(?P<percent>%)?\s*(?P<close>\))?", re.IGNORECASE) for mark in DECIMAL_MARKS}


@dataclass(frozen=True)
class Numerals:
    """How the numbers of a column are written.

    Args:
        mark: the decimal mark, "." or ",".
        percent: the divisor for numbers with a % sign: 100, or 1 if the numbers without the sign are percentages, too.
        unit: the unit that may follow each number, such as "kg".
        powers: whether k, M and B after a number mean thousands, millions and billions.

    Example:
        >>> from fastnet.data.numerals import Numerals
        >>> [Numerals().value(cell) for cell in ("1,813.76", "$101", "(12.5)", "47%", "NA", "?")]
        [1813.76, 101.0, -12.5, 0.47, nan, None]
        >>> Numerals(mark=",").value("1.813,76 €"), Numerals(unit="kg").value("2 kg"), Numerals(powers=True).value("2M")
        (1813.76, 2.0, 2000000.0)
    """

    mark: str = "."
    percent: int = 100
    unit: str = ""
    powers: bool = False

    def __post_init__(self) -> None:
        if not (self.mark in DECIMAL_MARKS and self.percent in (100, 1) and isinstance(self.unit, str)
                and isinstance(self.powers, bool)):
            raise ValueError(f"Numerals: expected a decimal mark of {DECIMAL_MARKS} and a percent of 100 or 1, got "
                             f"{self}")

    def value(self, cell: Any) -> float | None:
        """The number in a cell; NaN if the cell is missing, None if it is not a number."""
        if not isinstance(cell, str):
            return math.nan if cell is None else _float(cell)
        plain = _plain_number(cell, self.mark)
        if plain is not None:
            return plain
        found = _parts(cell, self.mark)
        if found is None:
            return _number_of_word(cell)
        if not found.suffix:
            return found.number
        if found.suffix == "%":
            return found.number / self.percent
        if self.powers and found.suffix in _POWERS:
            return found.number * _POWERS[found.suffix]
        return found.number if self.unit and _same_unit(found.suffix) == _same_unit(self.unit) else None

    def read(self, cells: Sequence[Any]) -> tuple[Array, list[int]]:
        """Read cells; returns (float64 values, NaN where there is no number, and the rows that hold something else)."""
        plain = plain_numbers(cells, self.mark)
        if plain is not None:
            return plain, []
        known = {cell: self.value(cell) for cell in set(cells)}
        values = [known[cell] for cell in cells]
        odd = [row for row, value in enumerate(values) if value is None] if None in known.values() else []
        return np.array(values, np.float64), odd


def plain_numbers(cells: Sequence[Any], mark: str) -> Array | None:
    """Convert cells to float64 if each is None or a plain number: digits, a sign, a decimal mark, an exponent.

    Returns None if any cell is something else. This is a fast path for the common case.
    """
    try:
        if mark == ".":
            values = [math.nan if cell is None else float(cell) for cell in cells]
        else:
            values = [math.nan if cell is None else float(cell.replace(mark, ".")) for cell in cells]
        text = "".join(filter(None, cells))
    except (AttributeError, TypeError, ValueError):
        return None
    return np.array(values, np.float64) if _is_plain(text, mark) else None


def _is_plain(text: str, mark: str) -> bool:
    """Whether `float` reads numbers in a text correctly: it also accepts 1_2, which is a code."""
    return "_" not in text and (mark == "." or "." not in text)


def _plain_number(cell: str, mark: str) -> float | None:
    if not _is_plain(cell, mark):
        return None
    try:
        return float(cell if mark == "." else cell.replace(mark, "."))
    except ValueError:
        return None


def judged_numerals(counts: Mapping[Any, int], prefer: str = ".") -> tuple[Numerals, int]:
    """Find the number format that reads the most cells; returns (the Numerals, the number of cells it reads).

    Args:
        counts: {cell: number of rows}, without missing cells.
        prefer: the decimal mark to choose if both read the same number of cells.

    Example:
        >>> from fastnet.data.numerals import judged_numerals
        >>> judged_numerals({"1,5": 3, "1.813,25": 1, "?": 1})
        (Numerals(mark=',', percent=100, unit='', powers=False), 4)
    """
    other_mark = next(mark for mark in DECIMAL_MARKS if mark != prefer)
    suffixes = _judged_suffixes(counts)
    form, other = (Numerals(mark, _percent(counts, mark), **suffixes) for mark in (prefer, other_mark))
    unread = _unread(counts, form)
    if len(_unread(unread, other)) < len(unread):       # the other can only win if it reads some of these
        unread_by_other = _unread(counts, other)
        if sum(unread_by_other.values()) < sum(unread.values()):
            form, unread = other, unread_by_other
    return form, sum(counts.values()) - sum(unread.values())


def _unread(counts: Mapping[Any, int], form: Numerals) -> dict[Any, int]:
    return {cell: n for cell, n in counts.items() if form.value(cell) is None}


def _judged_suffixes(counts: Mapping[Any, int]) -> dict[str, Any]:
    """Judge what follows the numbers of a column: {"unit": the most frequent one}, or {"powers": True} for 1.5k and 2M.

    K, M and B mean powers of ten if one of them follows a fraction or a number with a currency, or if at least a tenth
    of the cells have one and there is no other suffix. B alone needs a fraction or a currency: 14B may be a house
    number.
    """
    suffixes: Counter[str] = Counter()
    sure, total = False, 0
    for cell, n in counts.items():
        found = (_parts(cell, ".") or _parts(cell, ",")) if isinstance(cell, str) else None
        if found:
            total += n
            suffixes[found.suffix] += n
            sure = sure or (found.suffix in _POWERS and (found.currency is not None or found.fraction))
    suffixes.pop("", None), suffixes.pop("%", None)
    powers = {suffix: n for suffix, n in suffixes.items() if suffix in _POWERS}
    often = powers == dict(suffixes) and set(powers) != {"B"} and 10 * sum(powers.values()) >= total
    if powers and (sure or often):
        return {"powers": True}
    if not suffixes:
        return {}
    [(unit, _)] = suffixes.most_common(1)
    of_unit = sum(n for suffix, n in suffixes.items() if _same_unit(suffix) == _same_unit(unit))
    return {"unit": unit} if 2 * of_unit >= total else {}


def _same_unit(unit: str) -> str:
    """A unit in one spelling: without a plural s, a final point, and capitals, except those that tell mW from MW."""
    unit = unit.rstrip(".")
    unit = unit[:-1] if len(unit) > 2 and unit[-1] in "sS" else unit
    return unit if unit[:1] in "mMpP" else unit.casefold()


def currencies(cells: Sequence[Any]) -> list[str]:
    """The different currencies in the cells of a column, sorted.

    Args:
        cells: the cells.

    Example:
        >>> from fastnet.data.numerals import currencies
        >>> currencies(["$5", "6", "7 EUR", "€8", "USD 9"])
        ['$', '€']
    """
    if plain_numbers(cells, ".") is not None:
        return []
    found = [_parts(cell, ".") or _parts(cell, ",") for cell in set(cells) if isinstance(cell, str)]
    return sorted({parts.currency for parts in found if parts and parts.currency})


def _percent(counts: Mapping[Any, int], mark: str) -> int:
    """The divisor for numbers with a % sign.

    1 if the numbers without the sign are percentages, too, since their median is above 1: 47% next to 45 and 48.5 is
    47. Otherwise 100: 47% next to 0.45 and 0.485, or next to other numbers with the sign only, is 0.47.
    """
    if not any(isinstance(cell, str) and "%" in cell for cell in counts):
        return 100
    without = [abs(found.number) for cell in counts
               if isinstance(cell, str) and (found := _parts(cell, mark)) and found.suffix != "%"]
    return 1 if without and np.median(without) > 1 else 100


def _float(number: Any) -> float | None:
    try:
        return float(number)
    except (TypeError, ValueError):
        return None


def _number_of_word(text: str) -> float | None:
    """NaN for words that mean "missing", 1 for true, 0 for false, None for other words."""
    word = text.casefold()
    if word in MISSING_WORDS:
        return math.nan
    return float(BOOLS[word]) if word in BOOLS else None


class _Parts(NamedTuple):
    """The parts of a cell: a number, its suffix (%, a unit or a power of ten), its currency, if it has a fraction."""
    number: float
    suffix: str
    currency: str | None
    fraction: bool


@functools.lru_cache(1 << 16)
def _parts(text: str, mark: str) -> _Parts | None:
    """The parts of a cell; None if the text is not a number."""
    found = _PATTERNS[mark].fullmatch(text)
    if not found or not (found["whole"] or found["fraction"]):
        return None
    if (found["open"] is None) != (found["close"] is None) or sum(map(bool, _signs(found))) > 1:
        return None
    whole = found["whole"] or "0"
    digits = whole if whole.isdigit() else re.sub(r"\D", "", whole)
    exponent = (found["exponent"] or "").replace("−", "-").replace("–", "-")
    size = float(f"{digits}.{found['fraction'] or ''}0{exponent}")
    negative = (found["open"] is not None) != any(sign not in (None, "+") for sign in _signs(found))
    suffix = _suffix(found)
    if suffix is None:
        return None
    currency = (found["before"] or found["currency_after"] or "").upper()
    return _Parts(-size if negative else size, suffix, _SIGN_OF.get(currency, currency) or None,
                  bool(found["fraction"]))


def _suffix(found: re.Match[str]) -> str | None:
    """The suffix of a number; None if the cell is not a number, but a code such as 007B or has contradicting signs."""
    given = found["power"] or found["unit"] or ""
    suffix = given.strip()
    if found["before"] and suffix and suffix not in _POWERS:
        return None
    if suffix and (found["percent"] or re.match("0\\d", found["whole"] or "")):
        return None
    if suffix.casefold().replace(".", "") in ("am", "pm"):      # a time of day
        return None
    if suffix == "K" and given != suffix:               # 300 K
        return "kelvin"
    return "%" if found["percent"] else suffix


def _signs(found: re.Match[str]) -> tuple[str | None, ...]:
    """The signs of a number, before it, after its currency, and after it: -5, $-5, and 5- as in accounting."""
    return found["sign"], found["after"], found["trailing"]
