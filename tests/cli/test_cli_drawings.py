"""Drawings of digits: their preparation, and their classification by a model of MNIST."""
import numpy as np
import pytest
from cli_tools import fastnet
from data_tools import data_folder, needs_data
from drawing_tools import draw

from fastnet import datasets
from fastnet.cli import drawings
from fastnet.cli.drawings import read_drawing

image = pytest.importorskip("PIL.Image")


def centre_of_mass(x):
    return [float((x.sum(1 - axis) @ np.arange(x.shape[axis])) / x.sum()) for axis in (0, 1)]


def extent(x):
    """Height and width of the ink."""
    return [int(np.ptp(np.flatnonzero(x.any(axis)))) + 1 for axis in (1, 0)]


@pytest.mark.parametrize("place", [(10, 10), (150, 100), (70, 20)])
def test_size_and_place_do_not_matter(tmp_path, place):
    x = read_drawing(draw(tmp_path / "a.png", 3, at=place), 28, 20)
    assert x.shape == (28, 28) and x.dtype == np.float32
    assert x.min() >= 0 and x.max() == 1
    assert max(extent(x)) == 20
    assert centre_of_mass(x) == pytest.approx([14, 14], abs=0.51)
    larger = read_drawing(draw(tmp_path / "b.png", 3, (900, 700), 480, (200, 100), 42), 28, 20)
    shifts = [np.roll(larger, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert min(np.abs(x - shifted).mean() for shifted in shifts) < 0.02     # to the pixel that the centre is rounded to


@pytest.mark.parametrize("look", [
    {"ink": "white", "paper": "black"}, {"ink": "navy", "paper": "beige"}, {"ink": 0, "paper": 255, "mode": "L"},
    {"ink": (0, 0, 0, 255), "paper": (0, 0, 0, 0), "mode": "RGBA"},
    {"ink": (255, 255, 255, 255), "paper": (0, 0, 0, 255), "mode": "RGBA"},
])
def test_colours_do_not_matter(tmp_path, look):
    plain = read_drawing(draw(tmp_path / "plain.png", 5), 28, 20)
    np.testing.assert_allclose(read_drawing(draw(tmp_path / "other.png", 5, **look), 28, 20), plain, atol=0.02)


def test_proportions_are_kept(tmp_path):
    height, width = extent(read_drawing(draw(tmp_path / "one.png", 1), 28, 20))
    assert height == 20 and width < 9


def test_thin_lines_are_drawn_wider(tmp_path):
    thin = read_drawing(draw(tmp_path / "thin.png", 0, (1000, 1000), 700, (100, 100), pen=1), 28, 20)
    thick = read_drawing(draw(tmp_path / "thick.png", 0, (1000, 1000), 700, (100, 100), pen=70), 28, 20)
    assert 0.5 < thin.sum() / thick.sum() < 1.5


def test_stroke_width():
    for width in (1, 4, 9):
        bar = np.zeros((60, 60), bool)
        bar[5:55, 10:10 + width] = True
        assert drawings._stroke_width(bar) == pytest.approx(width, rel=0.25)


def test_compression_leaves_no_trace(tmp_path):
    draw(tmp_path / "a.png", 8)
    image.open(tmp_path / "a.png").save(tmp_path / "a.jpg", quality=60)
    png, jpg = (read_drawing(tmp_path / f"a.{ending}", 28, 20) for ending in ("png", "jpg"))
    assert np.abs(png - jpg).mean() < 0.02


def test_what_is_refused(tmp_path):
    image.new("L", (60, 60), 200).save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match=r"blank\.png is blank: expected an image of a digit"):
        read_drawing(tmp_path / "blank.png", 28, 20)
    image.new("L", (27, 60), 200).save(tmp_path / "small.png")
    with pytest.raises(ValueError, match=r"small\.png has 27 x 60 pixels, expected at least 28 x 28"):
        read_drawing(tmp_path / "small.png", 28, 20)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.png as an image"):
        read_drawing(tmp_path / "text.png", 28, 20)


@needs_data("mnist")
def test_pictures_of_mnist_come_back(tmp_path, monkeypatch):
    """A digit with the size and position of MNIST's digits stays nearly unchanged."""
    monkeypatch.setenv("FASTNET_DATA", str(data_folder()))
    _, (x, _) = datasets.mnist()
    differences = []
    for i in range(50):
        image.fromarray(x[i]).save(tmp_path / "digit.png")
        differences.append(np.abs(read_drawing(tmp_path / "digit.png", 28, 20) - x[i] / 255).mean())
    assert np.median(differences) < 0.02


# ---- reading --------------------------------------------------------------------------------------------------------

HANDS = {
    "a pen": {},
    "a thin pen": {"pen": 2},
    "a pencil on a large canvas": {"canvas": (1200, 900), "height": 500, "at": (500, 250), "pen": 3},
    "a brush": {"pen": 26},
    "a small canvas": {"canvas": (56, 56), "height": 36, "at": (10, 8), "pen": 4},
    "in the corner": {"canvas": (600, 600), "height": 120, "at": (440, 430), "pen": 10},
    "chalk": {"ink": "white", "paper": "darkgreen"},
}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A model of MNIST, after three epochs."""
    path = tmp_path_factory.mktemp("mnist") / "mnist.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTNET_DATA", str(data_folder()))
        fastnet("train", "mnist", "--epochs", "3", "--hidden", "256", "--save", path, "--quiet")
    return path


@needs_data("mnist")
@pytest.mark.parametrize("hand", HANDS)
def test_drawn_digits_are_read(reader, tmp_path, hand, capsys):
    files = [draw(tmp_path / f"{digit}.png", digit, **HANDS[hand]) for digit in range(10)]
    capsys.readouterr()
    fastnet("predict", reader, *files)
    answers = [line.split(": ")[1].split(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert sum(answer == str(digit) for digit, answer in enumerate(answers)) >= 9, answers
