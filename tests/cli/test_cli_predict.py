"""`fastnet predict`: columns that are passed on, large files, standard input, and the modules that it loads."""
import csv
import io
import json
import os
import threading

import numpy as np
import pytest
from cli_tools import failure, fastnet, flowers, pictures, prices
from processes import interpreter, python

from fastnet.cli import inputs
from fastnet.data import read_blocks

QUICK = ("--epochs", "2", "--hidden", "8", "--quiet")


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    """A model of flowers."""
    folder = tmp_path_factory.mktemp("model")
    fastnet("train", flowers(folder / "f.csv"), *QUICK, "--save", folder / "m.safetensors")
    return folder / "m.safetensors"


def with_ids(table):
    """The table with a column of IDs in front, and how many rows it has."""
    first, *lines = table.read_text().splitlines()
    table.write_text("\n".join([f"id,{first}", *(f"00{i}A,{line}" for i, line in enumerate(lines))]) + "\n")
    return table, len(lines)


def predicted(capsys, *args):
    capsys.readouterr()
    fastnet("predict", *args)
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_columns_are_passed_on(tmp_path, capsys, model):
    table, count = with_ids(flowers(tmp_path / "new.csv"))
    rows = predicted(capsys, model, table, "--keep", "id", "--keep", "weight", "--proba")
    assert list(rows[0])[:3] == ["id", "weight", "kind"] and len(rows[0]) == 6
    given = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["id"] for row in rows] == [f"00{i}A" for i in range(count)]
    assert [row["weight"] for row in rows] == [row["weight"] for row in given]
    assert rows == [{**old, **row} for old, row in zip([{"id": r["id"], "weight": r["weight"]} for r in given], rows)]


def test_the_target_that_is_there_is_passed_on_beside_the_prediction(tmp_path, capsys, model):
    rows = predicted(capsys, model, flowers(tmp_path / "new.csv"), "--keep", "kind")
    assert list(rows[0]) == ["kind", "predicted kind"]
    assert [row["kind"] for row in rows[:3]] == ["kind0", "kind1", "kind2"]


def test_columns_that_are_not_there(tmp_path, capsys, model):
    table = flowers(tmp_path / "new.csv")
    assert "new.csv: there is no column 'idd'" in failure(capsys, "predict", model, table, "--keep", "idd")
    pytest.importorskip("PIL")
    fastnet("train", pictures(tmp_path / "bars", each=4), *QUICK, "--save", tmp_path / "p.safetensors")
    line = failure(capsys, "predict", tmp_path / "p.safetensors", tmp_path / "bars/level/0.png", "--keep", "id", code=2)
    assert "--keep is for tables: the model reads images" in line


def test_columns_of_a_parquet_file_are_passed_on(tmp_path, capsys, model):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = pd.read_csv(flowers(tmp_path / "new.csv", n=3))
    days = pd.to_datetime(["2024-05-06 00:00", "2024-05-07 08:09", None])
    table = table.assign(day=days, number=[7, None, 8], id=["a", "b", None])
    table.to_parquet(tmp_path / "new.parquet")
    rows = predicted(capsys, model, tmp_path / "new.parquet", "--keep", "id", "--keep", "day", "--keep", "number")
    assert [[row["id"], row["day"], row["number"]] for row in rows] == [
        ["a", "2024-05-06", "7"], ["b", "2024-05-07 08:09:00", ""], ["", "", "8"]]


@pytest.mark.parametrize("rows", [1, 7, 90])
def test_blocks_change_nothing(tmp_path, capsys, model, monkeypatch, rows):
    table, _ = with_ids(flowers(tmp_path / "new.csv"))
    table.write_text(table.read_text().replace("red", "black"))
    before = predicted(capsys, model, table, "--keep", "id", "--proba")
    monkeypatch.setattr(inputs, "BLOCK_ROWS", rows)
    assert predicted(capsys, model, table, "--keep", "id", "--proba") == before
    fastnet("predict", model, table)
    assert capsys.readouterr().err == (
        f"fastnet: note: {table}: column 'colour': 30 of 90 rows have a category that was not seen in training, which "
        "is ignored\n")


def test_odd_cells_are_noted_once(tmp_path, capsys, monkeypatch):
    table, model = prices(tmp_path / "p.csv"), tmp_path / "m.safetensors"
    fastnet("train", table, *QUICK, "--save", model)
    first, *lines = table.read_text().splitlines()
    for place in (30, 90):
        lines[place] = f"?{lines[place][lines[place].index(','):]}"
    table.write_text("\n".join([first, *lines]))
    monkeypatch.setattr(inputs, "BLOCK_ROWS", 50)
    capsys.readouterr()
    fastnet("predict", model, table)
    assert capsys.readouterr().err == f"fastnet: note: {table}: column 'area' is numeric except '?' in line 32\n"


def test_a_file_that_is_wrong_further_on_leaves_the_old_predictions(tmp_path, capsys, model, monkeypatch):
    table = flowers(tmp_path / "new.csv")
    table.write_text(table.read_text() + "1,red\n")
    (tmp_path / "out.csv").write_text("before")
    monkeypatch.setattr(inputs, "BLOCK_ROWS", 20)
    line = failure(capsys, "predict", model, table, "--output", tmp_path / "out.csv")
    assert "new.csv, line 92: expected 4 fields, as in the line with the column names, got 2" in line
    assert (tmp_path / "out.csv").read_text() == "before"


def test_several_files(tmp_path, capsys, model):
    first, second = flowers(tmp_path / "a.csv", n=6), flowers(tmp_path / "b.csv", n=3)
    assert len(predicted(capsys, model, first, second)) == 9


def test_standard_input(tmp_path, model):
    table = flowers(tmp_path / "new.csv", n=6)
    code = "import os, sys; sys.stdin = open(sys.argv.pop()); from fastnet.cli import main; sys.exit(main())"
    done = interpreter("-c", code, "predict", model, "-", table)
    assert len(done.stdout.splitlines()) == 7 and done.stdout.startswith("kind\nkind")


def test_standard_input_is_read_as_it_comes(monkeypatch):
    """A large file that is piped in is not held in memory, and standard input stays open."""
    there, here = os.pipe()
    with open(there, encoding="utf-8") as stdin, open(here, "wb", buffering=0) as file:
        monkeypatch.setattr("sys.stdin", stdin)
        late = threading.Timer(9, file.close)
        late.start()
        file.write(b"a\n1\n2\n")
        blocks = read_blocks("-", 2)
        assert next(blocks)["a"].tolist() == ["1", "2"] and not file.closed
        late.cancel()
        file.write(b"3\n")
        file.close()
        assert next(blocks)["a"].tolist() == ["3"] and next(blocks, None) is None and not stdin.closed


MEMORY = """
import json, resource, sys
from fastnet.cli import main
assert main(["predict", sys.argv[1], sys.argv[2], "--output", sys.argv[3]]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_large_file_takes_no_more_memory(tmp_path, model):
    pytest.importorskip("resource")
    table = flowers(tmp_path / "new.csv", n=3 * inputs.BLOCK_ROWS)
    whole = table.read_text()
    first, _, lines = whole.partition("\n")
    used = []
    for times in (1, 5):
        table.write_text(f"{first}\n{lines * times}")
        used.append(int(interpreter("-c", MEMORY, model, table, tmp_path / "out.csv").stdout))
    assert used[1] - used[0] < 20, used     # MB, for a file that is 8 MB longer: as Python's strings it takes 60


@pytest.mark.parametrize("kind", ["table", "picture"])
def test_nothing_heavy_is_loaded(tmp_path, model, kind):
    """pandas, scikit-learn and the like take longer to import than a small table to predict."""
    if kind == "picture":
        pytest.importorskip("PIL")
        path, model = pictures(tmp_path / "bars", each=4) / "level" / "0.png", tmp_path / "m.safetensors"
        fastnet("train", tmp_path / "bars", *QUICK, "--save", model)
    else:
        path = flowers(tmp_path / "new.csv")
    code = f"""
import json, sys
from fastnet.cli import main
assert main(["predict", {str(model)!r}, {str(path)!r}, "--output", {str(tmp_path / "out.csv")!r}]) == 0
print(json.dumps(sorted(sys.modules)))
"""
    loaded = {name.partition(".")[0] for name in json.loads(python(code).stdout)}
    assert not loaded & {"pandas", "polars", "pyarrow", "sklearn", "scipy", "matplotlib", "pooch", "tensorboardX"}


def test_arrays_in_blocks(tmp_path, capsys, model):
    np.save(tmp_path / "x.npy", np.zeros((5, 3)))
    assert len(predicted(capsys, model, tmp_path / "x.npy", "--keep", "size")) == 5
