"""The processor's own energy counters (RAPL), as Linux shows them in /sys/class/powercap."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastnet._core.reprs import repr_of

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["POWERCAP", "Powercap"]

POWERCAP = "/sys/class/powercap"
_MICRO = 1e-6


@dataclass
class _Zone:
    """A counter of microjoules that starts again from 0 above `span`."""
    folder: Path
    name: str                           # such as "package-0"
    span: int
    last: int


class Powercap:
    """The energy of all processor packages and of their memory since the last reading.

    Only zones that do not contain each other are added: packages, and the memory ("dram") beside them. Cores and the
    integrated graphics ("core", "uncore") are parts of a package. "psys", the whole board, contains the packages and is
    read only where there is none. A package that two interfaces show (intel-rapl and intel-rapl-mmio) is read once.

    Args:
        root: the folder with the zones.

    Attributes:
        missing: why the energy cannot be read; None if it can.

    Example:
        >>> from fastnet.callbacks.powercap import Powercap
        >>> Powercap("/no/such/folder").missing
        '/no/such/folder has no energy counters'
    """

    def __init__(self, root: StrPath = POWERCAP) -> None:
        self.root: Path = Path(root)
        self.missing: str | None = None
        self._zones: list[_Zone] = []
        try:
            self._zones = [self._opened(folder, name) for folder, name in _separate_zones(self.root)]
            if not self._zones:
                self.missing = f"{self.root} has no energy counters"
        except PermissionError as e:
            self.missing = f"{e.filename} may not be read by this user"
        except (OSError, ValueError) as e:
            self.missing = f"{self.root}: {e}"

    def __repr__(self) -> str:
        return repr_of(self, root=self.root, zones=self.zones)

    @property
    def zones(self) -> list[str]:
        """The names of the zones that are read."""
        return [zone.name for zone in self._zones]

    def read(self) -> float:
        """The joules since the last call, or since this object was made.

        A counter that is smaller than before has started again from 0 once. Read more often than that: the counter of a
        package has at least 65,000 J.

        Raises:
            OSError, ValueError: a counter can no longer be read.
        """
        return _MICRO * sum(map(_microjoules, self._zones))

    def _opened(self, folder: Path, name: str) -> _Zone:
        return _Zone(folder, name, _counter_value(folder / "max_energy_range_uj"), _counter_value(folder / "energy_uj"))


def _microjoules(zone: _Zone) -> int:
    """The microjoules of a zone since the last reading."""
    now = _counter_value(zone.folder / "energy_uj")
    used = now - zone.last
    zone.last = now
    return used + zone.span if used < 0 else used


def _counter_value(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _separate_zones(root: Path) -> list[tuple[Path, str]]:
    """(folder, name) of the zones to add up."""
    folders: dict[str, Path] = {}       # zones are listed both below the root and below their parents
    for pattern in ("*:*", "*/*:*", "*/*:*/*:*"):
        for path in sorted(root.glob(pattern), key=lambda path: ("mmio" in path.name, path.name)):
            if (path / "name").is_file():
                folders.setdefault(path.name, path)
    names = {key: (path / "name").read_text(encoding="utf-8").strip() for key, path in folders.items()}
    packages = {key for key, name in names.items() if name.startswith("package")}
    wanted = [key for key in names if key in packages or (names[key] == "dram" and _parent(key) in packages)]
    if not packages:
        wanted = [key for key, name in names.items() if name == "psys"]
    found: dict[tuple[str, str], tuple[Path, str]] = {}         # by the names of the zone and its parent
    for key in wanted:
        found.setdefault((names[key], names.get(_parent(key), "")), (folders[key], names[key]))
    return list(found.values())


def _parent(key: str) -> str:
    """The folder of the zone that a zone is part of: "intel-rapl:0" of "intel-rapl:0:1"."""
    return key.rpartition(":")[0]
