"""Kilograms of CO2 equivalents of an amount of electricity, by CodeCarbon's data."""
from __future__ import annotations

from fastnet._core.errors import did_you_mean
from fastnet._core.optional import optional

__all__ = ["carbon_per_joule"]

_JOULES_PER_KWH = 3.6e6
_CARBON = "the carbon of the Energy callback"


def carbon_per_joule(country: str) -> float:
    """Kilograms of CO2 equivalents per joule in a country's mix of electricity.

    Args:
        country: its ISO code of three letters, such as "DEU".

    Raises:
        ImportError: CodeCarbon is not installed.
        ValueError: CodeCarbon has no data of this country.
    """
    source = optional("codecarbon.input", _CARBON).DataSource()
    known = source.get_global_energy_mix_data()
    if country not in known:
        raise ValueError(f"CodeCarbon has no country {country!r}"
                         f"{did_you_mean(country, known, 'expected an ISO code of three letters, such as DEU')}")
    place = optional("codecarbon.external.geography", _CARBON).GeoMetadata(country_iso_code=country)
    energy = optional("codecarbon.core.units", _CARBON).Energy.from_energy(kWh=1.0)
    emissions = optional("codecarbon.core.emissions", _CARBON).Emissions(source)
    return float(emissions.get_country_emissions(energy, place)) / _JOULES_PER_KWH
