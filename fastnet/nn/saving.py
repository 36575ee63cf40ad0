"""Models and tensors in safetensors files: what `Module.save`, `fastnet.load` and their kin do."""
import json
import os
from collections.abc import Mapping

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet._io.tensor_file import check_brackets, naming, parse_json, read_tensors, read_texts, write_tensors
from fastnet.nn import Module, architecture
from fastnet.nn.nested import pack, unpack

FORMAT = 1                              # of what this version writes about a model; it reads all up to this one
_NESTED = "fastnet.nested"              # the text about a nested dictionary
_ABOUT = "fastnet"                      # the text about the model, with what the caller adds


def save(model, path, metadata=None):
    """Write a model into a file; see `Module.save`."""
    forbid_in_recording("save()")
    about = {"format": FORMAT, "class": type(model).__name__}
    try:
        about["model"] = architecture.describe(model)
    except ValueError as e:
        about["reason"] = str(e)
    if metadata is not None:
        about["metadata"] = _metadata_text(metadata)        # a text in the text: not held to a description's bounds
    text = json.dumps(about, separators=(",", ":"), allow_nan=False)
    write_tensors(path, {key: x._data for key, x in _state(model).items()}, {_ABOUT: text})


def _state(model):
    try:
        return model.state_dict()
    except RecursionError:
        raise ValueError(f"save: a {type(model).__name__} whose modules are nested without end cannot be written; is "
                         "one of them inside itself?") from None


def _metadata_text(metadata):
    if not isinstance(metadata, dict):
        raise TypeError(f"save: expected metadata to be a dictionary, got {type(metadata).__name__}")
    try:
        text = json.dumps(metadata, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as e:
        raise ValueError(f"save: metadata is not what JSON can hold: {e}") from None
    if json.loads(text) != metadata:
        raise ValueError("save: metadata would come back from JSON as something else: it has tuples, or keys that are "
                         "no strings")
    return text


def load(path, model=None):
    """The model in a file, in evaluation mode.

    Reads what `Module.save` wrote, and with `model` every safetensors file, such as PyTorch's. Nothing in a file is
    executed, and a damaged one, or one that somebody made to do harm, is an error.

    Args:
        path: of the file.
        model: a Module whose weights are to be replaced by the file's, cast to its dtypes. Without, the file must hold
            the architecture.

    Returns:
        The model.

    Raises:
        ValueError: naming the file: it is damaged, or holds no architecture.
        RuntimeError: the keys or shapes of the model's tensors are not the file's. All are listed, shapes both, and the
            model is as it was.
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
        return _load_into(model, path, arrays)
    with naming(path):
        return architecture.build(_description(texts), arrays)


def load_described(path):
    """(the model in a file, its metadata) of one reading: between two the file may be replaced.

    Args, errors: those of `load` and `load_metadata`.

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
        return architecture.build(_description(texts), arrays), _metadata(texts)


def _about(texts):
    """What a file's texts say about the model."""
    what = "what it says about the model"
    check_brackets(texts[_ABOUT].encode("utf-8", "replace"), what)
    about = parse_json(texts[_ABOUT], what)
    if not isinstance(about, dict) or type(about.get("format")) is not int or about["format"] < 1:
        raise ValueError(f"{what} is damaged: it has no format")
    if about["format"] > FORMAT:
        raise ValueError(f"was written by a newer version of fastnet: format {about['format']}, and this version reads "
                         f"formats up to {FORMAT}")
    return about


def _description(texts):
    """The description of a model in a file's texts."""
    if _ABOUT not in texts:
        raise ValueError("holds tensors alone, without an architecture: make the model and call "
                         "fastnet.load(path, model=model)")
    about = _about(texts)
    if "model" not in about:
        name, reason = (about[x] if isinstance(about.get(x), str) else "?" for x in ("class", "reason"))
        raise ValueError(f"holds the weights of a model of class {name!r}, but not its architecture ({reason}): "
                         "make the model and call fastnet.load(path, model=model)")
    return about["model"]


def _load_into(model, path, arrays):
    if not isinstance(model, Module):
        raise TypeError(f"load: expected model to be a Module, got {type(model).__name__}")
    own = model.state_dict(keep_vars=True)
    places = {x: key for key, x in own.items() if key in arrays}
    for key, x in own.items():          # files of other programs hold what is tied once
        if key not in arrays and x in places:
            arrays[key] = arrays[places[x]]
    try:
        model.load_state_dict(arrays)
    except TypeError as e:
        raise ValueError(f"{os.fsdecode(path)}: {e}") from None
    except RuntimeError as e:
        raise RuntimeError(f"{os.fsdecode(path)}: {e}") from None
    return model.eval()


def load_metadata(path):
    """The dictionary that `Module.save` was given as metadata; empty if there was none. The tensors are not read.

    Args:
        path: of the file.

    Raises:
        ValueError: naming the file: it is damaged.
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


def _metadata(texts):
    """What the caller added, in a file's texts."""
    text = _about(texts).get("metadata", "{}") if _ABOUT in texts else "{}"
    found = parse_json(text, "its metadata") if isinstance(text, str) else text
    if not isinstance(found, dict):
        raise ValueError(f"its metadata is a {type(found).__name__}, expected a dictionary")
    return found


def save_file(tensors, path):
    """Write a dictionary of tensors into a safetensors file, which is replaced whole or not at all.

    The state of an optimizer or of a schedule is written too: dictionaries, lists and tuples may be nested, with
    numbers, strings and None among the tensors. These go as JSON into the file's metadata.

    Args:
        tensors: from names to tensors or arrays, or nested: a `state_dict()`, or a dictionary of several.
        path: of the file.

    Raises:
        TypeError: no dictionary, or a value of another type in it; the message says where.
        ValueError: a dictionary that is inside itself.
        OSError: naming the file: the disk is full, the folder is missing. An old file is as it was.

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
    write_tensors(path, arrays, {_NESTED: text})


def load_file(path):
    """What `save_file` wrote, or the tensors of another safetensors file by name. float16 and bfloat16 become float32.

    Args:
        path: of the file.

    Raises:
        ValueError: naming the file: it is damaged, or has a tensor of a dtype that fastnet has none for.
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
        if _NESTED in texts:
            what = "its nested dictionary"
            found = unpack(parse_json(texts[_NESTED], what), arrays, what)
            if not isinstance(found, dict):
                raise ValueError(f"{what} is damaged: it is a {type(found).__name__}")
            return found
        try:
            return {name: from_numpy(array) for name, array in arrays.items()}
        except TypeError as e:
            raise ValueError(str(e)) from None
