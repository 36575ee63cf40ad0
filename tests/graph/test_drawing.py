"""Pictures of graphs: boxes and edges in SVG and in Graphviz's language, and other formats by Graphviz."""
import shutil
import xml.etree.ElementTree

import pytest
from small_models import small_model

import fastnet
from fastnet import nn
from fastnet.graph import optimize, trace
from fastnet.graph.layered_layout import lay_out

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", ["resnet8", "googlenet", "gpt", "seq2seq"])
def test_svg(name, tmp_path):
    model, inputs = small_model(name)
    graph = optimize(trace(model, *inputs))
    graph.draw(tmp_path / "g.svg")
    root = xml.etree.ElementTree.parse(tmp_path / "g.svg").getroot()
    boxes = [[float(box.get(key)) for key in ("x", "y", "width", "height")] for box in root.iter(f"{SVG}rect")]
    assert len(boxes) == len(graph.nodes) + len(graph.inputs) + len(graph.outputs)
    for i, (x, y, width, _) in enumerate(boxes):           # no two overlap
        for other_x, other_y, other_width, _ in boxes[:i]:
            assert y != other_y or x >= other_x + other_width - 0.2 or other_x >= x + width - 0.2
    left, top, width, height = map(float, root.get("viewBox").split())
    assert all(x >= left and y >= top and x + w <= left + width and y + h <= top + height for x, y, w, h in boxes)


def test_texts(tmp_path):
    graph = trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), fastnet.ones(4, 3), dynamic={"input": {0: "batch"}})
    graph.draw(tmp_path / "g.svg")
    graph.draw(str(tmp_path / "g.dot"))
    for ending in ("svg", "dot"):
        text = (tmp_path / f"g.{ending}").read_text()
        assert "linear" in text and "0  (batch, 2)" in text and "float32 (batch, 3)" in text
    assert text.count("->") == 3


def test_skips_pass_boxes():
    layout = lay_out({"a": 10.0, "b": 10.0, "c": 10.0, "d": 50.0}, [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    *_, skip = layout.edges
    assert [layer for _, layer in skip] == [0, 1, 2, 3]
    assert all(abs(x - layout.places[name][0]) > 5 for (x, _), name in zip(skip[1:3], "bc"))


def test_an_empty_graph(tmp_path):
    trace(nn.Identity(), fastnet.ones(2)).draw(tmp_path / "g.svg")


def test_graphviz(tmp_path, monkeypatch):
    graph = trace(nn.ReLU(), fastnet.ones(2))
    if shutil.which("dot"):
        graph.draw(tmp_path / "g.png")
        assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(ImportError, match="as pdf needs Graphviz's program dot"):
        graph.draw(tmp_path / "g.pdf")
