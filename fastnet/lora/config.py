"""The settings of an adapter, and their form in peft's adapter_config.json."""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastnet._core.errors import check_number, whole_number
from fastnet.functional.random import check_probability

__all__ = ["LoRAConfig"]

# Settings of peft that change the computation, with the values that an adapter of fastnet can have beside None. Other
# initial values of lora_A and lora_B, such as pissa's, are subtracted from the frozen weights, which peft changes.
_ALLOWED: Mapping[str, tuple[Any, ...]] = {
    "bias": ("none",), "rank_pattern": ({},), "alpha_pattern": ({},), "lora_bias": (False,), "use_qalora": (False,),
    "init_lora_weights": (True, False, "gaussian", "orthogonal", "eva"), "layer_replication": (),
    "trainable_token_indices": (), "megatron_config": (), "alora_invocation_tokens": (), "arrow_config": (),
    "target_parameters": ([],), "exclude_modules": ([],), "layers_to_transform": (), "use_bdlora": (False,),
    "velora_config": (), "monteclora_config": (), "kasa_config": (),
}


@dataclass(frozen=True)
class LoRAConfig:
    """The settings of an adapter; `fastnet.lora.apply` describes them.

    Raises:
        TypeError, ValueError: a value of the wrong type or out of range.

    Example:
        >>> from fastnet.lora.config import LoRAConfig
        >>> LoRAConfig(r=4, alpha=8).scale, LoRAConfig(r=4, alpha=8, rslora=True).scale
        (2.0, 4.0)
    """

    r: int = 8
    alpha: float = 8
    target_modules: str | Sequence[str] | None = None
    dropout: float = 0.0
    rslora: bool = False
    dora: bool = False
    modules_to_save: Sequence[str] = ()

    def __post_init__(self) -> None:
        whole_number("r", self.r, 1)
        check_number("alpha", self.alpha)
        if not math.isfinite(self.alpha):
            raise ValueError(f"lora: expected a finite alpha, got {self.alpha}")
        check_probability("lora", self.dropout)
        for name in ("target_modules", "modules_to_save"):
            given: Any = getattr(self, name)
            if name == "modules_to_save" or not isinstance(given, str | None):
                object.__setattr__(self, name, _as_names(name, given))

    @property
    def scale(self) -> float:
        """The factor of the low-rank product: alpha / r, and alpha / sqrt(r) with `rslora`."""
        return self.alpha / (math.sqrt(self.r) if self.rslora else self.r)

    def as_peft(self, target_modules: str | list[str], fan_in_fan_out: bool) -> dict[str, Any]:
        """The contents of adapter_config.json.

        Args:
            target_modules: the layers of the adapter, as peft selects them.
            fan_in_fan_out: whether their weights are (inputs, outputs).
        """
        classifies = "classifier" in self.modules_to_save
        return {
            "peft_type": "LORA", "task_type": "SEQ_CLS" if classifies else None, "base_model_name_or_path": None,
            "inference_mode": True, "r": self.r, "lora_alpha": self.alpha, "lora_dropout": self.dropout,
            "target_modules": target_modules, "modules_to_save": list(self.modules_to_save) or None, "bias": "none",
            "fan_in_fan_out": fan_in_fan_out, "init_lora_weights": True, "use_rslora": self.rslora,
            "use_dora": self.dora,
        }

    @classmethod
    def from_peft(cls, document: Any) -> LoRAConfig:
        """The settings in the contents of an adapter_config.json.

        The class of each layer tells whether its weight is (inputs, outputs), so `fan_in_fan_out` is not read.

        Args:
            document: of the file, as JSON data.

        Raises:
            ValueError: another method than LoRA, or a setting that fastnet does not have.
        """
        kind = document.get("peft_type") if isinstance(document, dict) else None
        if kind != "LORA":
            raise ValueError(f"expected the adapter_config.json of a LoRA adapter, got peft_type {kind!r}")
        for name, values in _ALLOWED.items():
            if document.get(name) not in (None, *values):
                raise ValueError(f"the adapter has the setting {name}={document[name]!r}, which fastnet does not have")
        targets: Any = document.get("target_modules")
        return cls(document.get("r", 8), document.get("lora_alpha", 8), targets, document.get("lora_dropout", 0.0),
                   document.get("use_rslora") or False, document.get("use_dora") or False,
                   document.get("modules_to_save") or ())


def _as_names(argument: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"expected {argument} to be a sequence of names, got {given!r}")
    names = tuple(given)
    if not all(isinstance(name, str) and name for name in names):
        raise TypeError(f"expected {argument} to hold names, got {names!r}")
    return names
