"""Features: what layers inside a model compute."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet._replay.compiled import Compiled
from fastnet.nn.evaluation import evaluating
from fastnet.transfer.patterns import as_patterns, require_match, require_module

if TYPE_CHECKING:
    from fastnet.transfer.patterns import Patterns

__all__ = ["Tapped", "arguments_noted", "calls_noted", "features"]


class Tapped:
    """A model that returns the outputs of some of its layers as well.

    Args:
        name: of the function that needs them, for errors.
        model: the model; its layers get hooks, until `remove`.
        paths: of the layers.
    """

    def __init__(self, name: str, model: nn.Module, paths: Sequence[str]) -> None:
        self._name, self._model, self.paths = name, model, tuple(paths)
        self._calls: dict[str, list[Any]] = {}
        self._handles = [model.get_submodule(path).register_forward_hook(self._noting(path))
                         for path in dict.fromkeys(paths)]

    def _noting(self, path: str) -> Any:
        return lambda module, args, output: self._calls.setdefault(path, []).append(output)

    def __call__(self, *inputs: Tensor) -> tuple[Any, list[Any]]:
        """The model's output, and those of the layers.

        Raises:
            ValueError: the model calls a layer several times or not at all.
        """
        try:
            output = self._model(*inputs)
            return output, [_only(self._name, path, self._calls.get(path, ())) for path in self.paths]
        finally:
            self._calls.clear()

    def remove(self) -> None:
        """Remove the hooks."""
        while self._handles:
            self._handles.pop().remove()


def features(model: nn.Module, x: Tensor | Sequence[Tensor], layers: Patterns) -> dict[str, Any]:
    """Run a model and return the outputs of layers inside it.

    The model runs eagerly, in its present mode, and gradients are recorded unless `no_grad` is active.

    Args:
        model: a Module.
        x: its input; a tuple or list of several.
        layers: one or several paths or patterns of modules, such as "layer4" or "layer[1-4]". Unlike in `freeze`, a
            pattern selects the modules that it matches, not those inside them.

    Returns:
        {path: output} in the order of the model's modules.

    Raises:
        TypeError: the model is not a Module.
        ValueError: a pattern matches no module, or the model calls a selected module several times or not at all.

    Example:
        >>> import fastnet
        >>> from fastnet.transfer import features
        >>> model = fastnet.models.resnet18(small_images=True).eval()
        >>> found = features(model, fastnet.zeros(1, 3, 32, 32), ["layer[34]", "avgpool"])
        >>> {path: output.shape for path, output in found.items()}
        {'layer3': (1, 256, 8, 8), 'layer4': (1, 512, 4, 4), 'avgpool': (1, 512, 1, 1)}
    """
    require_module("features", model)
    paths = _matched(model, as_patterns("features", layers))
    tapped = Tapped("features", _eager(model), paths)
    try:
        _, outputs = tapped(*(x if isinstance(x, tuple | list) else (x,)))
    finally:
        tapped.remove()
    return dict(zip(paths, outputs, strict=True))


def _matched(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """The paths of the modules whose whole path a pattern matches."""
    from fnmatch import fnmatchcase
    paths = [path for path, _ in model.named_modules() if path]
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in paths):
            require_match("features", model, [pattern])         # which suggests paths
            raise ValueError(f"features: {pattern!r} is a parameter, expected a module")
    return [path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns)]


def _eager(model: nn.Module) -> Any:
    """The module of a compiled one, whose recordings must not keep tensors; else the module itself."""
    return model.fn if isinstance(model, Compiled) else model


def _only(name: str, path: str, calls: Sequence[Any]) -> Any:
    if len(calls) != 1:
        times = f"calls {path!r} {len(calls)} times" if calls else f"does not call {path!r}"
        raise ValueError(f"{name}: expected a layer that the model calls once; it {times}")
    return calls[0]


@contextmanager
def calls_noted(model: nn.Module) -> Iterator[list[str]]:
    """Context in which the paths of the modules that a model calls are noted.

    Args:
        model: the model, which runs eagerly.

    Returns:
        A list that each call of a module extends.
    """
    calls: list[str] = []

    def noting(path: str) -> Any:
        return lambda module, args: calls.append(path)
    handles = [module.register_forward_pre_hook(noting(path)) for path, module in _eager(model).named_modules()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def arguments_noted(model: nn.Module, path: str) -> Iterator[Any]:
    """Context in which a model runs without gradients and in evaluation mode, and the input of a module is noted.

    Args:
        model: the model, whose modes are restored.
        path: of the module.

    Returns:
        A function of the model's inputs that returns the module's input.

    Raises:
        AttributeError: there is no module at the path.
        ValueError: the model calls the module several times or not at all; raised by the function.
    """
    calls: list[Any] = []
    eager = _eager(model)
    handle = model.get_submodule(path).register_forward_pre_hook(lambda module, args: calls.append(args[0]))

    def run(*inputs: Tensor) -> Any:
        calls.clear()
        eager(*inputs)
        return _only("cache_features", path, calls)
    try:
        with evaluating(model):
            yield run
    finally:
        handle.remove()
