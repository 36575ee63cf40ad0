"""Numbers as people write them: 1,813.76 and 1.813,76, 47%, $101, (12.5), −3."""
import functools
import math
import re
from dataclasses import dataclass

import numpy as np

MISSING = frozenset(("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "null"))    # missing, without a note
BOOLS = {"true": True, "false": False}
MARKS = (".", ",")
_SIGN = "[-+−–]"
_CURRENCY = (r"(?:(?:US|R|A|C|HK|NZ)?\$|[€£¥₹₽₩₺₪₫฿¢]|zł|kr\.?|Kč|Fr\.?|Rs\.?|"
             "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|TRY|RUB|KRW|SGD|HKD)")
_GROUPED = {".": r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}", ",": r"[1-9]\d{0,2}(?:\.\d{3})+"}      # India groups by two
_PATTERNS = {mark: re.compile(
    rf"(?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?:{_CURRENCY})?\s*(?P<after>{_SIGN})?\s*"
    rf"(?P<whole>{_GROUPED[mark]}|[1-9]\d{{0,2}}(?:[ \u00a0\u2009\u202f'’]\d{{3}})+|\d+)?"
    rf"(?:{re.escape(mark)}(?P<fraction>\d*))?(?P<exponent>e{_SIGN}?\d+)?"
    rf"(?P<trailing>-)?\s*(?:{_CURRENCY})?\s*(?P<percent>%)?\s*(?P<close>\))?", re.IGNORECASE) for mark in MARKS}


@dataclass(frozen=True)
class Numerals:
    """How the numbers of a column are written.

    Args:
        mark: the decimal mark, "." or ",".
        percent: what a number with the sign % is divided by: 100, or 1 where numbers without it are percentages too.

    Example:
        >>> from fastnet.data.numerals import Numerals
        >>> [Numerals().value(cell) for cell in ("1,813.76", "$101", "(12.5)", "47%", "NA", "?")]
        [1813.76, 101.0, -12.5, 0.47, nan, None]
        >>> Numerals(mark=",").value("1.813,76 €")
        1813.76
    """

    mark: str = "."
    percent: int = 100

    def __post_init__(self):
        if self.mark not in MARKS or self.percent not in (100, 1):
            raise ValueError(f"expected a decimal mark of {MARKS} and a percent of 100 or 1, got {self}")

    def value(self, cell):
        """The number in a cell, NaN if it is missing, None if it is something else."""
        if not isinstance(cell, str):
            return math.nan if cell is None else _float(cell)
        plain = _plain(cell, self.mark)
        if plain is not None:
            return plain
        found = _parts(cell, self.mark)
        if found is None:
            return _word(cell)
        digits, percent = found
        return digits / self.percent if percent else digits

    def read(self, cells):
        """(float64 values with NaN for what cannot be read, the rows that hold something else), of a list of cells."""
        plain = plain_numbers(cells, self.mark)
        if plain is not None:
            return plain, []
        known = {cell: self.value(cell) for cell in set(cells)}
        values = [known[cell] for cell in cells]
        odd = [row for row, value in enumerate(values) if value is None] if None in known.values() else []
        return np.array(values, np.float64), odd


def plain_numbers(cells, mark):
    """Cells as float64 if all are missing or numbers with nothing but digits, a sign, a decimal mark and an exponent.

    This is the common case, read fast; None for other cells.
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


def _is_plain(text, mark):
    """Whether Python's float reads text as people do: it also takes 1_2, which is a code."""
    return "_" not in text and (mark == "." or "." not in text)


def _plain(cell, mark):
    if not _is_plain(cell, mark):
        return None
    try:
        return float(cell if mark == "." else cell.replace(mark, "."))
    except ValueError:
        return None


def judged_numerals(counts, prefer="."):
    """(the Numerals that read most cells, in how many cells).

    Args:
        counts: {cell: in how many rows}, without missing cells.
        prefer: the decimal mark if both read as many.

    Example:
        >>> from fastnet.data.numerals import judged_numerals
        >>> judged_numerals({"1,5": 3, "1.813,25": 1, "?": 1})
        (Numerals(mark=',', percent=100), 4)
    """
    other = next(mark for mark in MARKS if mark != prefer)
    mark, unread = prefer, _unread(counts, prefer)
    if len(_unread(unread, other)) < len(unread):       # it can only be better where it reads what the first does not
        unread_by_other = _unread(counts, other)
        if sum(unread_by_other.values()) < sum(unread.values()):
            mark, unread = other, unread_by_other
    return Numerals(mark, _percent(counts, mark)), sum(counts.values()) - sum(unread.values())


def _unread(counts, mark):
    form = Numerals(mark)
    return {cell: n for cell, n in counts.items() if form.value(cell) is None}


def _percent(counts, mark):
    """47% among 45 and 48.5 is 47, among 0.45 and 0.485, or among percentages alone, 0.47."""
    if not any(isinstance(cell, str) and "%" in cell for cell in counts):
        return 100
    without = [abs(found[0]) for cell in counts
               if isinstance(cell, str) and (found := _parts(cell, mark)) and not found[1]]
    return 1 if without and np.median(without) > 1 else 100


def _float(number):
    try:
        return float(number)
    except (TypeError, ValueError):
        return None


def _word(text):
    word = text.casefold()
    if word in MISSING:
        return math.nan
    return float(BOOLS[word]) if word in BOOLS else None


@functools.lru_cache(1 << 16)
def _parts(text, mark):
    """(the number without its percent sign, whether it has one), None if the text is no number."""
    found = _PATTERNS[mark].fullmatch(text)
    if not found or not (found["whole"] or found["fraction"]):
        return None
    if (found["open"] is None) != (found["close"] is None) or sum(map(bool, _signs(found))) > 1:
        return None
    digits = re.sub(r"\D", "", found["whole"] or "0")
    exponent = (found["exponent"] or "").replace("−", "-").replace("–", "-")
    size = float(f"{digits}.{found['fraction'] or ''}0{exponent}")
    negative = (found["open"] is not None) != any(sign not in (None, "+") for sign in _signs(found))
    return -size if negative else size, found["percent"] is not None


def _signs(found):
    """Each place of a sign: -5, $-5, and 5- as accounting systems write it."""
    return found["sign"], found["after"], found["trailing"]
