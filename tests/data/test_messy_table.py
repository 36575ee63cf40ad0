"""A messy table of 8,000 rows: read as a person would read it, used without an edit, equal in all libraries."""
import csv
import io
import subprocess
import sys

import numpy as np
import pytest
from cli_tools import fastnet
from messy_table import KINDS, TARGETS, write_messy

from fastnet import data
from fastnet.cli.saved import Saved


@pytest.fixture(scope="module", params=["messy.csv.gz", "messy.txt"])
def messy(request, tmp_path_factory):
    """The table with commas and decimal points, compressed, and with semicolons and decimal commas."""
    path = tmp_path_factory.mktemp("messy") / request.param
    separator, mark = (";", ",") if path.suffix == ".txt" else (",", ".")
    return write_messy(path, separator=separator, mark=mark)


def features_of(path):
    return data.split_target(data.read_columns(path), "left")[0]


def test_every_column_is_read_as_a_person_would(messy):
    features = features_of(messy)
    preparation = data.TablePreparation().fit(features)
    assert {report.name: report.kind for report in preparation.describe()} == KINDS
    line = 3 if messy.suffix != ".txt" else 4               # Excel's "sep=;" is a line, too
    assert preparation.notes == [f"column 'price' is numeric except '?' in line {line} and 3 more cells; "
                                 "holds several currencies, not converted: $, €",
                                 f"column 'founded' holds dates except '?' in line {line + 8}",
                                 "column 'answer' treats 'NO' as 'no', 'No' as 'no' and 2 more spellings"]
    assert features.notes == ["column 13 is renamed 'size.2': an earlier column is called 'size'"]
    assert preparation.encoders["zip"].categories == ["00501", "02134", "06390", "10001", "94110"]
    assert preparation.encoders["café"].categories == ["café", "thé"]
    assert preparation.encoders["colour"].categories == ["blue", "green", "red"]
    assert preparation.encoders["alley"].categories == ["Grvl", "NA", "Pave"]
    assert preparation.encoders["ordered"].form.day_first is True
    assert preparation.encoders["invoiced"].form.day_first is False
    numbers = {name: encoder.read(features[name])[0] for name, encoder in preparation.encoders.items()
               if encoder.kind == "number"}
    limits = {"price": (1, 5000), "profit": (-2000, 3000), "discount": (0.05, 0.6), "rate": (30, 60), "self": (0, 99),
              "temperature": (-20, 30), "population": (1000, 1e7), "account": (1e25, 1.1e25), "size": (10, 200),
              "weight": (5, 100), "views": (1000, 5e6)}
    for name, (low, high) in limits.items():
        assert low <= np.nanmin(numbers[name]) < np.nanmax(numbers[name]) <= high, name
    assert np.isnan(numbers["balance"]).mean() == 0.1 and np.isnan(numbers["price"]).sum() == 6


@pytest.mark.filterwarnings("ignore:.*column")
def test_the_file_format_does_not_matter(tmp_path):
    """Points or commas, packed or not: the same numbers."""
    found = []
    for name, separator, mark in (("a.csv", ",", "."), ("a.csv.gz", ",", "."), ("a.tsv", "\t", "."),
                                  ("b.csv", ";", ","), ("b.txt", "|", ",")):
        features = features_of(write_messy(tmp_path / name, separator=separator, mark=mark, rows=500))
        found.append(data.TablePreparation().fit_transform(features))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


# ---- the command line -----------------------------------------------------------------------------------------------

QUICK = ("--epochs", "2", "--hidden", "16", "--quiet")


def answers(capsys, model, *args):
    capsys.readouterr()
    fastnet("predict", model, *args)
    return capsys.readouterr().out


@pytest.mark.parametrize("target", TARGETS)
def test_it_trains_without_an_edit(tmp_path, capsys, target):
    model = tmp_path / "m.safetensors"
    table = write_messy(tmp_path / "messy.csv", target, rows=8000 if target == "left" else 2000)
    fastnet("train", table, "--target", target, *QUICK, "--save", model)
    saved = Saved.read(model)
    assert saved.target.task == TARGETS[target]
    predicted = [row[target] for row in csv.DictReader(io.StringIO(answers(capsys, model, table)))]
    assert len(predicted) == (8000 if target == "left" else 2000)
    if target in ("left", "plan"):
        actual = [row[target] for row in csv.DictReader(io.StringIO(table.read_text()))]
        assert set(predicted) <= {"yes", "no", "01", "02", "03"}
        assert np.mean(np.array(predicted) == actual) > 0.5
    elif target == "due":
        days = np.array(predicted, "M8[D]")                 # each is a day, and no time of day
        assert "2018-01-01" < str(np.sort(days)[1000]) < "2024-01-01"
    else:
        assert 3000 < np.mean(list(map(float, predicted))) < 15000


def test_installed_libraries_do_not_matter(tmp_path, capsys, monkeypatch):
    table, model = write_messy(tmp_path / "messy.csv", rows=2000), tmp_path / "m.safetensors"
    found = set()
    for hidden in ([], ["pandas"], ["polars"], ["pandas", "polars", "pyarrow", "sklearn"]):
        with monkeypatch.context() as patch:
            for library in hidden:
                patch.setitem(sys.modules, library, None)
            fastnet("train", table, "--target", "left", *QUICK, "--save", model)
            found.add(answers(capsys, model, table, "--proba"))
    assert len(found) == 1


def test_standard_input(tmp_path):
    table, model = write_messy(tmp_path / "messy.csv", rows=300), tmp_path / "m.safetensors"
    command = [sys.executable, "-m", "fastnet"]
    with table.open("rb") as file:
        subprocess.run([*command, "train", "-", "--target", "left", *QUICK, "--save", model], stdin=file, check=True)
    with table.open("rb") as file:
        piped = subprocess.run([*command, "predict", model, "-"], stdin=file, check=True, capture_output=True).stdout
    assert piped == subprocess.run([*command, "predict", model, table], check=True, capture_output=True).stdout


# ---- frames ---------------------------------------------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore:.*column")
@pytest.mark.parametrize(("separator", "mark"), [(",", "."), (";", ",")])
def test_frames_of_both_libraries_are_equal(tmp_path, monkeypatch, separator, mark):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    messy = write_messy(tmp_path / "messy.csv", separator=separator, mark=mark, rows=1000)
    cells = features_of(messy)
    preparation = data.TablePreparation().fit(cells)
    expected = preparation.transform(cells)
    as_text = {name: column.tolist() for name, column in cells.items()}
    for frame in (pandas.DataFrame(as_text), polars.DataFrame(as_text), pandas.DataFrame(as_text, dtype=object)):
        np.testing.assert_array_equal(preparation.transform(frame), expected)
        np.testing.assert_array_equal(data.TablePreparation().fit(frame).transform(frame), expected)
    for hidden in ("polars", "pandas"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, hidden, None)
            frame = data.read_table(messy)
        assert type(frame).__module__.partition(".")[0] == ({"pandas", "polars"} - {hidden}).pop()
        features, _ = data.split_target(frame, "left")
        np.testing.assert_array_equal(preparation.transform(features), expected)
        np.testing.assert_array_equal(data.TablePreparation().fit(features).transform(features), expected)
