"""The lines about the energy of a training."""
from __future__ import annotations

from typing import Any

from fastnet.callbacks import Energy
from fastnet.callbacks.energy import WATTS_PER_CORE
from fastnet.cli.option_values import positive_number

__all__ = ["add_energy", "energy_lines"]

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def add_energy(group: Any) -> None:
    """Add the options about energy to a group of arguments."""
    group.add_argument("--energy", type=positive_number(float), nargs="?", const=WATTS_PER_CORE, metavar="WATTS",
                       help="measure the energy of the training, and count its operations and bytes. Where the "
                       "processor's counters cannot be read, assume WATTS for each busy core (default: off; "
                       f"{WATTS_PER_CORE:g} without a number)")
    group.add_argument("--carbon", metavar="COUNTRY", help="with --energy, also the CO2 of the electricity in a "
                       "country, such as DEU; needs codecarbon")


def energy_lines(energy: Energy | None) -> list[str]:
    """Lines about the energy, the operations and the carbon of a training.

    Args:
        energy: the callback of the training; None: there are no lines.

    Example:
        >>> from fastnet.cli.energy import energy_lines
        >>> energy_lines(None)
        []
    """
    if energy is None or not energy.total:
        return []
    total = energy.total
    joules = total.get("joules", 0.0) + total.get("joules_estimated", 0.0)
    cpu = f"in {total['cpu_seconds']:.1f} s of CPU time"
    how = (f"{cpu}, by the processor's counters" if energy.source == "rapl" else
           f"estimated {cpu} at {energy.watts_per_core:g} W ({energy.why_estimated})")
    lines = [f"energy: {_amount(joules, 'J')} {how}"]
    parts = [f"{_amount(total[prefix + 'flops'], 'FLOP')} and {_amount(total[prefix + 'bytes'], 'B')} of {what}"
             for prefix, what in (("", "training steps"), ("validation_", "validation")) if prefix + "flops" in total]
    lines.append(f"computed: {', '.join(parts)}")
    if energy.uncounted:
        lines.append(f"not counted in FLOP: {', '.join(energy.uncounted)}")
    if "carbon_kg" in total:
        lines.append(f"carbon: {_amount(1000 * total['carbon_kg'], 'g')} of CO2 equivalents ({energy.country})")
    return lines


def _amount(number: float, unit: str) -> str:
    """A number with a unit and its prefix: "1.23 GFLOP"."""
    for factor, prefix in _PREFIXES:
        if number >= factor:
            return f"{number / factor:.3g} {prefix}{unit}"
    return f"{number:.3g} {unit}"
