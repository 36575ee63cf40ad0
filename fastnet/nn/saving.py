"""Saving and loading of models and tensors in safetensors files."""
from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import one_of
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet._io.tensor_file import check_brackets, naming, parse_json, read_tensors, read_texts, write_tensors
from fastnet.nn.module import Module
from fastnet.nn.nested import NESTED, pack, unpack

if TYPE_CHECKING:
    from types import ModuleType

    from fastnet._core.annotations import Array, StrPath

    _M = TypeVar("_M", bound=Module)

__all__ = ["FORMAT", "is_described", "load", "load_described", "load_file", "load_into", "load_metadata", "save",
           "save_file"]

FORMAT = 1                              # of the description of a model; this version reads formats up to this one
_NARROW = "float16", "bfloat16"
_ABOUT = "fastnet"                      # the file's text that holds the model's architecture and the user's metadata


def save(model: Module, path: StrPath, metadata: dict[str, Any] | None = None, dtype: str | None = None) -> None:
    """Write a model to a file: see `Module.save`.

    Args:
        model: the model.
        path: of the file.
        metadata: a dictionary of JSON values.
        dtype: "float16" or "bfloat16", to which the floating-point numbers are rounded in the file.
    """
    forbid_in_recording("save()")
    if dtype not in (None, *_NARROW):
        raise one_of("save: dtype", dtype, _NARROW)
    about = {"format": FORMAT, "class": type(model).__name__}
    try:
        about |= _additions().describe_with_additions(model)
    except ValueError as e:
        about["reason"] = str(e)
    if metadata is not None:
        about["metadata"] = _metadata_text(metadata)        # text within text: a description's limits do not apply
    text = json.dumps(about, separators=(",", ":"), allow_nan=False)
    write_tensors(path, {key: x._data for key, x in _state_dict_of(model).items()}, {_ABOUT: text}, dtype)
    if "reason" in about and all(type(part).__module__.startswith("fastnet.") for part in model.modules()):
        warnings.warn(f"save: {os.fsdecode(path)} has the weights, but not the architecture ({about['reason']}); "
                      "fastnet.load(path, model=model) loads it into an equal model", stacklevel=3)


def _additions() -> ModuleType:
    """The module `fastnet.nn.additions`, imported when first used to keep `import fastnet` fast."""
    from fastnet.nn import additions
    return additions


def _state_dict_of(model: Module) -> dict[str, Tensor]:
    try:
        return model.state_dict()
    except RecursionError:
        raise ValueError(f"save: the modules of this {type(model).__name__} are nested too deep to be written; does "
                         "one of them contain itself?") from None


def _metadata_text(metadata: dict[str, Any]) -> str:
    if not isinstance(metadata, dict):
        raise TypeError(f"save: expected metadata to be a dictionary, got {type(metadata).__name__}")
    try:
        text = json.dumps(metadata, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as e:
        raise ValueError(f"save: expected metadata that JSON can hold: {e}") from None
    if json.loads(text) != metadata:
        raise ValueError("save: JSON cannot represent the metadata exactly: it has tuples, or keys that are not "
                         "strings")
    return text


@overload
def load(path: StrPath, model: None = None) -> Module: ...
@overload
def load(path: StrPath, model: _M) -> _M: ...
def load(path: StrPath, model: Module | None = None) -> Module:
    """Load a model from a file, in evaluation mode.

    Without `model`, the file must come from `Module.save`; with `model`, it may be any safetensors file, such as
    PyTorch's. No code in a file is executed, and a damaged or malicious file is an error.

    Args:
        path: of the file.
        model: a Module that receives the weights, cast to its dtypes; without it, the file must hold the architecture.

    Returns:
        The model.

    Raises:
        ValueError: the file is damaged or holds no architecture; the message names the file.
        RuntimeError: keys or shapes of the model and the file differ; the message lists the first ten of each kind, and
            the model is unchanged.
        OSError: the file cannot be read.

    Example:
        >>> import fastnet, os, tempfile
        >>> from fastnet import nn
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     nn.Sequential(nn.Linear(2, 3), nn.ReLU()).save(path)
        ...     fastnet.load(path)
        Sequential(
          (0): Linear(in_features=2, out_features=3, bias=True)  # weight (3, 2), bias (3,)
          (1): ReLU()
        )  # 9 parameters
    """
    forbid_in_recording("load()")
    arrays, texts = read_tensors(path)
    if model is not None:
        return load_into(model, path, arrays)
    with naming(path):
        return _additions().build_with_additions(_description(texts), arrays)


def load_described(path: StrPath) -> tuple[Module, dict[str, Any]]:
    """Load a model and its metadata in one read, so that both come from the same version of the file.

    Args:
        path: of the file.

    Raises:
        ValueError, OSError: as in `load` and `load_metadata`.

    Example:
        >>> import fastnet, os, tempfile
        >>> from fastnet.nn.saving import load_described
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     fastnet.nn.Tanh().save(path, metadata={"accuracy": 0.98})
        ...     load_described(path)
        (Tanh(), {'accuracy': 0.98})
    """
    forbid_in_recording("load_described()")
    arrays, texts = read_tensors(path)
    with naming(path):
        return _additions().build_with_additions(_description(texts), arrays), _metadata(texts)


def _about(texts: Mapping[str, str]) -> dict[str, Any]:
    """The parsed description of the model in a file's texts."""
    subject = "the description of the model"
    check_brackets(texts[_ABOUT].encode("utf-8", "replace"), subject)
    about = parse_json(texts[_ABOUT], subject)
    if not isinstance(about, dict) or type(about.get("format")) is not int or about["format"] < 1:
        raise ValueError(f"{subject} is damaged: it has no format")
    if about["format"] > FORMAT:
        raise ValueError(f"the file has format {about['format']} of a newer version of fastnet; this version reads "
                         f"formats up to {FORMAT}")
    return about


def is_described(texts: Mapping[str, str]) -> bool:
    """Whether the texts in a file's header are of a file that `Module.save` wrote."""
    return _ABOUT in texts


def _description(texts: Mapping[str, str]) -> Any:
    """The description of a model in a file's texts, with its architecture."""
    if _ABOUT not in texts:
        raise ValueError("the file holds only tensors, no architecture: create the model and call "
                         "fastnet.load(path, model=model)")
    about = _about(texts)
    if "model" not in about:
        name, reason = (about[x] if isinstance(about.get(x), str) else "?" for x in ("class", "reason"))
        raise ValueError(f"the file holds the weights of a model of class {name!r}, but not its architecture "
                         f"({reason}): create the model and call fastnet.load(path, model=model)")
    return about


def load_into(model: _M, path: StrPath, arrays: dict[str, Array]) -> _M:
    """Load arrays into a model by name, and set it to evaluation mode; errors name the file.

    Args:
        model: a Module, unchanged after an error.
        path: of the file that the arrays come from.
        arrays: arrays by the keys of the model's `state_dict`. A tied tensor may be there under only one of its keys.

    Raises:
        ValueError, RuntimeError: as in `load`.
    """
    if not isinstance(model, Module):
        raise TypeError(f"load: expected model to be a Module, got {type(model).__name__}")
    own = model.state_dict(keep_vars=True)
    places = {x: key for key, x in own.items() if key in arrays}
    for key, x in own.items():          # other programs write a tied tensor only once
        if key not in arrays and x in places:
            arrays[key] = arrays[places[x]]
    try:
        model.load_state_dict(arrays)
    except TypeError as e:
        raise ValueError(f"{os.fsdecode(path)}: {e}") from None
    except RuntimeError as e:
        raise RuntimeError(f"{os.fsdecode(path)}: {e}") from None
    return model.eval()


def load_metadata(path: StrPath) -> dict[str, Any]:
    """Load the metadata that was passed to `Module.save`, without reading the tensors; {} if there was none.

    Args:
        path: of the file.

    Raises:
        ValueError: the file is damaged; the message names it.
        OSError: the file cannot be read.

    Example:
        >>> import fastnet, os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     fastnet.nn.Linear(2, 3).save(path, metadata={"accuracy": 0.98})
        ...     fastnet.load_metadata(path)
        {'accuracy': 0.98}
    """
    texts = read_texts(path)
    with naming(path):
        return _metadata(texts)


def _metadata(texts: Mapping[str, str]) -> dict[str, Any]:
    """The user's metadata in a file's texts."""
    text = _about(texts).get("metadata", "{}") if _ABOUT in texts else "{}"
    found = parse_json(text, "its metadata") if isinstance(text, str) else text
    if not isinstance(found, dict):
        raise ValueError(f"expected its metadata to be a dictionary, got {type(found).__name__}")
    return found


def save_file(tensors: Mapping[str, Any], path: StrPath) -> None:
    """Write a dictionary of tensors to a safetensors file; the file is replaced completely or not at all.

    The dictionary may be nested, such as the state of an optimizer or a learning-rate schedule: dictionaries, lists and
    tuples of tensors, numbers, strings and None. Everything except tensors is written as JSON into the file's metadata.

    Args:
        tensors: tensors or arrays by name, a `state_dict()`, or a dictionary of several.
        path: of the file.

    Raises:
        TypeError: not a dictionary, or a value in it has another type; the message says where.
        ValueError: a dictionary that contains itself.
        OSError: the disk is full or the folder is missing; the message names the file, and an existing file is
            unchanged.

    Example:
        >>> import fastnet, os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "tensors.safetensors")
        ...     fastnet.save_file({"x": fastnet.ones(2)}, path)
        ...     fastnet.load_file(path)
        {'x': tensor([1., 1.])}
        >>> optimizer = fastnet.optim.SGD([fastnet.ones(2, requires_grad=True)], lr=0.5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "optimizer.safetensors")
        ...     fastnet.save_file(optimizer.state_dict(), path)
        ...     optimizer.load_state_dict(fastnet.load_file(path))
    """
    forbid_in_recording("save_file()")
    if not isinstance(tensors, Mapping):
        raise TypeError(f"save_file: expected a dictionary of tensors, got {type(tensors).__name__}")
    if all(isinstance(name, str) and isinstance(x, Tensor | np.ndarray) for name, x in tensors.items()):
        arrays = {name: x._data if isinstance(x, Tensor) else x for name, x in tensors.items()}
        write_tensors(path, arrays, {})
        return
    text, arrays = pack(dict(tensors), "save_file")
    write_tensors(path, arrays, {NESTED: text})


def load_file(path: StrPath) -> dict[str, Any]:
    """Load the dictionary that `save_file` wrote, or the tensors of any safetensors file by name.

    float16 and bfloat16 are converted to float32.

    Args:
        path: of the file.

    Raises:
        ValueError: the file is damaged, or has a tensor whose dtype fastnet does not have; the message names the file.
        OSError: the file cannot be read.

    Example:
        See `save_file`.

        >>> import fastnet
        >>> fastnet.load_file("missing.safetensors")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: 'missing.safetensors'
    """
    forbid_in_recording("load_file()")
    arrays, texts = read_tensors(path)
    with naming(path):
        if NESTED in texts:
            subject = "its nested dictionary"
            found = unpack(parse_json(texts[NESTED], subject), arrays, subject)
            if not isinstance(found, dict):
                raise ValueError(f"{subject} is damaged: it is a {type(found).__name__}")
            return found
        try:
            return {name: from_numpy(array) for name, array in arrays.items()}
        except TypeError as e:
            raise ValueError(str(e)) from None
