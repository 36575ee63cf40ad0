"""The example that finds and follows digits runs from its scenes to its tracker."""
import re

import pytest
from data_tools import needs_data, run_example

import fastnet


@pytest.mark.skipif(fastnet.backend.backend() != "compiled", reason="NumPy's kernels would take minutes")
@needs_data("mnist")
def test_quick_run(monkeypatch, capsys):
    run_example(monkeypatch, "digit_detection.py", "--quick")
    shown = capsys.readouterr().out
    for expected in (r"step 12 of 12: loss \d", r"mean average precision 0\.\d+, .* on 32 scenes", r"frame 5: ",
                     r"10 frames of 3 digits: \d+ identity switches, \d+ digits of 30 missed"):
        assert re.search(expected, shown), shown
