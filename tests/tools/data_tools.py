"""Where the tests find things: the package under test, and real data sets, with a skip where there are none."""
import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnet

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).resolve().parent
# Where a fresh interpreter starts to import this fastnet: `python -c` looks in its own folder first, and in an unpacked
# source distribution that holds another one, which is not built.
HOME = Path(fastnet.__file__).resolve().parents[1]


def data_folder():
    """$FASTNET_DATA, else ../shared/data beside the checkout."""
    given = os.environ.get("FASTNET_DATA")
    return Path(given).resolve() if given else ROOT.parent / "shared" / "data"


def needs_data(name):
    """Mark a test that needs the data set `name`: it skips, saying so, where it is absent."""
    folder = data_folder() / name
    reason = f"needs {name}: {folder} is no folder; point FASTNET_DATA at one that has {name}/"

    def mark(test):
        return pytest.mark.data(pytest.mark.skipif(not folder.is_dir(), reason=reason)(test))
    return mark


def run_example(monkeypatch, name, *arguments):
    """Run a program of examples/ as a script on the data sets here; the random state is put back."""
    monkeypatch.setenv("FASTNET_DATA", str(data_folder()))
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    state = fastnet.get_rng_state()
    try:
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    finally:
        fastnet.set_rng_state(state)


def require_both_libraries_read_alike(path, monkeypatch):
    """The table in a file has the same columns read by pandas alone and by polars alone; a skip where one is absent."""
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    found = []
    for hidden in ("polars", "pandas"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, hidden, None)
            found.append(fastnet.data.columns(fastnet.data.read_table(path)))
    assert list(found[0]) == list(found[1])
    for name, column in found[0].items():
        assert column.dtype == found[1][name].dtype
        np.testing.assert_array_equal(column, found[1][name])
