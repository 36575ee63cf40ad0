"""`torch.save` and `torch.load`: nested containers of tensors and plain values in safetensors files."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.placement import check_placement
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet._io.atomic import replacing
from fastnet._io.tensor_file import encoded_tensors, is_pickle, naming, parse_json, parse_tensors
from fastnet.nn.module import Module
from fastnet.nn.nested import NESTED, pack, unpack

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]

_CONVERT = ("python -c \"import torch, fastnet.torch; fastnet.torch.save(torch.load({0!r}, map_location='cpu', "
            "weights_only=True), {1!r})\"")


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2,
         _use_new_zipfile_serialization: bool = True) -> None:
    """Write a nested container of tensors to a file, which is replaced completely or not at all.

    The file is a safetensors file, whose metadata hold the structure as JSON. A dictionary of tensors, such as a
    `state_dict()`, can be read by every program that reads safetensors.

    Args:
        obj: dictionaries, lists, tuples, sets, `argparse.Namespace`, tensors, NumPy arrays, dtypes, numbers, strings
            and None; tensors of PyTorch are converted.
        f: a path or a file that is open for writing bytes.
        pickle_module, pickle_protocol: accepted and ignored: nothing is pickled.

    Raises:
        TypeError: an object of another class; the message says where.
        OSError: the disk is full or the folder is missing; the message names the file, and an existing file is
            unchanged.

    Example:
        >>> import io, fastnet.torch as torch
        >>> file = io.BytesIO()
        >>> torch.save({"epoch": 3, "sizes": (2, 4), "weights": torch.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> torch.load(file)
        {'epoch': 3, 'sizes': (2, 4), 'weights': tensor([1., 1.])}
    """
    forbid_in_recording("save()")
    if isinstance(obj, Module):
        raise TypeError(f"torch.save: a {type(obj).__name__} itself cannot be written without a pickle: save its "
                        "weights, torch.save(model.state_dict(), path), or use model.save(path), which keeps the "
                        "architecture of modules that consist of fastnet's own")
    plain = _plain(obj)
    text, arrays = pack(plain, "torch.save")
    if _is_flat(plain):                 # other programs then find the tensors under their own names
        text, arrays = text.replace('{"array":"/', '{"array":"'), {name[1:]: a for name, a in arrays.items()}
    contents = encoded_tensors(arrays, {NESTED: text})
    if hasattr(f, "write"):
        f.write(contents)
        return
    with replacing(f) as file:
        file.write(contents)


def _is_flat(value: Any) -> bool:
    """Whether a value is a dictionary of tensors whose names JSON writes unchanged."""
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(x, Tensor) and name.isascii() and name.isprintable()
        and not set(name) & set('"\\') and name != "__metadata__" for name, x in value.items())


def _plain(value: Any) -> Any:
    """A container whose other tensors, such as PyTorch's, are fastnet's."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else tuple(map(_plain, value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if str(getattr(value, "dtype", "")) == "torch.bfloat16" and hasattr(value, "float"):    # which has no numpy()
        return _plain(value.float()).bfloat16()
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        return from_numpy(np.array(value.detach().numpy()))
    return value


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:
    """Read what `save` wrote, or the tensors of any safetensors file as a dictionary. Nothing is unpickled.

    Args:
        f: a path or a file that is open for reading bytes.
        map_location: "cpu", or a function or dictionary, which are ignored: there is one device.
        pickle_module, weights_only, mmap, pickle_load_args: accepted and ignored.

    Raises:
        RuntimeError: the file is a pickle, as PyTorch writes; the message has a command that converts it once. Or
            another device.
        ValueError: the file is damaged; the message names it.
        OSError: the file cannot be read.
    """
    forbid_in_recording("load()")
    if not (callable(map_location) or isinstance(map_location, Mapping)):
        check_placement("torch.load", device=map_location)
    name = getattr(f, "name", "the file") if hasattr(f, "read") else f
    contents = f.read() if hasattr(f, "read") else _contents(f)
    if is_pickle(contents):
        raise RuntimeError(_pickle_refusal(str(name)))
    with naming(str(name)):
        arrays, texts = parse_tensors(contents, keep_narrow=True)
        if "fastnet" in texts and NESTED not in texts and not hasattr(f, "read"):
            import fastnet
            return fastnet.load(f)      # a model with its architecture, from Module.save
        if NESTED not in texts:
            return {key: from_numpy(array) for key, array in arrays.items()}
        subject = "its nested structure"
        return unpack(parse_json(texts[NESTED], subject), arrays, subject)


def _contents(path: Any) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _pickle_refusal(name: str) -> str:
    target = f"{os.path.splitext(name)[0]}.fastnet.pt"
    return (f"torch.load: {name} is a pickle, which can run code when it is loaded, so fastnet does not read it. "
            f"Convert it once, where PyTorch is installed, too: {_CONVERT.format(name, target)}")


# ---- classes that PyTorch's pickles may contain: fastnet has no pickles ---------------------------------------------

def add_safe_globals(safe_globals: list[Callable[..., Any]]) -> None:
    """Has no effect: files hold no classes."""


def get_safe_globals() -> list[Any]:
    """The classes that files may contain: none."""
    return []


def clear_safe_globals() -> None:
    """Has no effect: files hold no classes."""


@contextlib.contextmanager
def safe_globals(safe_globals: list[Callable[..., Any]]) -> Iterator[None]:
    """A context manager that has no effect: files hold no classes."""
    yield
