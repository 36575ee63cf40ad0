"""The processor's energy counters, read from a made-up tree of Linux's powercap."""
import pytest
from powercap_tools import RANGE, spend, zone

from fastnet.callbacks.powercap import Powercap


def test_joules_since_the_last_reading(tmp_path):
    package = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    meter = Powercap(tmp_path)
    assert meter.missing is None and meter.zones == ["package-0"]
    assert meter.read() == 0
    spend(package, 1_500_000)
    assert meter.read() == pytest.approx(1.5)
    assert meter.read() == 0
    spend(package, 250_000)
    assert meter.read() == pytest.approx(0.25)


def test_a_counter_that_starts_again(tmp_path):
    package = zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 1_000_000)
    meter = Powercap(tmp_path)
    spend(package, 3_000_000)
    assert int((package / "energy_uj").read_text()) == 2_000_000
    assert meter.read() == pytest.approx(3.0)
    spend(package, 500_000)
    assert meter.read() == pytest.approx(0.5)


def test_nothing_is_counted_twice(tmp_path):
    """Two packages with memory; cores and graphics are parts of them, psys contains them, mmio shows one again."""
    added = [zone(tmp_path, "intel-rapl:0", "package-0"), zone(tmp_path, "intel-rapl:1", "package-1"),
             zone(tmp_path, "intel-rapl:0:2", "dram"), zone(tmp_path, "intel-rapl:1:0", "dram")]
    others = [zone(tmp_path, "intel-rapl:0:0", "core"), zone(tmp_path, "intel-rapl:0:1", "uncore"),
              zone(tmp_path, "intel-rapl:2", "psys"), zone(tmp_path, "intel-rapl-mmio:0", "package-0")]
    meter = Powercap(tmp_path)
    for i, folder in enumerate(added):
        spend(folder, 10**i * 1_000_000)
    for folder in others:
        spend(folder, 77_000_000)
    assert meter.read() == pytest.approx(1111)
    assert sorted(meter.zones) == ["dram", "dram", "package-0", "package-1"]


def test_psys_where_there_is_no_package(tmp_path):
    board = zone(tmp_path, "intel-rapl:0", "psys")
    meter = Powercap(tmp_path)
    spend(board, 2_000_000)
    assert meter.read() == pytest.approx(2)


def test_zones_below_their_parents_alone(tmp_path):
    package = zone(tmp_path / "x", "intel-rapl:0", "package-0", link=False)
    memory = zone(tmp_path / "x", "intel-rapl:0:0", "dram", link=False)
    meter = Powercap(tmp_path / "x" / "devices")
    spend(package, 1_000_000)
    spend(memory, 2_000_000)
    assert meter.read() == pytest.approx(3)


def test_why_there_is_no_energy(tmp_path, monkeypatch):
    assert Powercap(tmp_path).missing == f"{tmp_path} has no energy counters"
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    (package / "max_energy_range_uj").unlink()
    assert "max_energy_range_uj" in Powercap(tmp_path).missing
    (package / "max_energy_range_uj").write_text("many")
    assert "invalid literal" in Powercap(tmp_path).missing

    def refuse(self, **options):
        raise PermissionError(13, "Permission denied", str(self))
    (package / "max_energy_range_uj").write_text("1")
    monkeypatch.setattr("fastnet.callbacks.powercap._counter_value", refuse)
    assert Powercap(tmp_path).missing.endswith("may not be read by this user")
