"""`fastnet launch` and `fastnet train` as ranks."""
import json
import subprocess
import sys
import time

import pytest
from rank_tools import TOKEN, settings

from fastnet.cli import main
from fastnet.distributed.launcher import environment_of

TRAIN = ["-m", "fastnet", "train", "digits", "--epochs", "2", "--hidden", "16", "--shards", "4"]


def launch(*args, cwd):
    [environment] = settings(1)
    for name in ("RANK", "WORLD_SIZE", TOKEN):
        environment.pop(name)
    return subprocess.run([sys.executable, "-m", "fastnet", "launch", *args], env=environment, cwd=cwd, text=True,
                          capture_output=True, timeout=100)


def test_the_command_on_two_ranks_and_on_one(tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    found = launch("--nproc", "2", *TRAIN, "--save", "two.safetensors", "--report", "two.json", "--resume", "run",
                   cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("epoch 2/2") == found.stdout.count("test accuracy: 0.") - 1 == 1
    assert main([*TRAIN[2:], "--save", "one.safetensors", "--report", "one.json", "--quiet"]) == 0
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert one["settings"] == two["settings"] and one["settings"]["shards"] == 4
    assert [row["loss"] for row in one["history"]] == [row["loss"] for row in two["history"]]


def test_failures(tmp_path, capsys):
    (tmp_path / "script.py").write_text(
        "import os, sys, time\nif os.environ['RANK'] == '1': sys.exit(3)\ntime.sleep(60)\n")
    found = launch("--nproc", "3", "script.py", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (
        1, "fastnet: error: rank 1 failed with exit code 3; the other ranks were ended\n")
    for wrong in (["launch", "--nproc", "0", "x.py"], ["launch", "x.py"], ["train", "digits", "--shards", "3"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2
    assert "--shards: expected a power of two, got '3'" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")
def test_children_of_a_rank_that_failed_are_ended(tmp_path):
    """They keep the output open, for which the caller of the launcher waits."""
    (tmp_path / "script.py").write_text(
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(90)'])\n"
        "sys.exit(3)\n")
    begin = time.monotonic()
    assert launch("--nproc", "2", "script.py", cwd=tmp_path).returncode == 1
    assert time.monotonic() - begin < 60


def test_each_rank_gets_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr("fastnet.distributed.launcher.default_threads", lambda: 9)
    assert [environment_of(0, count, {})["OMP_NUM_THREADS"] for count in (1, 2, 4, 16)] == ["9", "4", "2", "1"]
    assert environment_of(2, 4, {"OMP_NUM_THREADS": "7"})["OMP_NUM_THREADS"] == "7"
