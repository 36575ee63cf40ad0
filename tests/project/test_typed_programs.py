"""Programs as users write them: they run, and pass pyright and mypy in their strict modes without an ignore."""
import importlib.util
import json
import subprocess
import sys

import pytest
from data_tools import ROOT

PROGRAMS = sorted((ROOT / "tests/project/typed").glob("*.py"))


def _output(*command, cwd):
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, cwd=cwd, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_runs(program, tmp_path):
    if program.stem == "estimators":
        pytest.importorskip("sklearn")
    code, text = _output(program, cwd=tmp_path)
    assert code == 0, text


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_finds_nothing(tmp_path):
    code, text = _output("-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=",
                         f"--cache-dir={tmp_path}", *PROGRAMS, cwd=ROOT)
    assert code == 0, text


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_finds_nothing(tmp_path):
    for program in PROGRAMS:
        (tmp_path / program.name).write_text(program.read_text())
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({
        "include": ["*.py"], "typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}))
    code, text = _output("-m", "pyright", "--pythonpath", sys.executable, "-p", tmp_path, cwd=tmp_path)
    assert code == 0, text
