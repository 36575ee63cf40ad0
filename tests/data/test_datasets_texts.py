"""Tiny Shakespeare and Multi30k: files as they are, compressed, damaged, missing."""
import gzip

import pytest
from data_tools import data_folder, needs_data

from fastnet import datasets


def test_shakespeare(tmp_path):
    (tmp_path / "input.txt").write_text("0123456789" * 2)
    assert datasets.shakespeare(tmp_path) == ("012345678901234567", "89")
    (tmp_path / "input.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"input\.txt: expected text in UTF-8"):
        datasets.shakespeare(tmp_path)
    (tmp_path / "input.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"file input\.txt is missing\.\n.*Tiny Shakespeare"):
        datasets.shakespeare(tmp_path)


def test_multi30k(tmp_path):
    for part in ("train", "val", "test_2016_flickr"):
        (tmp_path / f"{part}.en").write_text(f"a {part}\nb\n")
        (tmp_path / f"{part}.de.gz").write_bytes(gzip.compress(f"ein {part}\nä\n".encode()))
    made = datasets.multi30k(tmp_path)
    assert made["train"] == (["a train", "b"], ["ein train", "ä"]) and list(made) == ["train", "val", "test"]
    (tmp_path / "val.en").write_text("a\n")
    with pytest.raises(ValueError, match=r"val\.en and val\.de\.gz: expected as many lines, got 1 and 2"):
        datasets.multi30k(tmp_path)
    (tmp_path / "train.de.gz").write_bytes(gzip.compress(b"x" * 99)[:-9])
    with pytest.raises(ValueError, match=r"train\.de\.gz: expected text"):
        datasets.multi30k(tmp_path)
    (tmp_path / "val.en").write_text("a\nb\n")
    (tmp_path / "train.de.gz").write_bytes(gzip.compress(b"a\nb\n"))
    with pytest.raises(FileNotFoundError, match=r"test_2017\.en is missing"):
        datasets.multi30k(tmp_path, "test_2017")


@needs_data("multi30k")
def test_the_real_sentences():
    made = datasets.multi30k(data_folder() / "multi30k")
    assert {part: len(english) for part, (english, _) in made.items()} == {"train": 29000, "val": 1014, "test": 1000}
    assert made["train"][1][0] == "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."


@needs_data("shakespeare")
def test_the_real_plays():
    train, validation = datasets.shakespeare(data_folder() / "shakespeare")
    assert (len(train), len(validation)) == (1003854, 111540) and train.startswith("First Citizen:")
