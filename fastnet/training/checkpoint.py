"""The state of a training in one safetensors file, replaced whole: everything but tensors is JSON in its header."""
import copy
import json
from pathlib import Path

import fastnet
from fastnet._core.errors import differing
from fastnet._io.tensor_file import read_tensors, write_tensors
from fastnet.callbacks.base import Callback
from fastnet.callbacks.checkpoint import FILE
from fastnet.nn.nested import pack, unpack

_KEY, _FORMAT = "fastnet.checkpoint", 2
_PARTS = ("settings", "history", "running", "model", "optimizer", "random", "callbacks")
_PLACE = ("epoch", "batch", "step", "first_epoch", "stop")


def file_in(path):
    """The file that a folder of checkpoints has; another path is a file itself."""
    path = Path(path)
    return path / FILE if path.is_dir() or not path.suffix else path


def state_of(trainer):
    """Everything that a Trainer needs to go on.

    Args:
        trainer: in the middle of `fit`, or after it.
    """
    return {"settings": _settings(trainer), "history": trainer.history.rows, "running": trainer.running.state_dict(),
            "model": trainer.model.state_dict(), "optimizer": trainer.optimizer.state_dict(),
            "random": fastnet.get_rng_state(), "callbacks": [[_name(c), c.state_dict()] for c in _stateful(trainer)],
            **{name: getattr(trainer, name) for name in _PLACE}}


def restore(trainer, state, path):
    """Put a Trainer where `state_of` found it, or leave it as it is.

    Args:
        trainer: with the model, optimizer, data and callbacks of the one that was saved.
        state: what `state_of` gave.
        path: where it came from, for errors.

    Raises:
        ValueError: other settings, data or callbacks, or a state that is damaged.
        RuntimeError: another model.
    """
    _require_same(f"{path} is of a training with other", "settings", state["settings"], _settings(trainer))
    _require_same(f"{path} is of a training with other", "callbacks",
                  dict(enumerate(name for name, _ in state["callbacks"])),
                  dict(enumerate(map(_name, _stateful(trainer)))))
    before = copy.deepcopy(state_of(trainer))
    try:
        _put(trainer, state)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as e:
        _put(trainer, before)
        raise ValueError(f"{path} does not fit this training: {e}") from e
    except RuntimeError:
        _put(trainer, before)
        raise


def _put(trainer, state):
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    fastnet.set_rng_state(state["random"])
    trainer.running.load_state_dict(state["running"])
    trainer.history.rows[:] = state["history"]
    for name in _PLACE:
        setattr(trainer, name, state[name])
    for callback, (_, saved) in zip(_stateful(trainer), state["callbacks"]):
        callback.load_state_dict(saved)


def _settings(trainer):
    """What must be the same where a training goes on."""
    loss = trainer.loss.function
    is_module = isinstance(loss, fastnet.nn.Module)
    loss = repr(loss) if is_module else getattr(loss, "__qualname__", _name(loss))
    return {"optimizer": _name(trainer.optimizer), "loss": loss, "metrics": [m.name for m in trainer.metrics],
            "accumulate": trainer.accumulate, **trainer.described_data()}


def _stateful(trainer):
    return [c for c in trainer.callbacks if type(c).state_dict is not Callback.state_dict]


def _name(thing):
    return type(thing).__name__


def _require_same(beginning, what, saved, own):
    found = [f"{key}: {there!r} there, {here!r} here" for key, there, here in differing(saved, own)]
    if found:
        raise ValueError(f"{beginning} {what}; {'; '.join(found)}")


def write_state(path, state):
    """Write a state, whole or not at all.

    Args:
        path: of the file.
        state: nested dictionaries and lists of numbers, strings, None, arrays and tensors.
    """
    text, arrays = pack(state, "the state of a training")
    write_tensors(path, arrays, {_KEY: f'{{"format":{_FORMAT},"state":{text}}}'})


def read_state(path):
    """What `write_state` wrote.

    Args:
        path: of the file.

    Raises:
        ValueError: the file is damaged or no checkpoint.
    """
    arrays, texts = read_tensors(path)
    try:
        document = json.loads(texts[_KEY])
        if document["format"] > _FORMAT:
            raise ValueError(f"{path} is of a newer fastnet: its format is {document['format']}, this one reads up to "
                             f"{_FORMAT}")
        state = unpack(document["state"], arrays, f"{path}: the state of a training")
    except (KeyError, TypeError, AttributeError, RecursionError, json.JSONDecodeError) as e:
        raise ValueError(f"{path} is no checkpoint of a training: {type(e).__name__}: {e}") from None
    if not isinstance(state, dict) or state.keys() != {*_PARTS, *_PLACE}:
        raise ValueError(f"{path} is no checkpoint of a training: expected {', '.join((*_PARTS, *_PLACE))}")
    return state
