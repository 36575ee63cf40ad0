"""Output of a training: lines, bar, CSV, TensorBoard, and the history."""
import csv
import re

import pytest
from training_tools import blobs, fitted, without_seconds

import fastnet
from fastnet import callbacks as c


def test_lines(capsys):
    fitted(progress=True, validation_split=0.1, epochs=10)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1/10  loss ")
    assert "s left" not in lines[-1]
    for part in ("accuracy ", "validation loss 0.", "validation accuracy ", " samples/s  "):
        assert part in lines[-1]


def test_a_long_epoch_prints_lines(capsys, monkeypatch):
    """Where there is no bar: how much is done, and the time that is left of the whole training."""
    monkeypatch.setattr("fastnet.callbacks.logs._SILENCE", 0)
    fitted(progress=True, epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 6
    assert re.fullmatch(r"epoch 1/3  \d+% of the epoch  loss \d+\.\d{4}  [\d,]+ samples/s  \d+ s left", lines[0])


def test_bar(capsys, monkeypatch):
    """On a terminal a bar is drawn, and gone at the end."""
    import sys
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("fastnet.callbacks.logs._REFRESH", 0)
    fitted(progress=True, epochs=2)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "epoch 2/2" in err
    assert "samples/s" in err
    assert "loss=" in err
    assert err.split("\r")[-2].strip() == ""


def test_csv(tmp_path):
    t = fitted(callbacks=[c.CSVLogger(tmp_path / "log.csv")], validation_split=0.1)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["validation_loss"]) for row in rows] == t.history["validation_loss"]
    t.history.to_csv(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "log.csv").read_text()


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    fitted(callbacks=[c.TensorBoard(tmp_path)], validation_split=0.1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "validation"]
    for run in tmp_path.iterdir():
        [events] = run.iterdir()
        contents = events.read_bytes()
        assert b"loss" in contents
        assert b"accuracy" in contents


def test_tensorboard_missing(tmp_path, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'callback needs tensorboardX: pip install tensorboardX$'):
        fitted(callbacks=[c.TensorBoard(tmp_path)])


# ---- the history ----------------------------------------------------------------------------------------------------

def test_history_is_a_table(tmp_path):
    history = fitted(validation_split=0.1).history
    assert history.columns == ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "lr", "seconds"]
    assert history[0]["epoch"] == 1
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert str(history).splitlines()[0].split() == history.columns
    assert len(str(history).splitlines()) == 5
    with pytest.raises(KeyError, match="no column 'los', only 'epoch', 'loss'"):
        history["los"]


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    history = fitted(validation_split=0.1).history
    figure = history.plot(tmp_path / "curve.png")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    with image.open(tmp_path / "curve.png") as picture:
        assert picture.width > picture.height > 300
    with pytest.raises(ValueError, match="the history is empty"):
        fastnet.training.History().plot()


def test_a_plot_is_replaced_whole(tmp_path, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    path = tmp_path / "curve.png"
    path.write_bytes(b"old")

    def full(self, file, **options):
        file.write(b"new")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure.Figure, "savefig", full)
    with pytest.raises(OSError, match="No space left"):
        fitted().history.plot(path)
    assert path.read_bytes() == b"old"


def test_history_of_a_resumed_training(tmp_path, capsys):
    x, y = blobs(100)
    whole = fitted(x, y, epochs=4, callbacks=[c.CSVLogger(tmp_path / "whole.csv")])
    for epochs in (2, 4):
        resumed = fitted(x, y, epochs=epochs, resume=tmp_path / "run", callbacks=[
            c.Checkpoint(tmp_path / "run"), c.CSVLogger(tmp_path / "parts.csv")])
    assert without_seconds(resumed.history) == without_seconds(whole.history)
    assert len((tmp_path / "parts.csv").read_text().splitlines()) == 5
