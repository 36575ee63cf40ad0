"""Numbers as people write them: 1,813.76 and 1.813,76, 47%, $101, (12.5), −3, 12 kg, 1.5M."""
import functools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MISSING = frozenset(("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "null"))    # missing, without a note
BOOLS = {"true": True, "false": False}
MARKS = (".", ",")
_SIGN = "[-+−–]"
_CURRENCY = (r"(?:(?:US|R|A|C|HK|NZ)?\$|[€£¥₹₽₩₺₪₫฿¢]|zł|kr\.?|Kč|Fr\.?|Rs\.?|"
             "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|TRY|RUB|KRW|SGD|HKD)")
_NAMES = {"USD": "$", "US$": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "RUB": "₽"}
POWERS = {"k": 1e3, "K": 1e3, "M": 1e6, "mn": 1e6, "B": 1e9, "bn": 1e9}
_POWER = r"(?-i:[kKMB]|bn|mn)"
_UNIT = r"(?:[^\W\d_]|[°'\"′″])[^\d_,;()]{0,15}[23]?"        # kg, km/h, m², °C, sq ft
_GROUPED = {".": r"[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}", ",": r"[1-9]\d{0,2}(?:\.\d{3})+"}      # India groups by two
_PATTERNS = {mark: re.compile(
    rf"(?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?P<before>{_CURRENCY})?\s*(?P<after>{_SIGN})?\s*"
    rf"(?P<whole>{_GROUPED[mark]}|[1-9]\d{{0,2}}(?:[ \u00a0\u2009\u202f'’]\d{{3}})+|\d+)?"
    rf"(?:{re.escape(mark)}(?P<fraction>\d*))?(?P<exponent>e{_SIGN}?\d+)?"
    rf"(?P<trailing>-)?(?:(?P<power>\s*{_POWER})?\s*(?P<behind>{_CURRENCY})|(?P<unit>\s*{_UNIT}))?"
    rf"\s*(?P<percent>%)?\s*(?P<close>\))?", re.IGNORECASE) for mark in MARKS}


@dataclass(frozen=True)
class Numerals:
    """How the numbers of a column are written.

    Args:
        mark: the decimal mark, "." or ",".
        percent: what a number with the sign % is divided by: 100, or 1 where numbers without it are percentages too.
        unit: what may stand behind each number, such as "kg".
        powers: whether k, M and B behind a number stand for thousands, millions and billions.

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

    def __post_init__(self):
        if not (self.mark in MARKS and self.percent in (100, 1) and isinstance(self.unit, str)
                and isinstance(self.powers, bool)):
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
        if not found.suffix:
            return found.number
        if found.suffix == "%":
            return found.number / self.percent
        if self.powers and found.suffix in POWERS:
            return found.number * POWERS[found.suffix]
        return found.number if self.unit and _same_unit(found.suffix) == _same_unit(self.unit) else None

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
        (Numerals(mark=',', percent=100, unit='', powers=False), 4)
    """
    other = next(mark for mark in MARKS if mark != prefer)
    suffixes = _judged_suffixes(counts)
    form, worse = (Numerals(mark, _percent(counts, mark), **suffixes) for mark in (prefer, other))
    unread = _unread(counts, form)
    if len(_unread(unread, worse)) < len(unread):       # it can only be better where it reads what the first does not
        unread_by_other = _unread(counts, worse)
        if sum(unread_by_other.values()) < sum(unread.values()):
            form, unread = worse, unread_by_other
    return form, sum(counts.values()) - sum(unread.values())


def _unread(counts, form):
    return {cell: n for cell, n in counts.items() if form.value(cell) is None}


def _judged_suffixes(counts):
    """What stands behind the numbers: {"unit": the one of most}, or {"powers": True} for 1.5k and 2M.

    K, M and B are powers of ten if there are several of them, or a fraction or a currency, or if a tenth of the cells
    have one: else 14B is a number of a house.
    """
    suffixes, sure, total = Counter(), False, 0
    for cell, n in counts.items():
        found = (_parts(cell, ".") or _parts(cell, ",")) if isinstance(cell, str) else None
        if found:
            total += n
            suffixes[found.suffix] += n
            sure = sure or (found.suffix in POWERS and (found.currency is not None or found.fraction))
    suffixes.pop("", None), suffixes.pop("%", None)
    powers = {suffix: n for suffix, n in suffixes.items() if suffix in POWERS}
    often = powers == dict(suffixes) and set(powers) != {"B"} and 10 * sum(powers.values()) >= total
    if powers and (sure or often):
        return {"powers": True}
    if not suffixes:
        return {}
    [(unit, _)] = suffixes.most_common(1)
    of_unit = sum(n for suffix, n in suffixes.items() if _same_unit(suffix) == _same_unit(unit))
    return {"unit": unit} if 2 * of_unit >= total else {}


def _same_unit(unit):
    """A unit without what people write in two ways: a plural, a point, capitals, but for those of mW and MW."""
    unit = unit.rstrip(".")
    unit = unit[:-1] if len(unit) > 2 and unit[-1] in "sS" else unit
    return unit if unit[:1] in "mMpP" else unit.casefold()


def currencies(cells):
    """The different currencies of a column's cells, in order.

    Args:
        cells: a list.

    Example:
        >>> from fastnet.data.numerals import currencies
        >>> currencies(["$5", "6", "7 EUR", "€8", "USD 9"])
        ['$', '€']
    """
    if plain_numbers(cells, ".") is not None:
        return []
    found = [_parts(cell, ".") or _parts(cell, ",") for cell in set(cells) if isinstance(cell, str)]
    return sorted({parts.currency for parts in found if parts and parts.currency})


def _percent(counts, mark):
    """47% among 45 and 48.5 is 47, among 0.45 and 0.485, or among percentages alone, 0.47."""
    if not any(isinstance(cell, str) and "%" in cell for cell in counts):
        return 100
    without = [abs(found.number) for cell in counts
               if isinstance(cell, str) and (found := _parts(cell, mark)) and found.suffix != "%"]
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


class _Parts(NamedTuple):
    """A number, what stands behind it (%, a unit or a power), its currency or None, and whether it has a fraction."""
    number: float
    suffix: str
    currency: str | None
    fraction: bool


@functools.lru_cache(1 << 16)
def _parts(text, mark):
    """The _Parts of a cell, None if the text is no number."""
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
    currency = (found["before"] or found["behind"] or "").upper()
    return _Parts(-size if negative else size, suffix, _NAMES.get(currency, currency) or None, bool(found["fraction"]))


def _suffix(found):
    """What stands behind a number; None where it is no number: a sign too many, or a code such as 007B."""
    given = found["power"] or found["unit"] or ""
    suffix = given.strip()
    if found["before"] and suffix and suffix not in POWERS:
        return None
    if suffix and (found["percent"] or re.match("0\\d", found["whole"] or "")):
        return None
    if suffix.casefold().replace(".", "") in ("am", "pm"):      # of a time of day
        return None
    if suffix == "K" and given != suffix:               # 300 K
        return "kelvin"
    return "%" if found["percent"] else suffix


def _signs(found):
    """Each place of a sign: -5, $-5, and 5- as accounting systems write it."""
    return found["sign"], found["after"], found["trailing"]
