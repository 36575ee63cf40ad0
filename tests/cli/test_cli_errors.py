"""Invalid training, prediction and input files give a one-line error, and no file is lost."""
import errno
import io
import json

import numpy as np
import pytest
from cli_tools import QUICK, failure, fastnet, flowers, pictures
from picture_files import png

import fastnet as fn
from fastnet import cli
from fastnet.cli.saved import Saved

pytest.importorskip("pandas")

TABLE = "size,kind\n1.5,a\n2.5,b\n1.6,a\n2.6,b\n1.7,a\n2.7,b\n"


@pytest.mark.parametrize(("text", "message"), [
    (TABLE.replace("2.6", "inf"), "column 'size': expected a number, got inf in line 5"),
    (TABLE.replace(",b", ",a"), "column 'kind': the target: expected at least two classes, got only 'a'"),
    (TABLE + "1.8,a,9\n", "table.csv, line 8: expected 2 fields, as in the line with the column names, got 3"),
    (TABLE + "1.8\n", "table.csv, line 8: expected 2 fields, as in the line with the column names, got 1"),
    (TABLE.replace(",b", ","), "column 'kind': the target"),
    ("size,kind\n", "table.csv has no rows"),
    ("", "table.csv is empty: expected a line with the names of the columns"),
    ("kind\na\nb\n", "the table has no column other than the target 'kind'"),
])
def test_tables(tmp_path, capsys, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    line = failure(capsys, "train", path)
    assert line.startswith("fastnet: error: ") and message in line


def test_no_column_is_left(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 20)
    assert failure(capsys, "train", path, "--leave-out", "a", "--leave-out", "b") == (
        f"fastnet: error: {path}: no column can be used, all are left out: 'a' (as asked), 'b' (as asked)")
    line = failure(capsys, "train", path, "--leave-out", "kind", code=2)
    assert "--leave-out names 'kind', the last column, which is the default target" in line
    assert "--leave-out and --target name the same column" in failure(
        capsys, "train", path, "--target", "a", "--leave-out", "a", code=2)


def test_nothing_on_standard_input(tmp_path, capsys, monkeypatch):
    fastnet("train", flowers(tmp_path / "f.csv"), "--epochs", "1", "--save", tmp_path / "m")
    for command in (["train", "-"], ["predict", tmp_path / "m", "-"], ["evaluate", tmp_path / "m", "-"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        assert failure(capsys, *command) == (
            "fastnet: error: standard input is empty: expected a line with the names of the columns")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"size,colour,weight\n1,red,big\n")))
    assert failure(capsys, "predict", tmp_path / "m", "-") == (
        "fastnet: error: standard input: column 'weight': expected a number, got 'big' in line 2")


def test_encodings(tmp_path, capsys):
    path, model = tmp_path / "t.csv", tmp_path / "m"
    path.write_bytes(("город,площадь,вид\n" + "Москва,1,да\nКиев,5,нет\n" * 20).encode("cp1251"))
    for command in (["train", path], ["train", path, "--encoding", "ascii"]):
        assert "state its encoding with --encoding (in Python encoding=), such as cp1251" in failure(capsys, *command)
    assert "unknown encoding 'utf9': expected a name such as utf-8" in failure_of_use(
        capsys, "train", path, "--encoding", "utf9")
    fastnet("train", path, "--encoding", "cp1251", "--epochs", "2", "--save", model)
    assert "state its encoding" in failure(capsys, "predict", model, path)
    fastnet("predict", model, path, "--encoding", "windows-1251", "--keep", "город")
    assert capsys.readouterr().out.startswith("город,вид\nМосква,")
    fastnet("evaluate", model, path, "--encoding", "cp1251")
    path.write_bytes(("ville,taille,type\n" + "Orléans,1,été\nParis,5,non\n" * 20).encode("cp1252"))
    fastnet("train", path, "--epochs", "2", "--save", model)
    assert "\nline 2 is not UTF-8: read as Windows-1252; --encoding" in capsys.readouterr().out
    fastnet("predict", model, path)
    assert f"note: {path}: line 2 is not UTF-8: read as Windows-1252" in capsys.readouterr().err


def failure_of_use(capsys, *args):
    """The error message of argparse for invalid arguments."""
    with pytest.raises(SystemExit):
        cli.main([str(a) for a in args])
    return capsys.readouterr().err


def test_lines_of_a_file(tmp_path, capsys):
    """An empty line is no row; a row may have several lines."""
    path = tmp_path / "t.csv"
    path.write_text('size,note,kind\n1,a,x\n\n2,"b\nb",y\ninf,"c\n\n",x\n')
    assert f"{path}: column 'size': expected a number, got inf in line 6" in failure(capsys, "train", path)


def test_a_class_for_each_row(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("size,name\n" + "".join(f"{i}.5,n{i}\n" for i in range(60)))
    options = []
    for option in ("--test", "--validation"):
        line = failure(capsys, "train", path, *options)
        assert "samples has a different label" in line and f"; use {option} 0 to hold out nothing" in line
        options += [option, "0"]
    assert cli.main(["train", str(path), *options, "--epochs", "1"]) == 0


def test_target_that_is_not_there(tmp_path, capsys):
    line = failure(capsys, "train", flowers(tmp_path / "f.csv"), "--target", "knd")
    assert "there is no column 'knd'; did you mean 'kind'? The columns are 'size', 'colour', 'weight', 'kind'" in line
    line = failure(capsys, "train", flowers(tmp_path / "f.csv"), "--task", "regression")
    assert "column 'kind': the target: expected numbers for a regression, got 'kind0'" in line


def test_files_that_are_not_there(tmp_path, capsys):
    assert failure(capsys, "train", tmp_path / "no.csv") == (
        f"fastnet: error: {tmp_path / 'no.csv'}: No such file or directory")
    assert failure(capsys, "predict", tmp_path / "no.safetensors", "a.png") == (
        f"fastnet: error: {tmp_path / 'no.safetensors'}: No such file or directory")


def test_folders(tmp_path, capsys):
    pytest.importorskip("PIL")
    (tmp_path / "empty").mkdir()
    assert "empty: expected a subfolder of images for each class" in failure(capsys, "train", tmp_path / "empty")
    folder = pictures(tmp_path / "bars", each=2)
    (folder / "level" / "0.png").write_bytes(b"no picture")
    assert "0.png as an image" in failure(capsys, "train", folder)
    for file in (folder / "level").iterdir():
        file.unlink()
    assert "got none of 'level'" in failure(capsys, "train", folder)
    (folder / "level").rmdir()
    assert "expected at least two classes, got only 'upright'" in failure(capsys, "train", folder)


def test_pictures_that_would_cost_too_much(tmp_path, capsys, model):
    """One line, though Pillow warns of pictures that are larger still."""
    for size in ((1, 64_000_000), (10_000, 9_500), (20_000, 20_000)):
        (tmp_path / "large.png").write_bytes(png(*size))
        line = failure(capsys, "predict", model, tmp_path / "large.png")
        assert "pixels, expected at most 64,000,000, and 65,535 on a side" in line


# ---- the training ---------------------------------------------------------------------------------------------------

def test_out_of_memory(tmp_path, capsys):
    line = failure(capsys, "train", "digits", "--hidden", str(10**12), "--save", tmp_path / "m.safetensors")
    assert line.startswith("fastnet: error: out of memory")
    assert "try a smaller --batch-size, smaller --hidden layers, or less data" in line
    assert list(tmp_path.iterdir()) == []


def test_full_disk(tmp_path, capsys, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")
    path = tmp_path / "m.safetensors"
    path.write_text("before")
    monkeypatch.setattr("fastnet._io.atomic.os.fsync", full)
    assert failure(capsys, *QUICK, "--save", path) == f"fastnet: error: {path}: No space left on device"
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


# ---- models ---------------------------------------------------------------------------------------------------------

@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    fastnet(*QUICK, "--save", path)
    return path


@pytest.fixture(name="table_model", scope="module")
def _table_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    fastnet("train", flowers(folder / "f.csv"), "--epochs", "1", "--save", folder / "m.safetensors")
    return folder / "m.safetensors"


@pytest.mark.parametrize("command", [["predict", "a.png"], ["evaluate", "digits"], ["info"]])
def test_truncated_models(tmp_path, capsys, model, command):
    whole, path = model.read_bytes(), tmp_path / "cut.safetensors"
    for length in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "cut.safetensors: " in failure(capsys, command[0], path, *command[1:])
    path.write_bytes((1 << 62).to_bytes(8, "little") + whole[8:])
    assert "cut.safetensors: not a safetensors file" in failure(capsys, command[0], path, *command[1:])


def test_models_of_others(tmp_path, capsys, model):
    fn.nn.Linear(3, 2).save(tmp_path / "own.safetensors")
    line = failure(capsys, "predict", tmp_path / "own.safetensors", "a.png")
    assert "own.safetensors does not describe how to prepare its inputs: expected a file that `fastnet train" in line
    fn.save_file({"weight": fn.ones(2, 3)}, tmp_path / "weights.safetensors")
    assert "weights.safetensors" in failure(capsys, "predict", tmp_path / "weights.safetensors", "a.png")


def _changed(tree, keys, value):
    *path, last = keys
    made = json.loads(json.dumps(tree))
    place = made
    for key in path:
        place = place[key]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return made


@pytest.mark.parametrize("value", [KeyError, None, -1, 10**30, 1.5, "x", [], {}, True])
@pytest.mark.parametrize("keys", [
    ("format",), ("inputs",), ("inputs", "kind"), ("inputs", "size"), ("inputs", "mean"), ("inputs", "std"),
    ("inputs", "box"), ("inputs", "highest"), ("target",), ("target", "task"), ("target", "classes"), ("about",)])
def test_metadata_made_by_hand(tmp_path, capsys, model, keys, value):
    """Whatever it claims, the model is refused or can be used."""
    path, x = tmp_path / "made.safetensors", tmp_path / "x.npy"
    np.save(x, np.zeros((2, 8, 8), np.uint8))
    fn.load(model).save(path, _changed(fn.load_metadata(model), keys, value))
    capsys.readouterr()
    code = cli.main(["predict", str(path), str(x), "--output", str(tmp_path / "out.csv")])
    err = capsys.readouterr().err
    assert (code == 0 and err == "") or (code == 1 and len(err.splitlines()) == 1 and "made.safetensors" in err)
    shown = cli.main(["info", str(path)])
    out, err = capsys.readouterr()
    assert (shown == 0 and err == "" and "architecture:" in out) or (shown == code == 1 and "made.safetensors" in err)


@pytest.fixture(name="two_targets", scope="module")
def _two_targets(tmp_path_factory):
    """A model of two targets of two classes, and its table."""
    folder = tmp_path_factory.mktemp("two")
    lines = (f"{i % 7},{'ab'[i % 2]},{i % 3 // 2}\n" for i in range(60))
    (folder / "t.csv").write_text("x,y,z\n" + "".join(lines))
    fastnet("train", folder / "t.csv", "--target", "y", "--target", "z", "--epochs", "1", "--save",
            folder / "m.safetensors")
    return folder / "m.safetensors"


@pytest.mark.parametrize("value", [KeyError, None, 10**30, 1.5, "x", [], {}, [[1, 2]], {"a": 1}])
@pytest.mark.parametrize("keys", [
    ("about",), ("about", "counts"), ("about", "target"), ("target",), ("target", "task"), ("target", "targets"),
    ("target", "targets", "y"), ("target", "targets", "y", "classes"), ("inputs", "preparation", "columns")])
def test_descriptions_of_several_targets_made_by_hand(tmp_path, capsys, two_targets, keys, value):
    path, table = tmp_path / "made.safetensors", two_targets.parent / "t.csv"
    fn.load(two_targets).save(path, _changed(fn.load_metadata(two_targets), keys, value))
    for command, *rest in (["predict", table], ["evaluate", table], ["info"]):
        capsys.readouterr()
        code = cli.main([command, *map(str, [path, *rest])])
        err = capsys.readouterr().err
        assert (code, err) == (0, "") or (code == 1 and len(err.splitlines()) == 1)


def test_a_newer_format(tmp_path, capsys, model):
    fn.load(model).save(tmp_path / "new.safetensors", fn.load_metadata(model) | {"format": 99})
    assert "written by a newer version of fastnet" in failure(capsys, "info", tmp_path / "new.safetensors")


def test_preparation_of_another_model(tmp_path, capsys, model):
    fn.nn.Linear(3, 10).save(tmp_path / "other.safetensors", fn.load_metadata(model))
    assert "the model has (3, 10) inputs and outputs, its preparation (64, 10)" in failure(
        capsys, "predict", tmp_path / "other.safetensors", "a.png")
    assert Saved.read(model).outputs == 10


# ---- what a model is given ------------------------------------------------------------------------------------------

def test_files_of_another_kind(tmp_path, capsys, model, table_model):
    assert "the model reads images: expected a file that ends in" in failure(capsys, "predict", model, "f.csv")
    assert "the model reads tables: expected a file that ends in" in failure(capsys, "predict", table_model, "a.png")
    assert "the model expects rows of a table" in failure(capsys, "evaluate", table_model, "digits")
    assert "the model expects images of 8 x 8" in failure(capsys, "evaluate", model, flowers(tmp_path / "f.csv"))


def test_arrays(tmp_path, capsys, model, table_model):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((3, 7)))
    assert "has the shape (3, 7), expected (N, 8, 8)" in failure(capsys, "predict", model, path)
    assert "expected (N, 3) for the columns 'size', 'colour', 'weight'" in failure(capsys, "predict", table_model, path)
    x = np.zeros((3, 64))
    x[1, 5] = np.nan
    np.save(path, x)
    assert "x.npy: 1 value is NaN or infinite: nan in row 1, column 5" in failure(capsys, "predict", model, path)
    np.save(path, np.array([object()], dtype=object), allow_pickle=True)
    assert "x.npy is not a .npy file of numbers" in failure(capsys, "predict", model, path)
    path.write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': broken")
    assert "x.npy is not a .npy file of numbers" in failure(capsys, "predict", model, path)


def test_tables_to_predict_from(tmp_path, capsys, table_model):
    path = tmp_path / "new.csv"
    path.write_text("size,colour,kind\n1,red,kind0\n")
    assert "there is no column 'weight'" in failure(capsys, "predict", table_model, path)
    path.write_text("size,colour,weight,kind\n1,red,heavy,kind0\n")
    assert "column 'weight': expected a number, got 'heavy' in line 2" in failure(capsys, "predict", table_model, path)
    path.write_text("size,colour,weight,kind\n1,red,1,kind7\n")
    assert "labels that were not seen in training: 'kind7'" in failure(capsys, "evaluate", table_model, path)


def test_wrong_use_of_proba(tmp_path, capsys):
    from cli_tools import prices
    fastnet("train", prices(tmp_path / "p.csv"), "--epochs", "1", "--save", tmp_path / "m.safetensors")
    assert "the model predicts numbers" in failure(capsys, "predict", tmp_path / "m.safetensors", tmp_path / "p.csv",
                                                   "--proba", code=2)
