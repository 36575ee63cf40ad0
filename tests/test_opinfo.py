"""PyTorch's own samples of its operations and modules: at least 98% agree. `pytest -m opinfo` tries all of them."""
from pathlib import Path

import pytest
from processes import interpreter

pytest.importorskip("torch")


@pytest.mark.parametrize("limit", [4, pytest.param(60, marks=pytest.mark.opinfo)])
def test_pytorchs_samples_agree(limit):
    run = interpreter(Path(__file__).with_name("opinfo_tools.py"), limit, check=False, timeout=600)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
