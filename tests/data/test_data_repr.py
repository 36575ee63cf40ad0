"""The repr of objects of `fastnet.data` and of generators: one line that says what they are."""
import numpy as np
import pytest

import fastnet
from fastnet.data import (
    Compose,
    Cutout,
    DataLoader,
    GaussianNoise,
    MixUp,
    MultiTargetPreparation,
    RandomRotation,
    RandomShift,
    Subset,
    TablePreparation,
    TargetPreparation,
    TensorDataset,
    read_cells,
)

TABLE = {"size": [1.5, 2.5, None, 4.0], "colour": ["red", "blue", "red", "blue"], "day": ["2020-01-01"] * 4,
         "id": [0, 1, 2, 3]}
DATA = TensorDataset(np.zeros((5, 2), np.float16), np.arange(5))


@pytest.mark.parametrize(("thing", "text"), [
    (TensorDataset(fastnet.zeros(2, 3)), "TensorDataset(samples=2, arrays=[float32 (2, 3)])"),
    (Subset(DATA, [1]), f"Subset(samples=1, dataset={DATA!r})"),
    (DataLoader(DATA), f"DataLoader(dataset={DATA!r})"),
    (DataLoader(DATA, 4, shuffle=True, transform=RandomShift(2), seed=3, drop_last=True, prefetch=2),
     f"DataLoader(dataset={DATA!r}, batch_size=4, shuffle=True, drop_last=True, transform=RandomShift(pixels=2), "
     "seed=3, prefetch=2)"),
    (Compose([RandomRotation(10), Cutout(3, fill=1)]),
     "Compose(transforms=[RandomRotation(degrees=(-10, 10)), Cutout(size=3, fill=1)])"),
    (GaussianNoise(0.5), "GaussianNoise(std=0.5)"), (MixUp(0.4, classes=3), "MixUp(alpha=0.4, classes=3)"),
    (MixUp(), "MixUp()"),
    (TablePreparation(), "TablePreparation()"),
    (TablePreparation({"id": "category"}, ["size"], scale=None),
     "TablePreparation(kinds={'id': 'category'}, leave_out=('size',), scale=None)"),
    (TablePreparation().fit(TABLE),
     "TablePreparation(columns={'size': 'number', 'colour': 'category', 'day': 'date'}, left_out=['id'], features=8)"),
    (TargetPreparation(), "TargetPreparation()"),
    (TargetPreparation().fit([0.5, 1.5]), "TargetPreparation(task='regression')"),
    (TargetPreparation(standardise=True).fit([0.5, 2.5]), "TargetPreparation(task='regression', mean=1.5, scale=1.0)"),
    (TargetPreparation().fit(range(4)), "TargetPreparation(task='regression')"),
    (MultiTargetPreparation(), "MultiTargetPreparation(targets=[])"),
    (fastnet.Generator(5), "Generator(seed=5, counter=0)"),
], ids=lambda value: value.split("(")[0] if isinstance(value, str) else "")
def test_repr(thing, text):
    assert repr(thing) == text


def test_many_columns_and_classes_are_cut():
    preparation = TablePreparation().fit({f"column {i}": [0.5, i] for i in range(100)})
    assert repr(preparation).endswith("'column 5': 'number', and 94 more}, features=100)")
    target = TargetPreparation().fit([f"class {i}" for i in range(100)])
    assert repr(target) == ("TargetPreparation(task='classification', classes=['class 0', 'class 1', 'class 10', "
                            "'class 11', 'class 12', 'class 13', and 94 more])")


def test_long_texts_are_cut():
    encoder = TablePreparation({"x": "category"}).fit({"x": ["a" * 100, "b"]}).encoders["x"]
    assert repr(encoder).startswith(f"Category(categories=['{'a' * 60}...', 'b']")


def test_cells_are_not_listed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    assert repr(read_cells(path)) == "Cells(rows=2, columns=['a', 'b'])"


def test_encoders():
    encoders = TablePreparation(clip=(0.0, 1.0)).fit(TABLE | {"text": ["a long text", "two words", "x y z", "of it"]})
    texts = [repr(encoder).split("(")[0] for encoder in encoders.encoders.values()]
    assert texts == ["Number", "Category", "Date", "Text"]
    assert "low=1.5, high=4.0" in repr(encoders.encoders["size"])
