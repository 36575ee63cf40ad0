"""docs/missing.md, the list of PyTorch's names that fastnet lacks, is current."""
import importlib.util

import pytest
from data_tools import ROOT

pytest.importorskip("torch")


def test_the_list_of_missing_names_is_current():
    spec = importlib.util.spec_from_file_location("missing", ROOT / "tools" / "missing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    difference = module.difference()
    assert not difference, f"{difference}\nrun python tools/missing.py"
