"""Programs as people write them, run by `fastnet run` and, where it is installed, by PyTorch: the same losses."""
import importlib.util
from pathlib import Path

import pytest
from processes import interpreter

PROGRAMS = Path(__file__).parent / "programs"
HAS_TORCH = importlib.util.find_spec("torch") is not None


def finals(result):
    [line] = [line for line in result.stdout.splitlines() if line.startswith("final")]
    return [float(word) for word in line.split()[1:]]


@pytest.mark.parametrize("name", sorted(path.stem for path in PROGRAMS.glob("*.py")))
def test_a_program_ends_with_the_losses_that_it_has_under_pytorch(name, tmp_path):
    program = PROGRAMS / f"{name}.py"
    arguments = ["--log-dir", str(tmp_path)] if name == "resume" else []
    ours = interpreter("-m", "fastnet", "run", program, *arguments, timeout=400)
    assert ours.stderr.count("`import torch` is fastnet.torch") == 1
    assert all(value == value for value in finals(ours))
    if not HAS_TORCH:
        pytest.skip("needs PyTorch to compare with")
    # on one thread, since PyTorch's threads wait for each other where tests share the cores
    theirs = interpreter(program, timeout=400, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    assert finals(ours) == pytest.approx(finals(theirs), rel=0.01)


@pytest.mark.parametrize("program", sorted(PROGRAMS.glob("*.py")), ids=lambda path: path.stem)
def test_every_name_of_a_program_is_there(program):
    result = interpreter("-m", "fastnet", "run", "--check", program)
    assert "(100.0%)" in result.stdout, result.stdout
