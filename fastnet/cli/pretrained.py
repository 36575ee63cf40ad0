"""`fastnet train --pretrained FILE --freeze`: training that begins with the weights of a file."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fastnet import nn
from fastnet.cli.errors import WrongUseError
from fastnet.cli.networks import require_fit
from fastnet.nn.saving import load_metadata

__all__ = ["ALL_BUT_HEAD", "pretrained_network", "pretrained_settings", "training_text"]

ALL_BUT_HEAD = "all but the head"       # the value of --freeze without a pattern
# Mean and standard deviation of the pixels of ImageNet, on which the networks of torchvision and timm were trained.
_IMAGENET_MEAN, _IMAGENET_STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def pretrained_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that --pretrained and --freeze give: {} without --pretrained.

    Args:
        args: of `fastnet train`; its model is set to the file's.

    Raises:
        WrongUseError: --freeze without --pretrained, or another model than the file's.
        ValueError, OSError: the file cannot be read, or its network is unknown.
    """
    if args.pretrained is None:
        if args.freeze:
            raise WrongUseError("--freeze needs --pretrained FILE: layers with random weights cannot stay frozen")
        return {}
    from fastnet.models.pretrained.architectures import name_of
    from fastnet.models.pretrained.files import read_weights
    name = name_of(read_weights(args.pretrained))
    if args.model not in (None, name):
        raise WrongUseError(f"{args.pretrained} has the weights of {name}: leave out --model {args.model}")
    args.model = name
    return {"pretrained": args.pretrained, "freeze": list(args.freeze)} | _pixels(args.pretrained)


def _pixels(path: str) -> dict[str, Any]:
    """How the images of a training were standardised, and their size if `fastnet train` wrote the file."""
    try:
        inputs = load_metadata(path).get("inputs", {})
    except OSError:                     # a folder or a repository
        inputs = {}
    if inputs.get("kind") != "photos":
        return {"mean": _IMAGENET_MEAN, "std": _IMAGENET_STD}
    return {name: inputs[name] for name in ("mean", "std", "size")}


def pretrained_network(settings: dict[str, Any], shape: Sequence[int], outputs: int) -> nn.Module:
    """The network of a file with a new head, of which --freeze has frozen a part.

    Args:
        settings: see `settings_of`.
        shape: of an image, (C, H, W).
        outputs: number of classes.

    Raises:
        ValueError: the network does not take such images, a pattern of --freeze matches nothing, or all is frozen.
    """
    from fastnet.models import load_pretrained
    from fastnet.models.heads import head_of
    from fastnet.transfer import freeze, replace_head, unfreeze
    model = load_pretrained(settings["pretrained"])
    replace_head(model, outputs)
    require_fit(model, settings["pretrained"], shape, outputs)
    patterns = settings["freeze"]
    head = head_of(model)
    if ALL_BUT_HEAD in patterns and head is not None:
        freeze(model)
        unfreeze(model, head)
    named = [pattern for pattern in patterns if pattern != ALL_BUT_HEAD]
    if named:
        freeze(model, named)
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(f"--freeze {' '.join(named)} leaves nothing to train, not even the new head {head!r}; "
                         "--freeze alone freezes all but the head")
    return model.train()


def training_text(model: nn.Module, settings: dict[str, Any]) -> list[str]:
    """A line about the weights that a training begins with; none without --pretrained.

    Args:
        model: the model.
        settings: see `settings_of`.
    """
    if "pretrained" not in settings:
        return []
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return [f"weights from {settings['pretrained']}, a new head; {trained:,} of {total:,} parameters are trained"]
