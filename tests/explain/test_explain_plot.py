"""explain.plot: images, texts and columns."""
import builtins
import re

import numpy as np
import pytest

import fastnet
from fastnet import explain

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("shape, image", [((3, 8, 9), (3, 8, 9)), ((1, 3, 8, 9), (8, 9, 3)), ((8, 9), (8, 9)),
                                          ((1, 8, 9), (1, 8, 9)), ((8, 9), None)])
def test_images(tmp_path, shape, image):
    a = np.random.default_rng(0).normal(size=shape)
    figure = explain.plot(fastnet.tensor(a), None if image is None else np.zeros(image), path=tmp_path / "a.png",
                          title="why")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    *_, drawn = (picture for axes in figure.axes for picture in axes.get_images())
    values = drawn.get_array()
    assert values.shape == (8, 9) and -1 <= values.min() < 0 < values.max() <= 1
    flat = a.reshape(-1, 8, 9).sum(0)
    assert (np.sign(values) == np.sign(flat)).all()
    assert len([axes for axes in figure.axes if axes.get_images()]) == (1 if image is None else 2)


@pytest.mark.parametrize("sign, test", [("positive", lambda v: v.min() == 0 < v.max()),
                                        ("negative", lambda v: v.min() < 0 == v.max()),
                                        ("absolute_value", lambda v: v.min() > 0)])
def test_signs(sign, test):
    figure = explain.plot(np.random.default_rng(0).normal(size=(5, 5)), sign=sign)
    assert test(figure.axes[0].get_images()[0].get_array())


def test_attributions_of_zero():
    assert not explain.plot(np.zeros((4, 4))).axes[0].get_images()[0].get_array().any()


def test_columns(tmp_path):
    names = [f"column {i}" for i in range(30)]
    a = np.linspace(-1, 2, 30)
    figure = explain.plot(a, columns=names, values=list(range(30)), most=5, path=tmp_path / "a.svg")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"column {i} = {i}" for i in (29, 28, 27, 26, 25)]
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx(a[:24:-1].tolist())
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_texts(tmp_path):
    words = ("the film was not good at all and costs $5 , " * 5).split()
    figure = explain.plot(np.random.default_rng(0).normal(size=(1, len(words), 4)), tokens=words,
                          path=tmp_path / "a.pdf")
    texts = figure.axes[0].texts
    assert [text.get_text().replace("\\", "") for text in texts] == words
    assert len({text.get_position()[1] for text in texts}) > 1             # several lines
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("args, options, message", [
    ((np.zeros(3),), {}, r"an image \(C, H, W\), \(H, W, C\) or \(H, W\), got shape \(3,\)"),
    ((np.zeros(3),), {"columns": ["a", "b"]}, "an attribution for each of 2 columns"),
    ((np.zeros(2),), {"columns": ["a", "b"], "values": [1]}, "a value for each of 2 columns, got 1"),
    ((np.zeros(2),), {"tokens": ["a", "b"], "columns": ["a", "b"]}, "tokens or columns, got both"),
    ((np.full((3, 3), np.nan),), {}, "expected finite attributions, got NaN"),
    (([np.inf, 0],), {"columns": ["a", "b"]}, "expected finite attributions, got NaN or infinite"),
    ((np.zeros((3, 3)),), {"sign": "plus"}, "unknown sign 'plus'"),
    ((np.zeros((3, 3)),), {"outlier_perc": 100}, "outlier_perc from 0 to below 100"),
    ((np.zeros(2),), {"columns": ["a", "b"], "most": 0}, "most of at least 1"),
])
def test_wrong_arguments(args, options, message):
    with pytest.raises(ValueError, match=message):
        explain.plot(*args, **options)


def test_without_matplotlib(monkeypatch):
    load = builtins.__import__

    def missing(name, *args):
        if re.match(r"matplotlib\b", name):
            raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")
        return load(name, *args)
    import importlib
    monkeypatch.setattr(importlib, "import_module", lambda name: missing(name))
    with pytest.raises(ImportError, match="drawing an explanation needs matplotlib"):
        explain.plot(np.zeros((3, 3)))
