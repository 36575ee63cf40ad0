"""Freezing: parts of a model that training does not change."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.state import forbid_in_recording
from fastnet.transfer.patterns import as_patterns, is_below, require_match

if TYPE_CHECKING:
    from fastnet.transfer.patterns import Patterns

__all__ = ["freeze", "unfreeze"]


def freeze(model: nn.Module, patterns: Patterns = "*") -> list[str]:
    """Freeze the parts of a model that patterns select: training no longer changes them.

    Their parameters record no gradients and drop those that they have, so an optimizer keeps no moments for them. Their
    modules stay in evaluation mode, also after `model.train()`: batch norm uses and keeps its running statistics, and
    dropout is off. So a frozen part computes the same for the same input, and its outputs can be cached (see
    `cache_features`).

    Model files keep which parameters record gradients; after `fastnet.load`, call `freeze` again for the modules.

    Args:
        model: a Module.
        patterns: one or several patterns of paths, as in a shell: "layer[1-3]" selects the modules layer1, layer2 and
            layer3 with all that they contain, "*.bias" each bias. By default everything.

    Returns:
        The paths of the frozen parameters.

    Raises:
        TypeError: the model is not a Module, or a pattern is not a string.
        ValueError: a pattern matches nothing; the message lists paths of the model.

    Example:
        >>> import fastnet
        >>> from fastnet.transfer import freeze
        >>> model = fastnet.models.resnet18(num_classes=2)
        >>> len(freeze(model, ["conv1", "bn1", "layer[1-3]"]))
        45
        >>> model.train().layer1[0].bn1.training, model.layer4[0].bn1.training
        (False, True)
        >>> model.layer1[0].conv1.weight.requires_grad
        False
    """
    return _set_frozen("freeze", model, patterns, True)


def unfreeze(model: nn.Module, patterns: Patterns = "*") -> list[str]:
    """Undo `freeze`: the selected parts learn again, in the mode (training or evaluation) of the whole model.

    Args:
        model, patterns: as of `freeze`.

    Returns:
        The paths of the parameters.

    Raises:
        TypeError: the model is not a Module, or a pattern is not a string.
        ValueError: a pattern matches nothing.

    Example:
        >>> import fastnet
        >>> from fastnet.transfer import freeze, unfreeze
        >>> model = fastnet.models.resnet8()
        >>> _ = freeze(model)
        >>> unfreeze(model, "fc")
        ['fc.weight', 'fc.bias']
    """
    return _set_frozen("unfreeze", model, patterns, False)


def _set_frozen(name: str, model: nn.Module, patterns: Patterns, frozen: bool) -> list[str]:
    forbid_in_recording(f"{name}()")
    chosen = as_patterns(name, patterns)
    require_match(name, model, chosen)

    def selected(path: str) -> bool:
        return any(is_below(path, pattern) for pattern in chosen)
    for path, module in model.named_modules(remove_duplicate=False):
        if selected(path):
            module._frozen = frozen
            module.training = not frozen and model.training
    parameters = [(path, p) for path, p in model.named_parameters(remove_duplicate=False) if selected(path)]
    for _, p in parameters:
        p.requires_grad_(not frozen)
        if frozen:
            p.grad = None
    return [path for path, _ in parameters]
