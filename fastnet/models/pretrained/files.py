"""Weight files: one file, a folder in Hugging Face's form, or a repository of the Hugging Face Hub."""
from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_path
from fastnet._core.optional import optional
from fastnet._io.tensor_file import naming, parse_json, read_tensors

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["CONFIG", "WEIGHTS", "WeightFile", "read_weights"]

WEIGHTS, CONFIG, INDEX = "model.safetensors", "config.json", "model.safetensors.index.json"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_FILE_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".h5", ".npz", ".onnx")


@dataclass
class WeightFile:
    """The tensors of a file and what is known about their model.

    Args:
        path: of the file or folder, or the name of the repository.
        arrays: {name: array}; float16 and bfloat16 have become float32.
        texts: the texts in the header of a single file.
        config: the content of config.json, {} if there is none.
    """

    path: str
    arrays: dict[str, Array]
    texts: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def read_weights(path_or_repo: StrPath, revision: str | None = None) -> WeightFile:
    """Read the tensors of a file, a folder or a repository.

    Args:
        path_or_repo: a safetensors file, beside which a config.json may be; a folder with model.safetensors (or
            model.safetensors.index.json and the files that it names) and config.json; or "owner/name", a repository of
            the Hugging Face Hub, from which these are downloaded.
        revision: branch, tag or commit of a repository.

    Raises:
        FileNotFoundError: there is no such file, and the text is not the name of a repository; or a folder or
            repository has no safetensors file.
        ValueError: a damaged file, a pickle, or a revision of something that is not a repository.
        ImportError: a repository, and huggingface_hub is not installed.
    """
    check_path("path_or_repo", path_or_repo)
    text = os.fsdecode(path_or_repo)
    if not os.path.exists(text) and _REPOSITORY.fullmatch(text) and not text.lower().endswith(_FILE_ENDINGS):
        return _read_parts(text, _Downloads(text, revision))
    if revision is not None:
        raise ValueError(f"expected no revision, which belongs to a repository, with the file {text}")
    if os.path.isdir(text):
        return _read_parts(text, _in_folder(Path(text)))
    if not os.path.exists(text):
        raise FileNotFoundError(f"no file {text!r}: expected a safetensors file, a folder, or a repository such as "
                                "'timm/resnet18.a1_in1k'")
    arrays, texts = read_tensors(text)
    beside = Path(text).with_name(CONFIG)
    return WeightFile(text, arrays, texts, _json(beside) if beside.is_file() else {})


def _read_parts(name: str, get: Callable[[str], Path | None]) -> WeightFile:
    """The weights of a folder or repository, of which `get` returns a file, or None if it is missing."""
    config = get(CONFIG)
    found = get(WEIGHTS)
    if found is not None:
        arrays, texts = read_tensors(found)
        return WeightFile(name, arrays, texts, {} if config is None else _json(config))
    index = get(INDEX)
    if index is None:
        raise FileNotFoundError(f"{name}: expected {WEIGHTS} or {INDEX}, got neither. Weights in another form, such as "
                                "pytorch_model.bin, must be converted: fastnet does not load pickles")
    arrays = {}
    for part in _parts_of(index):
        path = get(part)
        if path is None:
            raise FileNotFoundError(f"{name}: {INDEX} names {part!r}, which is missing")
        arrays |= read_tensors(path)[0]
    return WeightFile(name, arrays, {}, {} if config is None else _json(config))


def _parts_of(index: Path) -> list[str]:
    """The files that an index names. They lie beside it: a name that leads elsewhere is an error."""
    places = _json(index).get("weight_map")
    names = sorted(set(places.values())) if isinstance(places, dict) and all(
        isinstance(name, str) for name in places.values()) else []
    if not names or any(name != os.path.basename(name) for name in names):
        raise ValueError(f"{index}: expected a weight_map from tensors to files beside it")
    return names


def _json(path: Path) -> dict[str, Any]:
    with naming(path):
        found = parse_json(path.read_bytes(), "its content")
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, got {type(found).__name__}")
        return found


def _in_folder(folder: Path) -> Callable[[str], Path | None]:
    return lambda name: folder / name if (folder / name).is_file() else None


class _Downloads:
    """Downloads files of a repository, which huggingface_hub keeps in its cache."""

    def __init__(self, repository: str, revision: str | None) -> None:
        self.repository, self.revision = repository, revision
        self.hub = optional("huggingface_hub", f"downloading {repository}")
        self.errors = optional("huggingface_hub.errors", f"downloading {repository}")

    def __call__(self, name: str) -> Path | None:
        try:
            return Path(self.hub.hf_hub_download(self.repository, name, revision=self.revision))
        except self.errors.LocalEntryNotFoundError:     # offline; it is a kind of EntryNotFoundError
            raise
        except self.errors.EntryNotFoundError:
            return None
