"""Learning rates by layer."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnet import nn
from fastnet._core.errors import at_least_zero, given_text
from fastnet.transfer.patterns import is_below, require_match

__all__ = ["parameter_groups"]


def parameter_groups(model: nn.Module, rates: Mapping[str, float], lr: float | None = None) -> list[dict[str, Any]]:
    """The parameters of a model in groups for an optimizer, each with its own learning rate.

    Frozen parameters are in their groups, too, so that they can be unfrozen later; they cost an optimizer nothing.

    Args:
        model: a Module.
        rates: {pattern: learning rate}; patterns are those of `freeze`. A parameter belongs to the first pattern that
            matches it.
        lr: learning rate of the parameters that no pattern matches; None: the optimizer's.

    Returns:
        A list of {"params": parameters, "lr": rate}, in the order of `rates`, the other parameters last.

    Raises:
        ValueError: a pattern matches nothing, or only what an earlier one matches; or a negative rate.
        TypeError: the model is not a Module, rates are not a dictionary, or a rate is not a number.

    Example:
        >>> import fastnet
        >>> from fastnet.transfer import parameter_groups
        >>> model = fastnet.models.resnet18(num_classes=2)
        >>> groups = parameter_groups(model, {"fc": 1e-2, "layer4": 1e-3}, lr=1e-4)
        >>> [(len(group["params"]), group["lr"]) for group in fastnet.optim.SGD(groups).param_groups]
        [(2, 0.01), (15, 0.001), (45, 0.0001)]
    """
    if not isinstance(rates, Mapping):
        raise TypeError(f"parameter_groups: expected rates {{pattern: learning rate}}, got {given_text(rates)}")
    for pattern, rate in (*rates.items(), *([] if lr is None else [("lr", lr)])):
        at_least_zero(f"the learning rate of {pattern!r}", rate)
    require_match("parameter_groups", model, list(rates))
    rest = dict(model.named_parameters())
    groups: list[dict[str, Any]] = []
    for pattern, rate in rates.items():
        found = {path: p for path, p in rest.items() if is_below(path, pattern)}
        if not found:
            raise ValueError(f"parameter_groups: the pattern {pattern!r} matches only what an earlier one matches, or "
                             "modules without parameters")
        groups.append({"params": list(found.values()), "lr": rate})
        rest = {path: p for path, p in rest.items() if path not in found}
    if rest:
        groups.append({"params": list(rest.values())} | ({} if lr is None else {"lr": lr}))
    return groups
