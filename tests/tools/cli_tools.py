"""What the tests of the command `fastnet` share: running it, and small files for it."""
import json

import numpy as np

from fastnet import cli

QUICK = ["train", "digits", "--epochs", "2", "--hidden", "16"]
COLOURS = ("blue", "green", "red")


def fastnet(*args):
    """Run the command in this process; it must succeed."""
    assert cli.main([str(a) for a in args]) == 0


def failure(capsys, *args, code=1):
    """The line that the command says as it fails."""
    capsys.readouterr()
    assert cli.main([str(a) for a in args]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def report_of(tmp_path, *args):
    """The report of a training."""
    path = tmp_path / "report.json"
    fastnet(*args, "--quiet", "--report", path)
    return json.loads(path.read_text())


def flowers(path, n=90, seed=0):
    """A CSV file of three kinds that anything can tell apart: by two numbers, one missing at times, and a colour."""
    rng = np.random.default_rng(seed)
    lines = ["size,colour,weight,kind"]
    for i in range(n):
        kind = i % 3
        weight = "" if i % 7 == 0 else f"{rng.normal(2 * kind, 0.5):.3f}"
        lines.append(f"{rng.normal(3 * kind, 0.5):.3f},{COLOURS[kind]},{weight},kind{kind}")
    path.write_text("\n".join(lines) + "\n")
    return path


def prices(path, n=200, seed=0):
    """A CSV file of a value that depends on two numbers."""
    rng = np.random.default_rng(seed)
    area, age = rng.uniform(20, 200, n), rng.uniform(0, 80, n)
    price = 3000 * area - 1000 * age + 50_000.5
    path.write_text("area,age,price\n" + "".join(f"{a:.2f},{b:.2f},{p:.2f}\n" for a, b, p in zip(area, age, price)))
    return path


def pictures(folder, each=12, size=20, seed=0):
    """A folder with a folder of pictures for each of two classes: upright and level bars, in colour."""
    from PIL import Image
    rng = np.random.default_rng(seed)
    for name in ("level", "upright"):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            x = rng.integers(0, 60, (size, size, 3), np.uint8)
            place = 4 + i % (size - 8)
            x[place:place + 3] = 255
            Image.fromarray(x if name == "level" else x.transpose(1, 0, 2).copy()).save(folder / name / f"{i}.png")
    return folder
