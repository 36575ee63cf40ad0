"""Text out of files on a terminal: it cannot control the terminal, nor end in an error of encoding."""
import json
import re

import numpy as np
import pytest
from cli_tools import failure, fastnet, flowers, pictures
from data_tools import ROOT
from processes import interpreter
from saving_tools import pack

import fastnet as fn
from fastnet import cli
from fastnet._core.errors import printable
from fastnet.cli.terminal import say

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b1m\r\nb\ud800\u202e"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]")


@pytest.mark.parametrize(("text", "shown"), [
    ("price", "price"), ("Größe\t数\u00a0👩\u200d💻", "Größe\t数\u00a0👩\u200d💻"), ("\x1b[31m", r"\x1b[31m"),
    ("\x9b1m", r"\x9b1m"), ("a\nb\r", r"a\nb\r"),
    ("\u2028", r"\u2028"), ("\u202e", r"\u202e"), ("\ud83d", r"\ud83d"), (r"\x1b", r"\x1b"),
    ("\x00\x7f", r"\x00\x7f"), (3, "3"),
])
def test_printable(text, shown):
    assert printable(text) == shown


def test_a_stream_that_lacks_characters(tmp_path):
    with open(tmp_path / "out", "w", encoding="ascii") as file:
        say("Größe \x1b", file)
    assert (tmp_path / "out").read_text() == "Gr\\xf6\\xdfe \\x1b\n"


def test_everything_is_printed_in_one_place():
    """`say` is the one caller of print among the commands."""
    for path in (ROOT / "fastnet" / "cli").glob("*.py"):
        calls = re.findall(r"^(?!.*>>>).*\b(?:print|stdout\.write|stderr\.write)\(", path.read_text(), re.MULTILINE)
        assert len(calls) == (path.name == "terminal.py"), (path, calls)


def harmless(capsys):
    """The printed text, which must not contain control characters."""
    out, err = capsys.readouterr()
    assert not CONTROLS.search(out + err), (out, err)
    return out, err


@pytest.mark.parametrize("key", ["reason", "class"])
@pytest.mark.parametrize("command", [["info"], ["predict", "a.png"], ["evaluate", "digits"]])
def test_a_model_without_an_architecture(tmp_path, capsys, key, command):
    path = tmp_path / "m.safetensors"
    about = {"format": 1, "class": "Net", "reason": "it has a lambda", key: EVIL}
    path.write_bytes(pack({"__metadata__": {"fastnet": json.dumps(about)}}))
    code = cli.main([command[0], str(path), *command[1:]])
    out, err = harmless(capsys)
    shown = out if command == ["info"] else err
    assert code == (command != ["info"]) and r"a\x1b]0;owned\x07" in shown.replace("\\\\", "\\") and "weights" in shown
    with pytest.raises(ValueError) as e:
        fn.load(path)
    assert not CONTROLS.search(str(e.value)), "Python prints it, too"


def changed(tree):
    """A description in which every text of a file's making is evil, each in another way."""
    tree["target"]["classes"] = [f"{EVIL}{i}" for i in range(len(tree["target"]["classes"]))]
    tree["about"] |= {"target": EVIL, "dataset": EVIL, "settings": {EVIL: EVIL}, "versions": {EVIL: EVIL},
                      f"test_{EVIL}": EVIL}
    return tree


@pytest.fixture(name="evil", scope="module")
def _evil(tmp_path_factory):
    """Models of pictures and of a table whose descriptions are made by hand, and data for them."""
    pytest.importorskip("PIL")
    pytest.importorskip("pandas")
    folder = tmp_path_factory.mktemp("evil")
    data = {"pictures": pictures(folder / "pictures", each=4), "table": flowers(folder / "table.csv")}
    for kind, path in data.items():
        model = folder / f"{kind}.safetensors"
        fastnet("train", path, "--epochs", "1", "--quiet", "--save", model)
        fn.load(model).save(model, changed(fn.load_metadata(model)))
    return folder


@pytest.mark.parametrize("args", [
    ["info", "pictures.safetensors"], ["info", "table.safetensors"],
    ["predict", "pictures.safetensors", "pictures/level/0.png"],
    ["predict", "pictures.safetensors", "pictures/level/0.png", "--proba"],
    ["predict", "table.safetensors", "table.csv", "--proba"],
    ["evaluate", "pictures.safetensors", "pictures"], ["evaluate", "table.safetensors", "table.csv"],
])
def test_a_description_made_by_hand(evil, capsys, args):
    paths = [str(evil / arg) if "." in arg or arg == "pictures" else arg for arg in args]
    assert cli.main(paths) == (args[0] == "evaluate")           # whose classes are not those of the data
    out, err = harmless(capsys)
    assert r"a\x1b]0;owned\x07" in (out + err).replace("\\\\", "\\")


def test_predictions_in_a_file(evil, tmp_path):
    """A file gets the unchanged text, except for characters that UTF-8 cannot encode."""
    fastnet("predict", evil / "table.safetensors", evil / "table.csv", "--output", tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_bytes().decode()
    assert EVIL.replace("\ud800", "\\ud800") in text


def test_names_of_columns_and_files(tmp_path, capsys):
    pytest.importorskip("pandas")
    table = flowers(tmp_path / "bad\x1b[31m\udcff.csv")
    table.write_text(table.read_text().replace("colour", "\x1b[5mid").replace("kind0", "\x1b[31mkind0"))
    model = tmp_path / "m\x1b[31m.safetensors"
    fastnet("train", table, "--epochs", "1", "--save", model)
    for args in (["info", model], ["predict", model, table], ["evaluate", model, table]):
        fastnet(*args)
    failure(capsys, "train", table, "--target", "\x1b[31mno")
    failure(capsys, "predict", model, tmp_path / "no\x1b.csv")
    with pytest.raises(SystemExit):
        cli.main(["train", "digits", "--\x1b[31m"])
    harmless(capsys)


def test_errors_are_one_line(tmp_path, capsys):
    np.save(tmp_path / "a\nb.npy", np.array(["text"]))
    fastnet("train", "digits", "--epochs", "1", "--quiet", "--save", tmp_path / "m.safetensors")
    assert "a b.npy is not a .npy file" in failure(capsys, "predict", tmp_path / "m.safetensors", tmp_path / "a\nb.npy")


def test_the_command_with_an_encoding_of_a_byte(evil):
    done = interpreter("-m", "fastnet", "info", evil / "table.safetensors", PYTHONIOENCODING="ascii")
    assert done.stderr == "" and r"\ud800" in done.stdout
