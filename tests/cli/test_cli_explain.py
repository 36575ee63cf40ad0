"""`fastnet explain`: the columns that decided a row, the parts of an image, pictures of both."""
import re

import numpy as np
import pytest
from cli_tools import failure, fastnet, flowers, pictures, prices

from fastnet.cli.explain import METHOD_NAMES
from fastnet.cli.explanations import METHODS

QUICK = ("--epochs", "20", "--hidden", "8", "--quiet")


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    """A model of flowers."""
    folder = tmp_path_factory.mktemp("model")
    fastnet("train", flowers(folder / "f.csv"), *QUICK, "--save", folder / "m.safetensors")
    return folder / "m.safetensors"


@pytest.fixture(name="table", scope="module")
def _table(tmp_path_factory):
    return flowers(tmp_path_factory.mktemp("table") / "new.csv")


@pytest.fixture(name="bars", scope="module")
def _bars(tmp_path_factory):
    """A folder with images and two models of them: a convolutional network, and a perceptron."""
    pytest.importorskip("PIL")
    folder = tmp_path_factory.mktemp("bars")
    pictures(folder / "bars", each=8)
    fastnet("train", folder / "bars", "--model", "lenet5", "--size", "32", "--epochs", "2", "--quiet", "--save",
            folder / "conv.safetensors")
    fastnet("train", folder / "bars", "--epochs", "2", "--hidden", "8", "--quiet", "--size", "12", "--save",
            folder / "mlp.safetensors")
    return folder


def lines(capsys, *args):
    capsys.readouterr()
    fastnet("explain", *args)
    return capsys.readouterr().out.splitlines()


def test_the_names_of_the_methods():
    assert tuple(METHODS) == METHOD_NAMES


def test_columns_that_decided_a_row(capsys, model, table):
    first, second, *columns = lines(capsys, model, table, "--row", "3")
    assert re.fullmatch(rf"{table}, row 3: kind kind2 \([\d.]+%\)", first)
    assert second == "integrated_gradients for the logit of kind2:"
    cells = table.read_text().splitlines()[3].split(",")
    found = {line.split(" = ")[0].strip(): line.split() for line in columns}
    assert set(found) == {"size", "colour", "weight"} and found["colour"][2] == cells[1]
    shares = [int(line.split()[-1][:-1]) for line in columns]
    assert shares == sorted(shares, reverse=True) and 98 <= sum(shares) <= 102
    assert sum(float(line.split()[-2]) for line in columns) > 0         # for the predicted class


def test_a_missing_cell(tmp_path, capsys, model, table):
    header, first, *_ = table.read_text().splitlines()
    path = tmp_path / "gap.csv"
    path.write_text(f"{header}\n{',' + first.split(',', 1)[1]}\n")
    assert any(line.split("  ")[1] == f"{header.split(',')[0]} = missing" for line in lines(capsys, model, path)[2:])


def test_another_class_and_fewer_columns(capsys, model, table):
    _, second, *columns = lines(capsys, model, table, "--class", "kind1", "--top", "2")
    assert second == "integrated_gradients for the logit of kind1:" and len(columns) == 3
    assert columns[-1] == "  and 1 more columns"


@pytest.mark.parametrize("method", sorted(set(METHOD_NAMES) - {"grad_cam"}))
def test_methods_for_tables(capsys, model, table, method):
    assert len(lines(capsys, model, table, "--method", method)) == 5
    assert lines(capsys, model, table, "--method", method) == lines(capsys, model, table, "--method", method)


def test_values_have_their_unit(tmp_path, capsys):
    """The contributions of a regression are in the unit of its target: prices."""
    table = prices(tmp_path / "p.csv")
    fastnet("train", table, "--model", "linear", "--epochs", "60", "--lr", "0.05", "--quiet", "--save",
            tmp_path / "p.safetensors")
    first, second, *columns = lines(capsys, tmp_path / "p.safetensors", table)
    assert second == "integrated_gradients for price:" and columns[0].startswith("  area = ")
    area = float(table.read_text().splitlines()[1].split(",")[0])
    assert float(columns[0].split()[-2]) == pytest.approx(3000 * (area - 110), abs=40_000)
    assert first.startswith(f"{table}, row 1: price ")


def test_plot_of_a_row(tmp_path, model, table):
    pytest.importorskip("matplotlib")
    fastnet("explain", model, table, "--plot", tmp_path / "why.svg")
    assert "<svg" in (tmp_path / "why.svg").read_text()


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_images(tmp_path, capsys, bars, method):
    pytest.importorskip("matplotlib")
    picture = bars / "bars" / "level" / "1.png"
    first, second, third = lines(capsys, bars / "conv.safetensors", picture, "--method", method, "--plot",
                                 tmp_path / "why.png")
    assert re.fullmatch(rf"{picture}: \w+ (level|upright) \([\d.]+%\)", first)
    assert re.fullmatch(rf"{method} for the logit of (level|upright):", second)
    assert re.fullmatch(r"  rows \d+ to \d+, columns \d+ to \d+ of 32 x 32 hold \d+% of what supports it", third)
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_images_of_a_perceptron(capsys, bars, method):
    picture = bars / "bars" / "upright" / "2.png"
    *_, last = lines(capsys, bars / "mlp.safetensors", picture, "--method", method, "--class", "level")
    assert " of 12 x 12 hold " in last


def test_a_row_of_an_array(tmp_path, capsys, bars):
    np.save(tmp_path / "images.npy", np.zeros((3, 12, 12, 3), np.uint8))
    first, *_ = lines(capsys, bars / "mlp.safetensors", tmp_path / "images.npy", "--row", "2")
    assert first.startswith(f"{tmp_path / 'images.npy'}, row 2: ")


def test_wrong_use(tmp_path, capsys, model, table, bars):
    assert "--row 91: " in failure(capsys, "explain", model, table, "--row", "91")
    assert "has 90 rows" in failure(capsys, "explain", model, table, "--row", "91")
    assert "unknown class 'rose'" in failure(capsys, "explain", model, table, "--class", "rose")
    assert "unknown target 'price'" in failure(capsys, "explain", model, table, "--target", "price")
    assert "grad_cam is for convolutional networks" in failure(capsys, "explain", model, table, "--method", "grad_cam",
                                                               code=2)
    assert "--plot would overwrite" in failure(capsys, "explain", bars / "conv.safetensors",
                                               bars / "bars" / "level" / "1.png", "--plot",
                                               bars / "bars" / "level" / "1.png", code=2)
