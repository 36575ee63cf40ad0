"""Files of adapters in peft's form: adapter_config.json and adapter_model.safetensors in a folder."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import nn
from fastnet._core.errors import listed, shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet._io.atomic import replacing
from fastnet._io.tensor_file import naming, parse_json, read_tensors, write_tensors
from fastnet.backend import K
from fastnet.lora.config import LoRAConfig
from fastnet.lora.layers import LAYERS
from fastnet.lora.model import active_names, add_with, check_known, configs, delete_adapter, set_adapter, unload
from fastnet.lora.selection import adapted_layers, base_class, is_named, module_paths, peft_targets, saved_modules
from fastnet.models.gpt import Projection

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["load_adapter", "save_adapter"]

_CONFIG, _TENSORS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_PARAMETERS = ("lora_A.weight", "lora_B.weight", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector",
               "lora_magnitude_vector.weight")          # the ends of the names of an adapter's tensors


def save_adapter(model: nn.Module, folder: StrPath, name: str | None = None) -> None:
    """Write an adapter to a folder in peft's form.

    peft's `PeftModel.from_pretrained(model, folder)` reads it, for a model of PyTorch whose layers have the same names,
    and so does `load_adapter`.

    Args:
        model: with adapters.
        folder: made if it does not exist; its files adapter_config.json and adapter_model.safetensors are replaced.
        name: of the adapter; None if there is only one.

    Raises:
        ValueError: the model has no adapter of this name, or several and no name is given.
        OSError: the folder cannot be written.

    Example:
        >>> import fastnet, tempfile
        >>> from fastnet import nn
        >>> model = fastnet.lora.apply(nn.Sequential(nn.Linear(3, 2)), r=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fastnet.lora.save_adapter(model, folder)
        ...     list(fastnet.load_file(f"{folder}/adapter_model.safetensors"))
        ['base_model.model.0.lora_A.weight', 'base_model.model.0.lora_B.weight']
    """
    forbid_in_recording("save_adapter()")
    known = configs(model)
    if name is None and len(known) != 1:
        raise ValueError(f"save_adapter: expected the name of an adapter, the model has {listed(known) or 'none'}")
    name = next(iter(known)) if name is None else name
    check_known("save_adapter", model, (name,))
    outputs = _attention_outputs(model, name)
    paths = [path for path, layer in adapted_layers(model).items() if name in layer.adapters and path not in outputs]
    transposed = any(base_class(model.get_submodule(path)) is Projection for path in paths)
    document = known[name].as_peft(peft_targets(model, known[name], paths), transposed)
    os.makedirs(folder, exist_ok=True)
    tensors = {key: tensor._data / _peft_factor(key) if _peft_factor(key) != 1 else tensor._data
               for key, tensor in sorted(_tensors_by_key(model, name, known[name]).items())}
    write_tensors(Path(folder, _TENSORS), tensors, {"format": "pt"})
    with replacing(Path(folder, _CONFIG), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, sort_keys=True)


def load_adapter(model: nn.Module, folder: StrPath, name: str = "default", trainable: bool = False) -> None:
    """Add the adapter in a folder to a model, and make it the active one.

    Args:
        model: with adapters or without, of the kind that the adapter was trained for.
        folder: with adapter_config.json and adapter_model.safetensors, written by `save_adapter` or by peft.
        name: of the adapter in the model.
        trainable: let it be trained further; otherwise all parameters of the model are frozen.

    Raises:
        ValueError: the adapter is of another model (layers and shapes that do not fit are named), it has a setting that
            fastnet does not have, or a file is damaged. The model is unchanged.
        OSError: a file cannot be read.
    """
    forbid_in_recording("load_adapter()")
    config_path, tensors_path = Path(folder, _CONFIG), Path(folder, _TENSORS)
    with naming(config_path):
        config = LoRAConfig.from_peft(parse_json(config_path.read_text(encoding="utf-8"), "the file"))
    arrays, _ = read_tensors(tensors_path)
    with naming(folder):
        _Loading(model, config, name, arrays).load(trainable)


def _attention_outputs(model: nn.Module, name: str) -> set[str]:
    """The paths of the output layers of the attention modules that an adapter updates."""
    return {f"{path}.out_proj" if path else "out_proj" for path, layer in adapted_layers(model).items()
            if base_class(layer) is nn.MultiheadAttention and name in layer.adapters}


def _peft_factor(key: str) -> int:
    """The number of times that peft (0.21) adds an update to the weight: twice to the output of an attention module."""
    return 2 if key.endswith("base_layer.out_proj.lora_B.weight") else 1


def _file_key(path: str, part: str, layer: nn.Module, is_output: bool) -> str:
    """The name in the file of a tensor of an adapter."""
    if is_output:                       # peft keeps an attention module as the base_layer of its own
        path = path.removesuffix("out_proj") + "base_layer.out_proj"
    if part == "lora_magnitude_vector":
        return f"{_PREFIX}{path}.{part}"
    embeds = base_class(layer) is nn.Embedding
    return f"{_PREFIX}{path}.{part.replace('lora_', 'lora_embedding_') if embeds else part + '.weight'}"


def _tensors_by_key(model: nn.Module, name: str, config: LoRAConfig) -> dict[str, Tensor]:
    """The tensors of an adapter by their names in a file, with those of the modules that are trained as a whole."""
    outputs = _attention_outputs(model, name)
    found = {_file_key(path, part, layer, path in outputs): tensor for path, layer in adapted_layers(model).items()
             if name in layer.adapters for part, tensor in layer.adapters[name].named_parameters()}
    return found | dict(_whole_tensors(model, config))


def _whole_tensors(model: nn.Module, config: LoRAConfig) -> Iterator[tuple[str, Tensor]]:
    for path in saved_modules(model, config):
        for key, tensor in model.get_submodule(path).state_dict(keep_vars=True).items():
            yield f"{_PREFIX}{path}.{key}", tensor


class _Loading:
    """Checks an adapter's tensors against a model, and adds them.

    Args:
        model: that receives the adapter.
        config: of the adapter.
        name: of the adapter in the model.
        arrays: of the file, by name.
    """

    def __init__(self, model: nn.Module, config: LoRAConfig, name: str, arrays: Mapping[str, Array]) -> None:
        paths = module_paths(model)             # peft adds "classifier" and "score", of which a model has one
        whole = tuple(name for name in config.modules_to_save if any(is_named(path, name) for path in paths))
        self.model, self.config, self.name = model, replace(config, modules_to_save=whole), name
        self.arrays = dict(arrays)

    def load(self, trainable: bool) -> None:
        """Add the adapter; after an error the model is unchanged."""
        paths = self._paths()
        had_adapters, active = bool(configs(self.model)), active_names(self.model)
        learning = [(p, p.requires_grad) for p in self.model.parameters()]
        self._refuse_others(paths)
        add_with(self.model, self.name, self.config, 0, paths)
        try:
            self._copy()
        except ValueError:
            delete_adapter(self.model, self.name)
            if not had_adapters:
                unload(self.model)
            for layer in adapted_layers(self.model).values():
                layer.active = active
            for p, requires_grad in learning:
                p.requires_grad_(requires_grad)
            raise
        set_adapter(self.model, self.name, trainable)

    def _paths(self) -> list[str]:
        """The layers in the file, by their paths in the model."""
        found: dict[str, None] = {}
        for key in self.arrays:
            for part in _PARAMETERS:
                if key.startswith(_PREFIX) and key.endswith("." + part):
                    path = key.removeprefix(_PREFIX).removesuffix("." + part)
                    found[path.replace("base_layer.out_proj", "out_proj")] = None
        if not found:
            raise ValueError(f"the adapter has no tensors of the form {_PREFIX}<layer>.lora_A.weight")
        return list(found)

    def _refuse_others(self, paths: list[str]) -> None:
        modules = dict(self.model.named_modules())
        missing = [path for path in paths if path not in modules]
        others = [path for path in paths if path in modules and base_class(modules[path]) not in LAYERS]
        if missing:
            raise ValueError(f"the adapter is of another model: {type(self.model).__name__} has no layers "
                             f"{listed(missing)}")
        if others:
            raise ValueError(f"the adapter is of another model: {listed(others)} are not layers with adapters, "
                             f"such as {type(modules[others[0]]).__name__}")

    def _copy(self) -> None:
        own = _tensors_by_key(self.model, self.name, self.config)
        given = {self._own_key(key): array for key, array in self.arrays.items() if not self._is_base(key)}
        problems = []
        for text, keys in (("tensors that the file lacks", [key for key in own if key not in given]),
                           ("tensors that the model lacks", [key for key in given if key not in own])):
            if keys:
                problems.append(f"{text}: {listed(keys)}")
        different = [f"{key} {shape_text(given[key])}, expected {shape_text(tensor)}" for key, tensor in own.items()
                     if key in given and given[key].shape != tensor.shape]
        if different:
            problems.append(f"shapes that differ: {listed(different)}")
        if problems:
            raise ValueError("\n    ".join(["the adapter is of another model:", *problems]))
        for key, tensor in own.items():
            K.copy(tensor._data, np.asarray(given[key] * given[key].dtype.type(_peft_factor(key))))
            tensor._storage.version += 1

    def _own_key(self, key: str) -> str:
        return key.removesuffix(".weight") if key.endswith(".lora_magnitude_vector.weight") else key

    def _is_base(self, key: str) -> bool:
        """Whether a tensor is the frozen weight of an adapted layer, which peft writes for embeddings."""
        path, _, part = key.removeprefix(_PREFIX).rpartition(".base_layer.")
        layer = adapted_layers(self.model).get(path)
        if layer is None or part != "weight":
            return False
        own: Any = layer.adapted_weight
        if own.shape != self.arrays[key].shape or not (own.detach().numpy() == self.arrays[key]).all():
            raise ValueError(f"the adapter holds a weight of {path} that differs from the model's: it was trained on "
                             "another table")
        return True
