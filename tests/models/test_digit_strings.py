"""The recogniser, and the example that transcribes strings of digits."""
import re

import pytest
from data_tools import needs_data, run_example

import fastnet


def test_the_shapes_of_the_recogniser():
    model = fastnet.models.ctc_recognizer(5, 8, 16, 2, 3).eval()
    for frames in (1, 2, 9, 10):
        log_probs = model(fastnet.zeros(2, 8, frames))
        assert log_probs.shape == (model.output_length(frames), 2, 5)
        assert (log_probs.exp().sum(2) - 1).abs().max().item() < 1e-5
    with pytest.raises(ValueError, match="odd kernel_size, got 4"):
        fastnet.models.CTCRecognizer(kernel_size=4)


@pytest.mark.skipif(fastnet.backend.backend() != "compiled", reason="NumPy's kernels would take minutes")
@needs_data("fsdd")
def test_quick_run(monkeypatch, capsys):
    run_example(monkeypatch, "digit_strings.py", "--quick")
    shown = capsys.readouterr().out
    for expected in (r"step 8 of 8: loss \d", r"digit error \d+\.\d+% on 8 strings, greedy", "8 strings, beam of 8"):
        assert re.search(expected, shown), shown
