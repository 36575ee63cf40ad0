"""`load_pretrained`, and the argument `weights` of the functions of `fastnet.models`."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from fastnet import nn
from fastnet._core.errors import given_text
from fastnet._core.state import forbid_in_recording
from fastnet.models.heads import head_of
from fastnet.models.pretrained.architectures import model_of
from fastnet.models.pretrained.files import WeightFile, read_weights
from fastnet.models.pretrained.names import by_own_names, with_absent
from fastnet.nn.saving import is_described, load, load_into

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

    _M = TypeVar("_M", bound=nn.Module)

__all__ = ["load_pretrained", "with_weights"]


@overload
def load_pretrained(path_or_repo: StrPath, model: None = None, *, revision: str | None = None) -> nn.Module: ...
@overload
def load_pretrained(path_or_repo: StrPath, model: _M, *, revision: str | None = None) -> _M: ...
def load_pretrained(path_or_repo: StrPath, model: nn.Module | None = None, *,
                    revision: str | None = None) -> nn.Module:
    """Load weights that were trained elsewhere, in evaluation mode: of torchvision, timm or Hugging Face.

    Without `model`, the model follows from the file: from the config.json beside it, or from the names and shapes of
    its tensors. A file that `Module.save` wrote is loaded as `fastnet.load` does. Weights in float16 and bfloat16
    become float32. No code in a file is executed.

    Known are the models of torchvision that `fastnet.models` has; of timm, ResNet, ResNeXt, Wide ResNet, DenseNet-121,
    Inception V3, VGG, MobileNetV2, EfficientNet-B0 and ViT; of Hugging Face, BERT, GPT-2 and ViT, whose number of heads
    only config.json tells.

    Args:
        path_or_repo: a safetensors file; a folder with model.safetensors (or several, with an index) and config.json;
            or "owner/name", a repository of the Hugging Face Hub, which is downloaded if huggingface_hub is installed.
        model: a Module that receives the weights.
        revision: branch, tag or commit of a repository.

    Returns:
        The model.

    Raises:
        FileNotFoundError: there is no such file, and the text is not the name of a repository.
        ValueError: the file is damaged, a pickle (.pth, .bin), or of a model that fastnet does not know.
        RuntimeError: names or shapes of the model and the file differ; the message lists the first ten of each kind,
            and the model is unchanged.
        ImportError: a repository, and huggingface_hub is not installed.

    Example:
        >>> import fastnet, os, tempfile
        >>> theirs = fastnet.models.resnet18(num_classes=10)            # stands for a file of torchvision
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "resnet18.safetensors")
        ...     fastnet.save_file(theirs.state_dict(), path)
        ...     model = fastnet.load_pretrained(path)
        >>> type(model).__name__, model.layers, model.num_classes
        ('ResNet', (2, 2, 2, 2), 10)
    """
    forbid_in_recording("load_pretrained()")
    if model is not None and not isinstance(model, nn.Module):
        raise TypeError(f"load_pretrained: expected model to be a Module, got {given_text(model)}")
    file = read_weights(path_or_repo, revision)
    if model is None:
        if is_described(file.texts):
            return load(path_or_repo)
        model = model_of(file)
    return _with_values_of(model, file)


def with_weights(model: _M, weights: StrPath | None) -> _M:
    """A new model, with weights from a file if there is one; it stays in training mode.

    Args:
        model: the model.
        weights: as `path_or_repo` of `load_pretrained`, or None.

    Raises:
        FileNotFoundError, ValueError, RuntimeError, ImportError: as `load_pretrained`.
    """
    return model if weights is None else _with_values_of(model, read_weights(weights)).train()


def _with_values_of(model: _M, file: WeightFile) -> _M:
    try:
        arrays = by_own_names(model, file.arrays)
    except ValueError as e:
        raise ValueError(f"{file.path}: {e}") from None
    arrays = with_absent(model, arrays, file.path)
    try:
        return load_into(model, file.path, arrays)
    except RuntimeError as e:
        raise RuntimeError(f"{e}{_head_advice(model, arrays)}") from None


def _head_advice(model: nn.Module, arrays: dict[str, Any]) -> str:
    """Advice for an error, if only the head has another shape."""
    own = model.state_dict()
    head = head_of(model)
    differing = [name for name in own if name in arrays and arrays[name].shape != own[name].shape]
    if own.keys() != arrays.keys() or not differing or not all(name.startswith(f"{head}.") for name in differing):
        return ""
    outputs = len(arrays[differing[0]])
    return (f"\n    the file has a head of {outputs} outputs: make the model with as many, and then call "
            f"fastnet.transfer.replace_head")
