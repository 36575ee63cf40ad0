"""States of optimizers and schedules in files: nested dictionaries, restored exactly, without pickle."""
import json
import math
import re

import numpy as np
import pytest
from program_tools import OPTIMIZERS, batch, network, trainer
from saving_tools import pack

import fastnet
from fastnet.optim import lr_scheduler as schedules


def same(a, b):
    """Whether two nested values are the same, to the types and the bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, fastnet.Tensor | np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.asarray(a).tobytes() == np.asarray(b).tobytes()
    return repr(a) == repr(b)


VALUES = {
    "a": {"b": [1, 2.5, -0.0, True, None, "text", "\ud800 \0"], 3: (1, (2,)), 0.5: [], None: {}, True: ()},
    "inf": [math.inf, -math.inf, math.nan], "large": 10**40, "a/b": fastnet.ones(1), "array": np.arange(3, dtype="u1"),
    "tensors": [fastnet.ones(2), fastnet.ones(2, dtype="int64"), fastnet.zeros(0, 3), fastnet.tensor(3.0)],
    "array name": {"array": "x", "tensor": True, "pairs": 1, "tuple": 2, "float": "inf"},
}


def test_nested_values(path):
    fastnet.save_file(VALUES, path)
    assert same(fastnet.load_file(path), VALUES)
    fastnet.save_file({"x": {}}, path)
    assert fastnet.load_file(path) == {"x": {}}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_resumes_from_a_file(path, name, compiled):
    """Training that is saved, loaded and resumed gives the same bits as uninterrupted training."""
    def begin():
        model = network()
        optimizer = OPTIMIZERS[name](model.parameters())
        schedule = schedules.CosineAnnealingLR(optimizer, 10)
        return model, optimizer, schedule, trainer(model, optimizer, compiled=compiled)

    def go(training, steps):
        losses = []
        for _ in range(steps):
            losses.append(float(training[3](*batch())))
            training[2].step()
        return losses
    first = begin()
    go(first, 3)
    states = {"model": first[0].state_dict(), "optimizer": first[1].state_dict(), "schedule": first[2].state_dict()}
    fastnet.save_file(states, path)
    loaded = fastnet.load_file(path)
    assert same(loaded["optimizer"], states["optimizer"])
    second = begin()
    for part, state in zip(second, ("model", "optimizer", "schedule")):
        part.load_state_dict(loaded[state])
    assert go(second, 4) == go(first, 4)


@pytest.mark.parametrize("make", [
    lambda o: schedules.StepLR(o, 2), lambda o: schedules.MultiStepLR(o, [1, 3]), lambda o: schedules.LinearLR(o),
    lambda o: schedules.ReduceLROnPlateau(o), lambda o: schedules.OneCycleLR(o, 0.1, total_steps=10),
    lambda o: schedules.LambdaLR(o, lambda n: 0.9**n), lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    lambda o: schedules.SequentialLR(o, [schedules.ConstantLR(o), schedules.ExponentialLR(o, 0.9)], [2])])
def test_a_schedule_resumes_from_a_file(path, make):
    def begin():
        return make(fastnet.optim.SGD([fastnet.ones(1, requires_grad=True)], lr=0.5))

    def go(schedule, steps):
        rates = []
        for _ in range(steps):
            schedule.optimizer.step()
            schedule.step(*([1.0] if isinstance(schedule, schedules.ReduceLROnPlateau) else []))
            rates.append(schedule.optimizer.param_groups[0]["lr"])
        return rates
    first, second = begin(), begin()
    go(first, 3)
    fastnet.save_file({"schedule": first.state_dict(), "optimizer": first.optimizer.state_dict()}, path)
    loaded = fastnet.load_file(path)
    second.optimizer.load_state_dict(loaded["optimizer"])
    second.load_state_dict(loaded["schedule"])
    assert go(second, 4) == go(first, 4)


@pytest.mark.parametrize("value, message", [
    ({"a": [1, {"b": object()}]}, "got a object at /a/1/b"), ({"a": {(1, 2): 3}}, "got a tuple in /a"),
    ({"a": bytearray(1)}, "got a bytearray at /a"), ({"a": b"x"}, "got a bytes at /a"),
    ({"a": lambda: 1}, "got a function at /a")])
def test_values_that_cannot_be_saved(path, value, message):
    path.write_bytes(b"before")
    with pytest.raises(TypeError, match=f"save_file: .*{message}"):
        fastnet.save_file(value, path)
    inside = {}
    inside["itself"] = [inside]
    with pytest.raises(ValueError, match="contains itself"):
        fastnet.save_file(inside, path)
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("text", [
    "", "{", "[]", "1", '{"pairs":1}', '{"pairs":[1]}', '{"pairs":[[[],1]]}', '{"array":"missing","tensor":true}',
    '{"pairs":[["x",{"array":"missing","tensor":true}]]}', '{"pairs":[["x",{"array":[],"tensor":true}]]}',
    '{"pairs":[["x",{"array":"y"}]]}', '{"pairs":[["x",{"tuple":1}]]}', '{"pairs":[["x",{"float":"x"}]]}',
    '{"pairs":[["x",{"float":[]}]]}', '{"pairs":[["x",NaN]]}', '{"pairs":[["x",{}]]}', '{"tuple":[]}',
    '{"pairs":' * 900 + "[]" + "}" * 900, "[" * 100_000, '{"pairs":[],"pairs":[]}'])
def test_damaged_files(path, text):
    path.write_bytes(pack({"__metadata__": {"fastnet.nested": text},
                           "y": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)))
    with pytest.raises(ValueError, match=re.escape(f"{path}: its nested dictionary")):
        fastnet.load_file(path)


def test_changing_one_character_gives_one_error_or_a_dictionary(path):
    fastnet.save_file({"a": {"b": (1, fastnet.ones(1)), 2: math.inf}}, path)
    contents = path.read_bytes()
    header = json.loads(contents[8:8 + int.from_bytes(contents[:8], "little")])
    text, rng = header["__metadata__"]["fastnet.nested"], np.random.default_rng(0)
    for i in range(len(text)):
        for character in ("[", "}", '"', "1", ",", chr(rng.integers(32, 127))):
            header["__metadata__"]["fastnet.nested"] = text[:i] + character + text[i + 1:]
            path.write_bytes(pack(json.dumps(header), bytes(4)))
            message = None
            try:
                assert isinstance(fastnet.load_file(path), dict)
            except ValueError as e:
                message = str(e)
            assert message is None or (message.startswith(f"{path}: ") and "\n" not in message)
