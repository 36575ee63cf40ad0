"""`fastnet` on recordings: the data set of spoken digits, and folders of WAV files."""
import re

import numpy as np
import pytest
from cli_tools import failure, fastnet, report_of

from fastnet import from_numpy, manual_seed, zeros
from fastnet.audio import load_signal, save
from fastnet.cli.recordings import Recordings, inputs_from

RATE = 4000


def tones(folder, each=14, seed=0):
    """Recordings of two classes, a high and a low tone in noise."""
    rng = np.random.default_rng(seed)
    for name, pitch in (("high", 900), ("low", 200)):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            t = np.arange(rng.integers(2000, 5000)) / RATE
            x = 0.3 * np.sin(2 * np.pi * pitch * (1 + 0.1 * rng.random()) * t) + 0.02 * rng.standard_normal(t.size)
            save(folder / name / f"{i}.wav", from_numpy(x[None].astype(np.float32)), RATE)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tones(tmp_path_factory.mktemp("sounds") / "words")


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    manual_seed(0)
    fastnet("train", folder, "--epochs", "20", "--batch-size", "4", "--save", path, "--quiet")
    return path


def test_predict_and_evaluate(folder, model, capsys):
    capsys.readouterr()
    fastnet("predict", model, folder / "high" / "0.wav", folder / "low" / "1.wav")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == ["high", "low"]
    fastnet("evaluate", model, folder)
    assert "28 samples" in capsys.readouterr().out
    fastnet("predict", model, folder / "high" / "0.wav", "--proba")
    assert "probability of high" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_explain(folder, model, tmp_path, capsys, method):
    pytest.importorskip("matplotlib")
    recording = folder / "high" / "0.wav"
    capsys.readouterr()
    fastnet("explain", model, recording, "--method", method, "--plot", tmp_path / "why.png")
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{recording}: ") and " high (" in first and second.endswith("for the logit of high:")
    found = re.fullmatch(r"  ([\d.]+) s to ([\d.]+) s, mel filters (\d+) to (\d+) of 40 hold \d+% of what supports it",
                         third)
    assert 0 <= float(found[1]) < float(found[2]) <= 1.5 and 0 < int(found[3]) < int(found[4]) <= 40
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


def test_a_spectrogram_is_drawn_with_low_frequencies_below():
    inputs = Recordings(40, 0.0, 1.0, RATE, 4000)
    x = np.arange(6).reshape(1, 3, 2)                       # 3 frames of 2 filters
    assert inputs.as_drawn(x).tolist() == [[[1, 3, 5], [0, 2, 4]]]
    assert inputs.window_text(slice(0, 25), slice(20, 40), (51, 40)) == "0.00 s to 0.50 s, mel filters 21 to 40 of 40"


@pytest.mark.parametrize("options", [(), ("--model", "linear"), ("--model", "ds_cnn", "--augment", "none"),
                                     ("--model", "kws", "--mixup"), ("--augment",), ("--model", "gru_kws")])
def test_train(folder, options, tmp_path):
    report = report_of(tmp_path, "train", folder, "--epochs", "1", "--batch-size", "8", *options)
    assert report["task"] == "classification" and 0 <= report["test_accuracy"] <= 1


def test_errors(folder, model, tmp_path, capsys):
    other, two = tmp_path / "other.wav", tmp_path / "two.wav"
    save(other, from_numpy(np.zeros((1, 100), np.float32)), 8000)
    save(two, from_numpy(np.zeros((2, 100), np.float32)), RATE)
    assert "expected 4000 samples a second, got 8000" in failure(capsys, "predict", model, other)
    assert "expected one channel, got 2" in failure(capsys, "predict", model, two)
    (tmp_path / "cut.wav").write_bytes(other.read_bytes()[:-10])
    assert "is truncated" in failure(capsys, "predict", model, tmp_path / "cut.wav")
    assert "the model reads recordings: expected a file that ends in .wav" in failure(capsys, "predict", model, "a.png")
    assert "--cutmix is for images" in failure(capsys, "train", folder, "--model", "kws", "--cutmix", code=2)
    for name in ("kws", "gru_kws"):
        assert "is for recordings" in failure(capsys, "train", "digits", "--model", name, code=2)
    assert "--augment randaugment is for images" in failure(
        capsys, "train", folder, "--model", "kws", "--augment", "randaugment", code=2)


def test_every_form_of_samples_is_read(folder, model, tmp_path, capsys):
    soundfile = pytest.importorskip("soundfile")
    x = load_signal(folder / "high" / "0.wav").numpy()
    for form in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
        path = tmp_path / f"{form}.wav"
        soundfile.write(path, x, RATE, subtype=form)
        capsys.readouterr()
        fastnet("predict", model, path)
        assert capsys.readouterr().out.startswith(f"{path}: high")


def test_other_formats_rates_and_channels(folder, model, tmp_path, capsys):
    soundfile, soxr = pytest.importorskip("soundfile"), pytest.importorskip("soxr")
    x = load_signal(folder / "high" / "0.wav").numpy()
    soundfile.write(tmp_path / "a.flac", x, RATE)
    soundfile.write(tmp_path / "b.flac", np.stack([soxr.resample(x, RATE, 16000)] * 2, 1), 16000)
    capsys.readouterr()
    fastnet("predict", model, tmp_path / "a.flac")
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'a.flac'}: high")
    assert "got 2; average them with --convert" in failure(capsys, "predict", model, tmp_path / "b.flac")
    fastnet("predict", model, tmp_path / "b.flac", "--convert")
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'b.flac'}: high")


def test_a_folder_of_other_formats(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    for name, level in (("loud", 0.5), ("quiet", 0.01)):
        (tmp_path / "words" / name).mkdir(parents=True)
        for i in range(6):
            noise = level * np.random.default_rng(i).standard_normal(2000)
            soundfile.write(tmp_path / "words" / name / f"{i}.flac", noise, RATE)
    assert report_of(tmp_path, "train", tmp_path / "words", "--epochs", "1")["task"] == "classification"


def test_recordings_without_a_signal(folder, model, tmp_path, capsys):
    save(tmp_path / "empty.wav", zeros(1, 0), RATE)
    assert "empty.wav: expected samples, got an empty recording" in failure(capsys, "predict", model,
                                                                            tmp_path / "empty.wav")
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "nan.wav", np.array([0.1, np.inf], "f"), RATE, subtype="FLOAT")
    assert "nan.wav: expected finite samples, got inf in sample 1" in failure(capsys, "predict", model,
                                                                              tmp_path / "nan.wav")


def test_files_that_cannot_be_read(tmp_path, capsys):
    folder = tones(tmp_path / "words", each=6)
    (folder / "low" / "bad.wav").write_bytes(b"RIFF")
    assert "bad.wav: expected a WAV file" in failure(capsys, "train", folder, "--epochs", "1")
    fastnet("train", folder, "--epochs", "1", "--skip-unreadable")
    assert "left out 1 recording that cannot be read" in capsys.readouterr().out


def test_the_preparation_is_saved():
    inputs = Recordings(40, 1.5, 2.0, 8000, 8000)
    assert inputs_from(inputs.to_dict()) == inputs and inputs.shape == (1, 51, 40)
    for change in ({"rate": 0}, {"samples": -1}, {"rate": "fast"}, {"std": 0.0}):
        with pytest.raises(ValueError, match="damaged"):
            inputs_from(inputs.to_dict() | change)
