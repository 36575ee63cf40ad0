"""Checkpoint files: the state of a training as one safetensors file, with JSON in its header."""
from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastnet
from fastnet._core.errors import differing
from fastnet._io.tensor_file import read_tensors, write_tensors
from fastnet.callbacks.base import Callback
from fastnet.callbacks.checkpoint import FILE
from fastnet.nn.nested import pack, unpack

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath
    from fastnet.training.trainer import Trainer

__all__ = ["file_in", "read_state", "restore", "settings_of", "state_of", "write_state"]

_KEY, _FORMAT = "fastnet.checkpoint", 2
_PARTS = ("settings", "history", "running", "model", "optimizer", "random", "callbacks")
_POSITION = ("epoch", "batch", "step", "first_epoch", "stop")


def file_in(path: StrPath) -> Path:
    """The checkpoint file in a folder; a path that names a file is returned unchanged."""
    path = Path(path)
    return path / FILE if path.is_dir() or not path.suffix else path


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Everything that a Trainer needs to continue.

    Args:
        trainer: during `fit`, or after it.
    """
    return {"settings": settings_of(trainer), "history": trainer.history.rows, "running": trainer.running.state_dict(),
            "model": trainer.trained.state_dict(), "optimizer": trainer.optimizer.state_dict(),
            "random": fastnet.get_rng_state(),
            "callbacks": [[_class_name(c), c.state_dict()] for c in _stateful(trainer)],
            **{name: getattr(trainer, name) for name in _POSITION}}


def restore(trainer: Trainer, state: dict[str, Any], path: StrPath) -> None:
    """Restore the state that `state_of` returned; after an error the Trainer is unchanged.

    Args:
        trainer: with the same model, optimizer, data and callbacks as the saved one.
        state: what `state_of` returned.
        path: of the file that it was read from, for error messages.

    Raises:
        ValueError: settings, data or callbacks differ, or the state is damaged.
        RuntimeError: the model differs.
    """
    _check_same_training(f"{path} is from a training with other", "settings", state["settings"], settings_of(trainer))
    _check_same_training(f"{path} is from a training with other", "callbacks",
                  dict(enumerate(name for name, _ in state["callbacks"])),
                  dict(enumerate(map(_class_name, _stateful(trainer)))))
    before = copy.deepcopy(state_of(trainer))
    try:
        _load_state(trainer, state)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as e:
        _load_state(trainer, before)
        raise ValueError(f"{path} does not fit this training: {e}") from e
    except RuntimeError:
        _load_state(trainer, before)
        raise


def _load_state(trainer: Trainer, state: dict[str, Any]) -> None:
    trainer.trained.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    fastnet.set_rng_state(state["random"])
    trainer.running.load_state_dict(state["running"])
    trainer.history.rows[:] = state["history"]
    for name in _POSITION:
        setattr(trainer, name, state[name])
    for callback, (_, saved) in zip(_stateful(trainer), state["callbacks"]):
        callback.load_state_dict(saved)


def settings_of(trainer: Trainer) -> dict[str, Any]:
    """The settings that must not change between a checkpoint and the training that continues from it.

    Args:
        trainer: during `fit`.
    """
    return {"optimizer": _class_name(trainer.optimizer), "loss": trainer.loss.name,
            "metrics": [m.name for m in trainer.metrics], "accumulate": trainer.accumulate, **trainer.described_data(),
            **({} if trainer.shards is None else {"shards": trainer.shards})}


def _stateful(trainer: Trainer) -> list[Callback]:
    return [c for c in trainer.callbacks if type(c).state_dict is not Callback.state_dict]


def _class_name(thing: object) -> str:
    return type(thing).__name__


def _check_same_training(beginning: str, kind: str, saved: Mapping[Any, Any], own: Mapping[Any, Any]) -> None:
    found = [f"{key}: {there!r} there, {here!r} here" for key, there, here in differing(saved, own)]
    if found:
        raise ValueError(f"{beginning} {kind}; {'; '.join(found)}")


def write_state(path: StrPath, state: dict[str, Any]) -> None:
    """Write a state to a file, replacing it atomically.

    Args:
        path: of the file.
        state: nested dicts and lists of numbers, strings, None, arrays and tensors.
    """
    text, arrays = pack(state, "the state of a training")
    write_tensors(path, arrays, {_KEY: f'{{"format":{_FORMAT},"state":{text}}}'})


def read_state(path: StrPath) -> dict[str, Any]:
    """Read a state that `write_state` wrote.

    Args:
        path: of the file.

    Raises:
        ValueError: the file is damaged or not a checkpoint.
    """
    arrays, texts = read_tensors(path)
    try:
        document = json.loads(texts[_KEY])
        if document["format"] > _FORMAT:
            raise ValueError(f"{path} was written by a newer version of fastnet: it has format {document['format']}, "
                             f"this version reads formats up to {_FORMAT}")
        state = unpack(document["state"], arrays, f"{path}: the state of a training")
    except (KeyError, TypeError, AttributeError, RecursionError, json.JSONDecodeError) as e:
        raise ValueError(f"{path} is not a checkpoint of a training: {type(e).__name__}: {e}") from None
    if not isinstance(state, dict) or state.keys() != {*_PARTS, *_POSITION}:
        raise ValueError(f"{path} is not a checkpoint of a training: expected {', '.join((*_PARTS, *_POSITION))}")
    return state
