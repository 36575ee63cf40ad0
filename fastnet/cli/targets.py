"""The target or the targets of a training, seen alike."""
from __future__ import annotations

from typing import Any, TypeAlias

from fastnet import data

__all__ = ["AnyTargetPreparation", "classes_of", "outputs_of", "targets_of"]

AnyTargetPreparation: TypeAlias = "data.TargetPreparation | data.MultiTargetPreparation"


def targets_of(target: AnyTargetPreparation) -> dict[str | None, data.TargetPreparation]:
    """{column: its TargetPreparation} of each target; the name of a single target is None.

    Args:
        target: the preparation of one target or several.

    Example:
        >>> import fastnet
        >>> from fastnet.cli.targets import targets_of
        >>> list(targets_of(fastnet.data.TargetPreparation().fit(["yes", "no"])))
        [None]
    """
    return getattr(target, "targets", None) or {None: target}


def classes_of(target: AnyTargetPreparation) -> list[Any]:
    """The classes of a single target.

    Args:
        target: its fitted preparation.

    Example:
        >>> import fastnet
        >>> from fastnet.cli.targets import classes_of
        >>> classes_of(fastnet.data.TargetPreparation().fit(["yes", "no"]))
        ['no', 'yes']
    """
    [single] = targets_of(target).values()
    return list(single.classes or ())


def outputs_of(target: AnyTargetPreparation) -> int:
    """Number of outputs per sample that a model needs.

    Args:
        target: the fitted preparation of the target or targets.

    Example:
        >>> import fastnet
        >>> from fastnet.cli.targets import outputs_of
        >>> outputs_of(fastnet.data.TargetPreparation().fit(["yes", "no", "maybe"]))
        3
    """
    return len(classes_of(target)) if target.task == "classification" else len(targets_of(target))
