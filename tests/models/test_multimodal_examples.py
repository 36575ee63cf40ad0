"""The examples that find digits by digits and emoji by words: quick runs, and the making of the emoji data set."""
import io
import json
import runpy
import shutil
import tarfile

import numpy as np
import pytest
from data_tools import ROOT, needs_data, run_example

import fastnet

compiled_only = pytest.mark.skipif(fastnet.backend.backend() != "compiled", reason="NumPy's kernels would take minutes")
COUNT = 40


@compiled_only
@needs_data("fsdd")
@needs_data("mnist")
def test_digits(monkeypatch, capsys):
    run_example(monkeypatch, "digits_heard_and_seen.py", "--quick", "--validate")
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line.startswith("step 3 of 3: loss")]
    for name in ("george", "jackson", "mean"):          # both validation speakers, judged in three ways
        ways = [line.partition(": right first ranks")[0] for line in shown if line.startswith(name)]
        assert ways == [f"{name}, {way}" for way in ("alone", "statistics of the speaker", "statistics and neighbours")]


def png(grey):
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(np.full((64, 64, 3), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


def write_package(folder, name, files):
    """A package as npm writes it."""
    with tarfile.open(folder / f"{name}.tgz", "w:gz") as archive:
        for path, contents in files.items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(contents)
            archive.addfile(entry, io.BytesIO(contents))


@pytest.fixture
def packages(tmp_path):
    """Packages of made-up emoji: those with odd numbers are dark."""
    example = runpy.run_path(str(ROOT / "examples" / "emoji_data.py"))["PACKAGES"]
    emoji = [{"unified": f"{0x1F600 + i:X}", "image": f"{i}.png", "category": ("Objects", "Symbols")[i % 2],
              "sort_order": -i, "has_img_google": True, "has_img_twitter": i != 3} for i in range(COUNT + 2)]
    emoji.append({**emoji[0], "unified": "1F600-FE0F-200D-1F601", "sort_order": 99})    # without keywords
    known = {chr(0x1F600 + i): {"default": [("light", "dark")[i % 2], "tool"], "tts": [f"thing {i}"]}
             for i in range(COUNT + 1)}
    files = {"cldr-annotations-full": {"annotations/en/annotations.json": json.dumps(
        {"annotations": {"annotations": known}}).encode()}}
    for vendor in ("google", "twitter"):
        files[f"emoji-datasource-{vendor}"] = {"emoji.json": json.dumps(emoji).encode()} | {
            f"img/{vendor}/64/{i}.png": png(200 - 150 * (i % 2) + i) for i in range(COUNT + 2)}
    for name, version in example.items():
        write_package(tmp_path, f"{name}-{version}", files[name])
    return tmp_path


@compiled_only
def test_emoji(packages, monkeypatch, capsys):
    run_example(monkeypatch, "emoji_data.py", "--packages", str(packages), "--folder", str(packages / "emoji"))
    assert f"{COUNT} emoji in 2 drawings" in capsys.readouterr().out
    with np.load(packages / "emoji" / "emoji.npz") as file:
        assert file["pictures"].shape == (2, COUNT, 32, 32, 3) and file["pictures"][1, -1].max() == 200
        assert file["name"][0] == f"thing {COUNT}" and file["keywords"][-1] == "light|tool"
    run_example(monkeypatch, "emoji_retrieval.py", "--quick", "--data", str(packages / "emoji"))
    shown = capsys.readouterr().out
    assert "recall at 5 among 8 held-out emoji, chance 62.5%" in shown and "neighbours in pixels" in shown
    assert "zero-shot category" in shown and "red fruit: thing" in shown


def test_npm_fetches_the_packages(packages, tmp_path, monkeypatch, capsys):
    """The script calls `npm pack` for each package in a scratch folder and reads what is written there."""
    called = []

    def run(command, cwd, check, stdout):
        name, _, version = command[3].rpartition("@")
        called.append(command[:3])
        shutil.copy(packages / f"{name}-{version}.tgz", cwd)

    example = runpy.run_path(str(ROOT / "examples" / "emoji_data.py"))
    monkeypatch.setattr("subprocess.run", run)
    example["main"](["--folder", str(tmp_path / "made")])
    assert called == [["npm", "pack", "--silent"]] * 3 and (tmp_path / "made" / "emoji.npz").exists()
    assert "npm pack cldr-annotations-full" in capsys.readouterr().out
