"""`fastnet train --energy`: the lines that it prints, the report, and the history."""
import pytest
from cli_tools import QUICK, failure, fastnet, report_of

from fastnet.callbacks import Energy
from fastnet.cli.energy import energy_lines


def test_energy_is_in_the_report_and_the_history(tmp_path, capsys):
    report = report_of(tmp_path, *QUICK, "--energy", "5")
    energy, history = report["energy"], report["history"]
    assert energy["flops"] == sum(row["flops"] for row in history) > 0
    assert energy["validation_bytes"] == sum(row["validation_bytes"] for row in history) > 0
    if energy["source"] == "estimated":         # most machines of tests have no counters
        assert energy["watts_per_core"] == 5 and energy["why_estimated"]
        assert energy["joules_estimated"] == pytest.approx(5 * energy["cpu_seconds"])
        assert all("joules" not in row for row in history)
    fastnet(*QUICK, "--energy")
    out = capsys.readouterr().out
    assert "energy: " in out and " of training steps, " in out and "joules" not in out


def test_a_run_without_energy_has_no_columns(tmp_path):
    report = report_of(tmp_path, *QUICK)
    assert "energy" not in report and "flops" not in report["history"][0]


def test_the_bits_are_the_same(tmp_path, capsys):
    plain, measured = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    fastnet(*QUICK, "--quiet", "--save", plain)
    fastnet(*QUICK, "--quiet", "--save", measured, "--energy")
    from fastnet import load_file
    a, b = load_file(plain), load_file(measured)
    assert all((a[name].numpy() == b[name].numpy()).all() for name in a)


def test_lines():
    energy = Energy(8)
    energy.source, energy.why_estimated = "estimated", "no counters"
    energy.total = {"joules_estimated": 1234.0, "cpu_seconds": 154.25, "flops": 2_500_000_000, "bytes": 12}
    assert energy_lines(energy) == ["energy: 1.23 kJ estimated in 154.2 s of CPU time at 8 W (no counters)",
                                    "computed: 2.5 GFLOP and 12 B of training steps"]
    energy.source, energy.total = "rapl", {"joules": 0.5, "cpu_seconds": 1.0, "flops": 1, "bytes": 1,
                                           "carbon_kg": 2e-6}
    energy.country = "DEU"
    assert energy_lines(energy)[0] == "energy: 0.5 J in 1.0 s of CPU time, by the processor's counters"
    assert energy_lines(energy)[-1] == "carbon: 0.002 g of CO2 equivalents (DEU)"


def test_carbon_needs_energy(capsys):
    assert "--carbon needs --energy" in failure(capsys, *QUICK, "--carbon", "DEU", code=2)
