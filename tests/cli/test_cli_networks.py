"""Convolutional networks on the command line: training on folders and data sets, recipes, options and errors."""
import re
import zipfile

import numpy as np
import pytest
from cli_tools import failure, fastnet, pictures, report_of

import fastnet as fn
from fastnet.cli import recipes
from fastnet.cli.augmentation import augmentation
from fastnet.cli.commands import make_parser
from fastnet.cli.inputs import Drawings, Photos
from fastnet.cli.networks import image_side, make_network
from fastnet.cli.saved import Saved
from fastnet.cli.settings import settings_of
from fastnet.datasets import catalogue

Image = pytest.importorskip("PIL.Image")
SMALL = ("--model", "resnet8", "--size", "16", "--epochs", "4", "--batch-size", "8", "--lr", "0.01")


@pytest.fixture(name="bars")
def _bars(tmp_path):
    """A folder of two classes, whose images have several sizes."""
    folder = pictures(tmp_path / "bars", each=14)
    for path in (folder / "level" / "1.png", folder / "upright" / "3.png"):
        with Image.open(path) as image:
            image.resize((40, 40)).crop((0, 0, 40, 30)).save(path)
    return folder


@pytest.fixture(name="model")
def _model(tmp_path, bars, capsys):
    path = tmp_path / "m.safetensors"
    fastnet("train", bars, *SMALL, "--save", path)
    return path


# ---- folders --------------------------------------------------------------------------------------------------------

def test_folder(tmp_path, capsys, model):
    out = capsys.readouterr().out
    assert "resnet8 for 2 classes of images of 3 x 16 x 16, adamw with a learning rate up to 0.01" in out
    assert "22 images to train on, 6 to test on" in out
    saved = Saved.read(model)
    assert isinstance(saved.inputs, Photos) and saved.inputs.shape == (3, 16, 16) and len(saved.inputs.mean) == 3
    others = pictures(tmp_path / "others", each=6, seed=3)
    fastnet("evaluate", model, others)
    out = capsys.readouterr().out
    assert "12 samples" in out and re.search(r"level +6 ", out)
    files = sorted(others.rglob("*.png"))[:3]
    fastnet("predict", model, *files)
    lines = capsys.readouterr().out.splitlines()
    assert all(re.fullmatch(rf"{re.escape(str(file))}: (level|upright) \(\d+\.\d%\)", line)
               for file, line in zip(files, lines, strict=True))
    fastnet("predict", model, *files, "--proba")
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading == "file,prediction,probability of level,probability of upright"
    assert [row.split(",")[0] for row in rows] == list(map(str, files))
    fastnet("info", model)
    out = capsys.readouterr().out
    assert "images of 16 x 16 x 3" in out and "model resnet8" in out


def test_the_saved_model_predicts_what_was_trained(tmp_path, capsys, bars):
    """Weights, preparation and class names come back."""
    report = report_of(tmp_path, "train", bars, *SMALL, "--test", "0", "--validation", "0", "--augment", "none",
                       "--save", tmp_path / "m.safetensors")
    assert report["history"][-1]["loss"] < report["history"][0]["loss"]
    capsys.readouterr()
    fastnet("evaluate", tmp_path / "m.safetensors", bars)
    assert float(capsys.readouterr().out.split()[-1]) >= 0.7


@pytest.mark.parametrize("options", [
    ("--augment", "--mixup", "--label-smoothing", "--ema", "0.5"), ("--augment", "randaugment", "--cutmix"),
    ("--augment", "trivialaugment", "--mixup", "0.4", "--cutmix", "0.5", "--optimizer", "sgd"),
    ("--augment", "none", "--class-weight", "balanced", "--weight-decay", "0.1", "--ema")])
def test_options(tmp_path, bars, options):
    report = report_of(tmp_path, "train", bars, *SMALL, *options, "--epochs", "1")
    settings = report["settings"]
    assert {"--label-smoothing", "--mixup", "--cutmix"} & {*options} <= {
        f"--{name.replace('_', '-')}" for name in settings}
    assert settings["augment"] == ("standard" if options[1] == "--mixup" else options[1])
    assert np.isfinite(report["test_loss"])


def test_seeds_decide_and_threads_do_not(tmp_path, bars):
    runs = [report_of(tmp_path, "train", bars, *SMALL, "--epochs", "2", "--augment", "randaugment", *more)
            for more in ((), ("--threads", "1"), ("--seed", "1"))]
    losses = [[row["loss"] for row in run["history"]] for run in runs]
    assert losses[0] == losses[1] != losses[2]


def test_resume_continues_with_the_same_bits(tmp_path, bars, monkeypatch):
    """Augmentation and averaged weights included."""
    args = ("train", bars, *SMALL, "--mixup", "--ema", "0.9", "--resume", tmp_path / "run")
    whole = report_of(tmp_path, *args[:-2])
    with monkeypatch.context() as patch:
        patch.setattr("fastnet.training.trainer.Trainer._end_epoch", interrupted_after(2))
        assert fn.cli.main([*map(str, args), "--quiet"]) == 130
    assert report_of(tmp_path, *args)["history"][-1]["loss"] == whole["history"][-1]["loss"]


def interrupted_after(epochs):
    """Trainer._end_epoch, which ends the training after some epochs as Ctrl-C does."""
    from fastnet.training.trainer import Trainer
    original = Trainer._end_epoch

    def end_epoch(self, start):
        original(self, start)
        self.interrupted = self.epoch == epochs
    return end_epoch


def test_unreadable_images(tmp_path, capsys, bars, model):
    (bars / "level" / "0.png").write_bytes(b"no picture")
    whole = (bars / "upright" / "1.png").read_bytes()
    (bars / "upright" / "1.png").write_bytes(whole[:len(whole) // 2])
    assert re.search(r"cannot read .*level/0\.png as an image", failure(capsys, "train", bars, *SMALL))
    fastnet("train", bars, *SMALL, "--epochs", "1", "--skip-unreadable")
    out = capsys.readouterr().out
    assert re.search(r"left out 2 images that cannot be read, the first: cannot read .*level/0\.png", out)
    assert "21 images to train on, 5 to test on" in out
    assert "0.png as an image" in failure(capsys, "evaluate", model, bars)
    fastnet("evaluate", model, bars, "--skip-unreadable")
    out, err = capsys.readouterr()
    assert "26 samples" in out and "left out 2 images" in err
    files = [bars / "level" / f"{i}.png" for i in range(3)]
    assert "0.png as an image" in failure(capsys, "predict", model, *files)
    for more, lines in ((), 2), (("--proba",), 3):
        fastnet("predict", model, *files, "--skip-unreadable", *more)
        out, err = capsys.readouterr()
        assert len(out.splitlines()) == lines
        assert "0.png as an image" in err and "left out 1 of 3 files" in err


def test_empty_classes_and_wrong_sizes(tmp_path, capsys, bars):
    for size, message in (("4", "alexnet does not take images of 3 x 4 x 4"), ("16", "alexnet does not take images")):
        assert message in failure(capsys, "train", bars, "--model", "alexnet", "--size", size)
    (bars / "empty").mkdir()
    assert "got none of 'empty'" in failure(capsys, "train", bars, "--model", "resnet8")


def test_default_size(tmp_path, bars):
    assert image_side(str(bars)) == 32                      # 20 pixels are too few
    Image.fromarray(np.zeros((300, 400), np.uint8)).save(bars / "level" / "large.png")
    assert image_side(str(bars)) == 32
    for path in bars.rglob("*.png"):
        Image.fromarray(np.zeros((70, 90), np.uint8)).save(path)
    assert image_side(str(bars)) == 64


# ---- data sets ------------------------------------------------------------------------------------------------------

@pytest.fixture(name="sets")
def _sets(monkeypatch):
    """Data sets made small: 60 and 30 images of noise, brighter with the class."""
    rng = np.random.default_rng(0)

    def made(n, *shape):
        y = np.arange(n) % 10
        return (rng.integers(0, 60, (n, *shape)) + 15 * y.reshape(-1, *(1,) * len(shape))).astype(np.uint8), y
    for name, shape in (("mnist", (28, 28)), ("kmnist", (28, 28)), ("cifar10", (32, 32, 3))):
        monkeypatch.setitem(catalogue.LOADERS, name, lambda shape=shape: (made(60, *shape), made(30, *shape)))


@pytest.mark.parametrize(("name", "network"), [("mnist", "lenet5"), ("kmnist", "lenet5"), ("cifar10", "resnet8"),
                                               ("kmnist", "mlp"), ("cifar10", "mlp"), ("cifar10", "linear")])
def test_data_sets(tmp_path, capsys, sets, name, network):
    model, picture = tmp_path / "m.safetensors", tmp_path / "p.png"
    fastnet("train", name, "--model", network, "--epochs", "1", "--batch-size", "20", "--save", model)
    assert "60 images to train on, 30 to test on" in capsys.readouterr().out
    fastnet("evaluate", model, name)
    assert "30 samples" in capsys.readouterr().out
    x = np.random.default_rng(0).integers(0, 255, (50, 40, 3)).astype(np.uint8)
    x[:5] = x[-5:] = x[:, :5] = x[:, -5:] = 255             # paper
    Image.fromarray(x).save(picture)
    fastnet("predict", model, picture)
    classes = "|".join(fn.datasets.CIFAR10_CLASSES) if name == "cifar10" else r"\d"
    assert re.fullmatch(rf"{re.escape(str(picture))}: ({classes}) \(\d+\.\d%\)\n", capsys.readouterr().out)
    (shape,) = {x.shape[1:] for x, _ in catalogue.LOADERS[name]()}
    np.save(tmp_path / "x.npy", np.zeros((3, *shape), np.uint8))
    fastnet("predict", model, tmp_path / "x.npy", "--proba")
    assert len(capsys.readouterr().out.splitlines()) == 4
    broken = np.zeros((3, *shape), np.float32)
    broken[1, 2, 3] = np.nan
    np.save(tmp_path / "x.npy", broken)
    assert re.search(r"x\.npy: \d values? (is|are) NaN or infinite.* nan in row 1", failure(
        capsys, "predict", model, tmp_path / "x.npy"))
    other = "mnist" if name == "cifar10" else "cifar10"
    assert re.search("the model expects images of .*has images of", failure(capsys, "evaluate", model, other))


def test_mixing_for_perceptrons(tmp_path, sets):
    """Images are mixed before channels come first."""
    report = report_of(tmp_path, "train", "cifar10", "--cutmix", "--mixup", "--epochs", "1", "--hidden", "8")
    assert np.isfinite(report["test_loss"])
    assert "augment" not in report["settings"]


def test_a_part_of_cifar10(tmp_path, capsys, monkeypatch):
    """From a zip file of images, by its layout."""
    monkeypatch.setenv("FASTNET_DATA", str(tmp_path))
    (tmp_path / "cifar10").mkdir()
    with zipfile.ZipFile(tmp_path / "cifar10" / "cifar10-part.zip", "w") as archive:
        for part, name in [(part, name) for part in ("train", "test") for name in fn.datasets.CIFAR10_CLASSES]:
            for i in range(2):
                Image.fromarray(np.full((32, 32, 3), 20 * i, np.uint8)).save(tmp_path / "p.png")
                archive.write(tmp_path / "p.png", f"{part}/{name}/{i}.png")
    fastnet("train", "cifar10", "--model", "resnet8", "--epochs", "1", "--batch-size", "8", "--validation", "0")
    assert "20 images to train on, 20 to test on" in capsys.readouterr().out


# ---- recipes and options --------------------------------------------------------------------------------------------

def parsed(*args):
    return settings_of(make_parser().parse_args(["train", *args]))


def test_recipes():
    settings = parsed("cifar10", "--model", "resnet18")
    assert settings == {"model": "resnet18", "epochs": 25, "batch_size": 32, "optimizer": "sgd", "lr": 0.03,
                        "weight_decay": 5e-4, "validation_split": 0.05, "patience": None, "augment": "standard",
                        "schedule": "one_cycle", "seed": 0}
    settings = parsed("cifar10", "--model", "resnet18", "--optimizer", "adam", "--epochs", "3", "--validation", "0.2")
    assert (settings["lr"], settings["weight_decay"], settings["epochs"]) == (2e-3, 0.0, 3)
    assert settings["validation_split"] == 0.2
    assert parsed("mnist", "--model", "lenet5")["epochs"] == 10


def test_the_list_of_networks():
    """It is that of fastnet.models: all that classify images of a channel or three."""
    import inspect
    made = {name for name in fn.models.__all__ if name.islower()
            and {"num_classes", "in_channels"} <= {*inspect.signature(getattr(fn.models, name)).parameters}}
    assert set(recipes.NETWORKS) <= made
    with pytest.raises(ValueError, match="lenet5 does not take images of 1 x 20 x 20"):
        make_network("lenet5", (1, 20, 20), 10)


def test_small_images_take_the_variant_for_them():
    assert make_network("resnet18", (3, 32, 32), 10).conv1.stride == (1, 1)
    assert make_network("resnet18", (3, 64, 64), 10).conv1.stride == (2, 2)
    assert make_network("lenet5", (3, 32, 32), 10).features[0].padding == (0, 0)


@pytest.mark.parametrize(("kind", "inputs", "text"), [
    ("mnist", Drawings(28, 1.0, 2.0, 20, 255, True), r"\[RandomShift\(pixels=2\), "),
    ("fashion_mnist", Photos(28, [1.0], [2.0], grey=True), r"\[RandomCrop\(size=\(28, 28\), padding=3\), RandomHor"),
    ("cifar10", Photos(32, [1.0] * 3, [2.0] * 3), r"\[RandomCrop\(size=\(32, 32\), padding=4\), RandomHorizontalFlip"),
    ("folder", Photos(96, [1.0] * 3, [2.0] * 3), r"\[RandomResizedCrop\(size=\(96, 96\), .*RandomHorizontalFlip")])
def test_augmentation(kind, inputs, text):
    assert re.search(text, repr(augmentation(kind, {"augment": "standard"}, inputs, 10)))
    transform = augmentation(kind, {"augment": "randaugment", "mixup": 0.2, "cutmix": 1.0}, inputs, 10)
    x = np.zeros((4, *inputs.stored_shape), np.uint8)
    made, target = transform(x, np.arange(4), rng=np.random.default_rng(0))
    assert made.shape == (4, *inputs.shape) and made.dtype == np.float32 and target.shape == (4, 10)


@pytest.mark.parametrize(("args", "message"), [
    (("a.csv", "--model", "resnet18"), "--model resnet18 is for images"),
    (("a.csv", "--mixup", "0.3"), "--mixup is for images"), (("a.csv", "--augment"), "--augment is for images"),
    (("a.csv", "--skip-unreadable"), "--skip-unreadable is for folders of images"),
    (("mnist", "--model", "lenet5", "--hidden", "8"), "hidden layers, which --model lenet5 does not have"),
    (("digits", "--class-weight", "balanced", "--mixup"), "--class-weight cannot be used with --mixup or --cutmix")])
def test_options_that_do_not_go_together(capsys, args, message):
    assert message in failure(capsys, "train", *args, code=2)


@pytest.mark.parametrize(("args", "message"), [
    (("--model", "resnet81"), "there is no model 'resnet81'; did you mean 'resnet8'? Choose from mlp, linear, lstm"),
    (("--augment", "much"), "invalid choice: 'much'"),
    (("--label-smoothing", "1"), "expected a number from 0 to below 1"),
    (("--mixup", "-1"), "expected a positive number"), (("--ema", "2"), "expected a number from 0 to below 1")])
def test_wrong_use(capsys, args, message):
    with pytest.raises(SystemExit):
        fn.cli.main(["train", "digits", *args])
    assert message in capsys.readouterr().err
