"""The example of the whole way: a keyword network trained, quantised, written as C, and run on all machines at hand."""
import runpy

from data_tools import ROOT, data_folder, needs_data

import fastnet


@needs_data("fsdd")
def test_python_and_all_machines_agree_in_every_bit(tmp_path, capsys):
    example = runpy.run_path(str(ROOT / "examples" / "keywords_in_c.py"), run_name="example")
    state = fastnet.get_rng_state()
    try:
        example["main"](["--quick", "--data", str(data_folder() / "fsdd"), "--folder", str(tmp_path)])
    finally:
        fastnet.set_rng_state(state)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith("equal to Python in every bit: True") for line in lines)
    machines = [line for line in lines if "keywords: 20 tests" in line]
    assert machines[0] == "this machine: keywords: 20 tests, 0 wrong numbers"
    assert all(line.endswith("0 wrong numbers") for line in machines)
