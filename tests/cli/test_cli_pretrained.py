"""`fastnet train FOLDER --pretrained FILE --freeze`."""
import pytest
from cli_tools import failure, fastnet, pictures, report_of

import fastnet as library

pytest.importorskip("PIL")
QUICK = ("--epochs", "2", "--batch-size", "8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder of pictures, file of a network that was trained on them)."""
    folder = tmp_path_factory.mktemp("pretrained")
    pictures(folder / "bars", size=32)
    fastnet("train", folder / "bars", "--model", "resnet8", "--size", 24, "--save", folder / "m.safetensors", "--quiet",
            *QUICK)
    return folder / "bars", folder / "m.safetensors"


def test_all_but_the_head_is_frozen(trained, tmp_path, capsys):
    folder, file = trained
    fastnet("train", folder, "--pretrained", file, "--freeze", "--save", tmp_path / "n.safetensors", *QUICK)
    assert f"weights from {file}, a new head; 130 of 77,666 parameters are trained" in capsys.readouterr().out
    before, after = library.load(file).state_dict(), library.load(tmp_path / "n.safetensors").state_dict()
    assert {name.partition(".")[0] for name, x in after.items() if not library.equal(x, before[name])} == {"fc"}
    fastnet("predict", tmp_path / "n.safetensors", next((folder / "level").iterdir()))
    fastnet("evaluate", tmp_path / "n.safetensors", folder)


def test_settings_follow_from_the_file(trained, tmp_path):
    folder, file = trained
    first = report_of(tmp_path, "train", folder, "--pretrained", file, "--freeze", "features.[0-3]", *QUICK)["settings"]
    inputs = library.load_metadata(file)["inputs"]
    assert first["model"] == "resnet8" and first["freeze"] == ["features.[0-3]"]
    assert [first[name] for name in ("size", "mean", "std")] == [inputs[name] for name in ("size", "mean", "std")]
    again = report_of(tmp_path, "train", folder, "--pretrained", file, "--size", 32, *QUICK)["settings"]
    assert again["size"] == 32 and again["freeze"] == []


def test_weights_of_torchvision(trained, tmp_path):
    folder, _ = trained
    model = library.models.resnet18(num_classes=10)
    library.save_file(model.state_dict(), tmp_path / "resnet18.safetensors")
    settings = report_of(tmp_path, "train", folder, "--pretrained", tmp_path / "resnet18.safetensors", "--freeze",
                         "--epochs", 1, "--size", 32)["settings"]
    assert settings["model"] == "resnet18" and settings["mean"] == [123.675, 116.28, 103.53]


def test_wrong_use(trained, tmp_path, capsys):
    folder, file = trained
    start = ("train", folder, "--pretrained", file)
    assert "--freeze needs --pretrained FILE" in failure(capsys, "train", folder, "--freeze", code=2)
    other = failure(capsys, *start, "--model", "resnet18", code=2)
    assert "the weights of resnet8: leave out --model resnet18" in other
    assert "--pretrained is for folders of images" in failure(capsys, "train", "digits", "--pretrained", file, code=2)
    assert "the pattern 'layer1' matches no module" in failure(capsys, *start, "--freeze", "layer1")
    assert "--freeze * leaves nothing to train, not even the new head" in failure(capsys, *start, "--freeze", "*")
    (tmp_path / "m.pth").write_bytes(b"PK\x03\x04" + bytes(64))
    assert "a pickle, which can run any code" in failure(capsys, "train", folder, "--pretrained", tmp_path / "m.pth")
    assert "no file '" in failure(capsys, "train", folder, "--pretrained", tmp_path / "none.safetensors")
