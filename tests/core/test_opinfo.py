"""PyTorch's own samples of its operations, modules and optimizers: at least 99% agree.

`pytest -m opinfo` tries all of them.
"""

import pytest
from data_tools import TOOLS
from processes import interpreter

pytest.importorskip("torch")


def check(file, *arguments):
    """Run one of the programs that compare, which prints what differs."""
    run = interpreter(TOOLS / file, *arguments, check=False, timeout=600)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("limit", [4, pytest.param(60, marks=pytest.mark.opinfo)])
def test_samples_of_operations_agree(limit):
    check("opinfo_tools.py", limit)


@pytest.mark.opinfo
def test_samples_of_modules_agree():
    check("moduleinfo_tools.py")


def test_samples_of_optimizers_agree():
    check("optiminfo_tools.py")
