"""A table as people write them, deterministic: every habit that a reader of tables must take without an edit.

`python tests/tools/messy_table.py messy.csv` writes it for a look.
"""
import datetime
import gzip
import random
import sys
import unicodedata

ROWS = 8000
KINDS = {                               # how a person reads each column
    "id": "left out", "price": "number", "profit": "number", "discount": "number", "rate": "number",
    "temperature": "number", "population": "number", "account": "number", "balance": "number", "self": "number",
    "sep": "number", "size": "number", "size.2": "number", "member": "number", "empty": "left out", "zip": "category",
    "café": "category", "alley": "category", "colour": "category", "note": "text", "ordered": "date", "shipped": "date",
    "invoiced": "date", "met": "date", "founded": "date",
    "weight": "number", "views": "number", "answer": "category", "day": "date", "month": "date", "at": "date"}
TARGETS = {"left": "classification", "plan": "classification", "paid": "regression", "due": "regression"}
ODD = {1: "?", 2: "-", 3: "none", 4: " ", 5: "n/a", 6: "abc"}        # cells of "price", by row
WORDS = ["late", "early", "angry", "happy", "never", "again", "phone", "letter", "call", "thanks", "refund", "broken"]


def messy_rows(rows=ROWS, mark=".", seed=0):
    """(the names of the columns, the rows as lists of text)."""
    rng = random.Random(seed)
    written = [_row(rng, i, mark) for i in range(rows)]
    names = [{"size.2": "size", "price": " price ", "café": unicodedata.normalize("NFD", "café")}.get(name, name)
             for name in written[0]]
    return names, [list(row.values()) for row in written]


def _row(rng, i, mark):
    price, area, day = rng.uniform(1, 5000), rng.uniform(10, 200), _EPOCH + datetime.timedelta(rng.randrange(2000))
    hour, angry = rng.randrange(24), rng.random() < 0.3
    left = price / 2500 + 2 * angry + rng.gauss(0, 0.3) > 1.6
    cafe = rng.choice(["café", "thé"])
    return {
        "id": str(i + 1),
        "price": ODD.get(i, _written(rng, price, mark)),
        "profit": _accounting(price - 2000, mark),
        "discount": f"{rng.randrange(5, 60)}%",
        "rate": _decimal(rng.uniform(30, 60), mark) + "%" * (i % 9 == 4),
        "temperature": _decimal(rng.uniform(-20, 30), mark).replace("-", "−"),
        "population": f"{rng.randrange(1000, 10**7):,}".replace(",", " "),
        "account": str(10**25 + rng.randrange(10**24)),
        "balance": "" if i % 10 == 0 else str(10**22 + rng.randrange(10**22)),
        "self": str(rng.randrange(100)),
        "sep": _decimal(rng.gauss(0, 1), mark),
        "size": _decimal(area, mark),
        "size.2": str(round(area) * 3),
        "member": rng.choice(["True", "False"]),
        "empty": "",
        "zip": f"{rng.choice([2134, 501, 10001, 94110, 6390]):05d}",
        "café": unicodedata.normalize(rng.choice(["NFC", "NFD"]), rng.choice([cafe, f" {cafe} "])),
        "alley": rng.choice(["NA", "Grvl", "Pave", ""]),
        "colour": rng.choice(["red", "red ", " green", "blue"]),
        "note": " ".join(rng.choice(WORDS) for _ in range(4)) + " complaint" * angry,
        "ordered": day.strftime("%d/%m/%Y"),
        "shipped": f"{day}T{hour:02d}:30:15" + rng.choice([".5", ".123456789", ""]) + rng.choice(
            ["Z", "+01:00", "+0100", " UTC"]),
        "invoiced": day.strftime("%m/%d/%Y") + f" {hour:02d}:05",
        "met": day.strftime(rng.choice(["%d %b %Y", "%b %d, %Y", "%Y-%m-%d", "%d.%m.%Y"])),
        "founded": {7: "0001-01-01", 8: "9999-12-31", 9: "?"}.get(i, str(day)),
        "weight": _decimal(rng.uniform(5, 100), mark) + rng.choice([" kg", "kg", " KG"]),
        "views": rng.choice([_decimal(rng.uniform(1, 900), mark) + "k", _decimal(rng.uniform(1, 5), mark) + "M"]),
        "answer": rng.choice(["yes", "yes", "Yes", "YES", "no", "no", "No", "NO"]),
        "day": day.strftime("%Y%m%d"),
        "month": day.strftime("%Y-%m"),
        "at": f"{hour:02d}:{rng.randrange(60):02d}",
        "left": "yes" if left else "no",
        "plan": f"0{1 + (price > 1500) + (price > 3000)}",
        "paid": "$" * (mark == ".") + _grouped(3 * price + 10 * area, mark) + " €" * (mark == ","),
        "due": (day + datetime.timedelta(30)).strftime("%d/%m/%Y"),
    }


_EPOCH = datetime.date(2018, 1, 1)


def _decimal(number, mark):
    return f"{number:.3f}".replace(".", mark)


def _grouped(number, mark):
    return f"{number:,.2f}".translate({ord("."): mark, ord(","): ".," [mark == "."]})


def _written(rng, price, mark):
    """A price as one of several people would write it."""
    plain, grouped = _decimal(price, mark), _grouped(price, mark)
    return rng.choice([plain, plain, plain, grouped, f"${grouped}", f"{plain} EUR", f" {plain} ", f"+{plain}"])


def _accounting(number, mark):
    """With negative numbers in parentheses."""
    return f"({_grouped(-number, mark)})" if number < 0 else _grouped(number, mark)


def write_messy(path, target="left", separator=",", mark=".", rows=ROWS):
    """Write the table with one target, packed if the name says so, with Excel's first line if semicolons separate."""
    names, cells = messy_rows(rows, mark)
    skipped = {place for place, name in enumerate(names) if name in TARGETS and name != target}
    lines = ["sep=;"] if separator == ";" else []
    for row in [names, *cells]:
        fields = [_quoted(cell, separator) for place, cell in enumerate(row) if place not in skipped]
        lines.append(separator.join(fields))
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def _quoted(cell, separator):
    return f'"{cell}"' if separator in cell else cell


if __name__ == "__main__":
    from pathlib import Path
    write_messy(Path(sys.argv[1]))
