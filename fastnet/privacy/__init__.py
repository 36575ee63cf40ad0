"""Differential privacy: training whose result depends only little on each single sample. Names are those of Opacus."""
from fastnet._core.errors import name_none as _name_none
from fastnet.privacy.accountants import (
    Accountant,
    PRVAccountant,
    RDPAccountant,
    create_accountant,
    get_noise_multiplier,
)
from fastnet.privacy.budget import PrivacyBudget
from fastnet.privacy.data_loader import DPDataLoader
from fastnet.privacy.engine import PrivacyEngine
from fastnet.privacy.validator import ModuleValidator

__all__ = ["Accountant", "DPDataLoader", "ModuleValidator", "PRVAccountant", "PrivacyBudget", "PrivacyEngine",
           "RDPAccountant", "create_accountant", "get_noise_multiplier"]

_name_none(globals())
