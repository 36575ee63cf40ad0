"""The example that finds and follows digits runs from its scenes to its tracker."""
import re
import runpy
import sys

import pytest
from data_tools import ROOT, data_folder, needs_data

import fastnet

EXAMPLE = ROOT / "examples" / "digit_detection.py"


@pytest.mark.skipif(fastnet.backend.backend() != "compiled", reason="NumPy's kernels would take minutes")
@needs_data("mnist")
def test_quick_run(monkeypatch, capsys):
    monkeypatch.setenv("FASTNET_DATA", str(data_folder()))
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--quick"])
    state = fastnet.get_rng_state()
    try:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    finally:
        fastnet.set_rng_state(state)
    shown = capsys.readouterr().out
    for expected in (r"step 12 of 12: loss \d", r"mean average precision 0\.\d+, .* on 32 scenes", r"frame 5: ",
                     r"10 frames of 3 digits: \d+ identity switches, \d+ digits of 30 missed"):
        assert re.search(expected, shown), shown
