"""`torch.jit` as with PYTORCH_JIT=0 in PyTorch: scripts are not compiled, functions and modules remain as they are."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["Final", "export", "freeze", "ignore", "interface", "is_scripting", "is_tracing", "load",
           "optimize_for_inference", "save",
           "script", "trace", "unused"]


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """The function, class or module unchanged."""
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or module unchanged."""
    return func


export = unused = interface = freeze = optimize_for_inference = script


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A decorator that returns the function unchanged."""
    return drop if callable(drop) else script


def is_scripting() -> bool:
    """Whether a script is being compiled: no."""
    return False


is_tracing = is_scripting


class Final:
    """The annotation of a constant attribute: `Final[int]` is int."""

    def __class_getitem__(cls, kind: Any) -> Any:
        return kind


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raise an error: there is no TorchScript."""
    raise RuntimeError("torch.jit.save: fastnet does not write TorchScript; save the weights with "
                       "torch.save(model.state_dict(), path)")


def load(f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raise an error: there is no TorchScript."""
    raise RuntimeError("torch.jit.load: fastnet does not read TorchScript; load the file in PyTorch once and write the "
                       "weights with safetensors.torch.save_file(model.state_dict(), path)")
