"""`fastnet` on speech: a recogniser of tones, manifests of transcripts, and recordings that cannot be used."""
import csv
import json

import numpy as np
import pytest
from cli_tools import failure, fastnet, report_of

import fastnet as fn
from fastnet import audio
from fastnet.cli.speech.data import Digits, Recorded, SpeechLoader
from fastnet.cli.speech.manifest import manifest_of, read_manifest
from fastnet.cli.speech.preparation import SpeechInputs, normalized

pytest.importorskip("jiwer")
RATE = 4000
PITCHES = {"a": 300, "b": 600, "c": 1000}
QUICK = ["--model", "ctc", "--epochs", "1", "--batch-size", "4"]


def tone(letter, rng):
    t = np.arange(int(0.12 * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * PITCHES[letter] * (1 + 0.03 * rng.random()) * t) * np.hanning(t.size)).astype("f")


def spoken(text, rng):
    """Letters as tones, spaces as pauses."""
    parts = [np.zeros(400, "f") if c == " " else np.r_[tone(c, rng), np.zeros(160, "f")] for c in text]
    signal = np.concatenate([np.zeros(200, "f"), *parts])
    return signal + 0.002 * rng.standard_normal(len(signal)).astype("f")


def speech(folder, count=24, seed=0):
    """A folder of recordings, and their transcripts."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    texts = [" ".join("".join(rng.choice(list(PITCHES), rng.integers(1, 4))) for _ in range(2)) for _ in range(count)]
    for i, text in enumerate(texts):
        audio.save(folder / f"{i}.wav", fn.from_numpy(spoken(text, rng)[None]), RATE)
    with (folder / "transcripts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "text"), *((f"{i}.wav", text) for i, text in enumerate(texts))])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return speech(tmp_path_factory.mktemp("speech") / "tones")


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    fastnet("train", folder, "--model", "ctc", "--epochs", "30", "--batch-size", "4", "--augment", "none", "--patience",
            "30", "--save", path, "--quiet")
    return path


# ---- the commands ---------------------------------------------------------------------------------------------------

def test_train_and_transcribe(folder, model, tmp_path, capsys):
    capsys.readouterr()
    fastnet("transcribe", model, folder / "0.wav", folder / "1.wav")
    lines = capsys.readouterr().out.splitlines()
    texts = [text for _, text in list(csv.reader((folder / "transcripts.csv").read_text().splitlines()))[1:3]]
    assert lines == [f"{folder / f'{i}.wav'}: {text}" for i, text in enumerate(texts)]
    fastnet("transcribe", model, folder / "0.wav", "--beam", "1", "--output", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == f"file,text\n{folder / '0.wav'},{texts[0]}\n"


def test_evaluate_and_info(folder, model, tmp_path, capsys):
    capsys.readouterr()
    fastnet("evaluate", model, folder, "--report", tmp_path / "r.json")
    assert "24 samples" in capsys.readouterr().out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["cer"] < 0.2 and report["samples"] == 24
    fastnet("info", model)
    out = capsys.readouterr().out
    assert "transcription" in out and "' abc'" in out and "4000 samples a second" in out


def test_options_and_report(folder, tmp_path):
    report = report_of(tmp_path, "train", folder, *QUICK, "--optimizer", "sgd", "--dropout", "0", "--test", "0.25")
    assert report["task"] == "transcription" and {"test_cer", "test_wer"} <= set(report)


def test_resume(folder, tmp_path):
    options = ["train", folder, *QUICK, "--epochs", "2", "--quiet"]
    fastnet(*options, "--save", tmp_path / "a.safetensors")
    fastnet(*options, "--resume", tmp_path / "run")
    fastnet(*options, "--resume", tmp_path / "run", "--save", tmp_path / "b.safetensors")
    a, b = (fn.load(tmp_path / f"{name}.safetensors").state_dict() for name in "ab")
    assert all(fn.equal(a[name], b[name]) for name in a)


def test_digits(monkeypatch, tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = (8000 * rng.standard_normal((60, 900))).astype(np.int16)
    monkeypatch.setattr("fastnet.datasets.fsdd", lambda root=None: ((x, np.arange(60) % 10), (x, np.arange(60) % 10)))
    monkeypatch.setattr("fastnet.cli.speech.data._STRINGS", {"train": 8, "validation": 4, "test": 4})
    saved = tmp_path / "m.safetensors"
    report = report_of(tmp_path, "train", "fsdd", *QUICK, "--save", saved)
    assert report["test_digit_error"] >= 0 and len(report["history"]) == 1
    fastnet("evaluate", saved, "fsdd")
    assert "digit error: " in capsys.readouterr().out


@pytest.mark.parametrize("options, message", [
    (["digits", "--model", "ctc"], "--model ctc transcribes speech: expected fsdd, or a folder of recordings with"),
    (["FOLDER"], "holds transcripts of recordings: use --model ctc"),
    (["FOLDER", "--model", "ctc", "--mixup"], "--mixup has no effect on --model ctc"),
    (["FOLDER", "--model", "ctc", "--augment", "randaugment"], "--augment randaugment is for images"),
    (["fsdd", "--model", "ctc", "--test", "0.1"], "--test: fsdd has its own test set"),
])
def test_options_that_conflict(folder, options, message, capsys):
    options = [folder if option == "FOLDER" else option for option in options]
    assert message in failure(capsys, "train", *options, code=2)


def test_other_commands_name_the_right_one(folder, model, capsys):
    assert "use `fastnet transcribe MODEL FILE ...`" in failure(capsys, "predict", model, folder / "0.wav", code=2)
    assert "expected fsdd or a folder with a file of transcripts" in failure(capsys, "evaluate", model, "a.csv", code=2)


# ---- recordings that cannot be used ---------------------------------------------------------------------------------

def test_bad_recordings(model, tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = spoken("ab ca", rng)
    bad = {"rate": "expected 4000 samples a second, got 8000; convert them with --convert",
           "stereo": "expected one channel, got 2; average them with --convert",
           "cut": "is truncated", "empty": "expected samples, got an empty recording", "text": "expected a WAV file",
           "nan": "expected finite samples, got nan"}
    audio.save(tmp_path / "rate.wav", fn.from_numpy(np.repeat(x, 2)[None]), 2 * RATE)
    audio.save(tmp_path / "stereo.wav", fn.from_numpy(np.stack((x, x))), RATE)
    audio.save(tmp_path / "cut.wav", fn.from_numpy(x[None]), RATE)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "cut.wav").read_bytes()[:-9])
    audio.save(tmp_path / "empty.wav", fn.zeros(1, 0), RATE)
    (tmp_path / "text.wav").write_text("hello")
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "nan.wav", np.r_[x, np.nan].astype("f"), RATE, subtype="FLOAT")
    for name, message in bad.items():
        found = failure(capsys, "transcribe", model, tmp_path / f"{name}.wav")
        assert message in found and f"{name}.wav" in found
    fastnet("transcribe", model, *(tmp_path / f"{name}.wav" for name in bad), "--skip-unreadable")
    assert "left out 6 of 6 files that cannot be read" in capsys.readouterr().err


def test_other_formats_are_converted(folder, model, tmp_path, capsys):
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    x = audio.load_signal(folder / "0.wav").numpy()
    text = (folder / "transcripts.csv").read_text().splitlines()[1].partition(",")[2]
    twice = audio.resample(fn.from_numpy(x), RATE, 2 * RATE).numpy()
    files = {"PCM_U8": x, "PCM_24": x, "FLOAT": 0.01 * x, "PCM_16": np.stack((twice, twice), 1)}
    for subtype, samples in files.items():
        path = tmp_path / f"{subtype}.wav"
        soundfile.write(path, samples, 2 * RATE if samples.ndim == 2 else RATE, subtype=subtype)
        capsys.readouterr()
        fastnet("transcribe", model, path, *(["--convert"] if samples.ndim == 2 else []))
        out = capsys.readouterr().out
        assert out == f"{path}: {text}\n" or (subtype == "PCM_U8" and out.startswith(f"{path}: "))     # it is noisy


def test_damaged_models(model, tmp_path, capsys):
    loaded, about = fn.load(model), fn.load_metadata(model)
    for name, change in (("rate", 0), ("mels", 3), ("vocabulary", []), ("std", 0.0)):
        loaded.save(tmp_path / "bad.safetensors", about | {"speech": about["speech"] | {name: change}})
        assert "bad.safetensors: " in failure(capsys, "transcribe", tmp_path / "bad.safetensors", "a.wav")


# ---- manifests ------------------------------------------------------------------------------------------------------

MANIFESTS = {
    "transcripts.csv": "text,file_name\n\"One, two\",a.wav\nthree,b.wav\n",
    "transcripts.tsv": "path\tsentence\na.wav\tOne, two\nb.wav\tthree\n",
    "transcripts.txt": "a.wav One, two\nb.wav three\n",
    "metadata.csv": "a|1, 2|One, two\nb|3|three\n",
    "manifest.jsonl": '{"audio_filepath": "a.wav", "text": "One, two"}\n\n'
                      '{"audio_filepath": "b.wav", "text": "three"}\n',
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(name, tmp_path):
    (tmp_path / "wavs").mkdir()
    for letter in "ab":
        audio.save(tmp_path / "wavs" / f"{letter}.wav", fn.zeros(1, 9), RATE)
    (tmp_path / name).write_text(MANIFESTS[name])
    found = read_manifest(manifest_of(tmp_path))
    assert [(item.path.name, item.text) for item in found] == [("a.wav", "One, two"), ("b.wav", "three")]
    assert manifest_of(tmp_path / name) == tmp_path / name


@pytest.mark.parametrize("contents, message", [
    ("", "got no lines"), ("a.wav\n", "line 1: expected the name of a recording and its transcript, got 'a.wav'"),
    ("c.wav one\n", "line 1: there is no recording 'c.wav'"), ("a|one\nb| \n", "line 2: expected a transcript of 'b'"),
    ("a|one\na|two\n", "line 2: 'a' is also the recording of"), ("{}\n", "line 1: expected JSON with audio_filepath"),
])
def test_bad_manifests(contents, message, tmp_path):
    for letter in "ab":
        audio.save(tmp_path / f"{letter}.wav", fn.zeros(1, 9), RATE)
    (tmp_path / "transcripts.txt").write_text(contents)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_manifest(tmp_path / "transcripts.txt")


def test_folders_with_bad_lines(tmp_path, capsys):
    made = speech(tmp_path / "tones", count=8)
    with (made / "transcripts.csv").open("a") as file:
        file.write("0b.wav,!!\n1b.wav,abcabcabcabcabcabc\n")
    audio.save(made / "0b.wav", fn.zeros(1, 900), RATE)
    audio.save(made / "1b.wav", fn.ones(1, 900), RATE)
    assert "line 10: expected letters or digits, got '!!'" in failure(capsys, "train", made, *QUICK)
    fastnet("train", made, *QUICK, "--skip-unreadable", "--test", "0", "--validation", "0")
    out = capsys.readouterr().out
    assert "left out 1 recording that cannot be read" in out and "1 of 9 recordings are too short for their" in out


# ---- the parts ------------------------------------------------------------------------------------------------------

def test_preparation():
    inputs = SpeechInputs(RATE, 20, -30.0, 10.0, [" ", "a", "b"])
    assert SpeechInputs(**inputs.to_dict()) == inputs
    assert inputs.classes("ab xa") == [2, 3, 1, 2] and inputs.text([2, 1, 1, 3, 1]) == "a b"
    quiet = np.sin(np.arange(4000, dtype="f"))
    np.testing.assert_allclose(inputs.features([quiet]), inputs.features([quiet / 64]), atol=1e-4)
    assert inputs.features([quiet[:1], quiet[:10]]).shape[0] == 2           # shorter than a frame
    assert inputs.fits([2, 2], 800) and not inputs.fits([2, 2], 1)
    assert normalized("  L’été…  ÇA va_bien? ") == "l'été ça va bien"


def test_loader_depends_on_the_seed_and_the_epoch_only():
    rng = np.random.default_rng(0)
    signals = [rng.standard_normal(rng.integers(500, 3000)).astype("f") for _ in range(11)]
    inputs = SpeechInputs(RATE, 20, -30.0, 10.0, ["a", "b"])
    loader = SpeechLoader(Recorded(signals, ["ab"] * 11, changes=True), inputs, 4, seed=1)
    first, again, rest = list(loader.epoch(3)), list(loader.epoch(3)), list(loader.epoch(3, start=2))
    assert len(loader) == len(first) == 3 and len(rest) == 1
    assert all(fn.equal(x, y) for a, b in zip(first, again) for x, y in zip(a, b)) and fn.equal(rest[0][0], first[2][0])
    assert not fn.equal(next(iter(loader.epoch(4)))[1], first[0][1]) or not fn.equal(
        next(iter(loader.epoch(4)))[0], first[0][0])


def test_joined_recordings():
    x = np.zeros((3, 100), np.int16)
    x[:, :50] = 1000
    joined = audio.JoinedRecordings(x, [1, 2, 3], RATE, seconds=0.5, least=2, most=3, noise=0.0)
    strings = joined.make(20, np.random.default_rng(0))
    assert strings.signals.shape == (20, 2000) and set(strings.lengths) == {2, 3}
    assert (np.count_nonzero(strings.signals, 1) == 50 * strings.lengths).all() and strings.signals.max() <= 1
    assert (np.count_nonzero(strings.labels, 1) == strings.lengths).all()
    source = Digits(joined, 9)
    assert source.take(np.arange(2), None).texts == source.take(np.arange(2), None).texts
    with pytest.raises(ValueError, match="labels from 1 on"):
        audio.JoinedRecordings(x, [0, 1, 2], RATE)
