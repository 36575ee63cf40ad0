"""Thousands of damaged model files: each gives a clean error or a correct model, with little memory."""
import copy
import importlib
import json
import random
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from saving_tools import model_with_additions, pack, small_model, unpack

import fastnet
from fastnet import audio, lora, models, quantization  # noqa: F401    whose import is not memory of a file

try:
    import resource
except ModuleNotFoundError:             # Windows
    resource = None

MUTATIONS = 5_000                       # of each model
LARGER, FIXED = 20, 2_000_000           # memory limit of loading: a multiple of the file's size plus a constant
REFUSED = (ValueError, RuntimeError, TypeError, IndexError, OverflowError)      # from calling the model

VALUES = [
    -1, 0, 1, 2, 3, 4, 7, 64, 10 ** 9, 2 ** 31, 2 ** 63 - 1, 2 ** 63, 10 ** 30, 0.5, -1e308, True, False, None, "", "x",
    "tensor", "float64", "inf", "F64", "BF16", "BOOL", "Linear", "ModuleList", "Module", "__class__", "a.weight",
    [], {}, [4], [[]], [10 ** 9] * 3, [1] * 70, {"same": 0}, {"same": 1}, {"class": "Tanh"},
    {"class": "Embedding", "arguments": {"num_embeddings": 10 ** 9, "embedding_dim": 10 ** 9, "padding_idx": None,
                                         "dtype": None}}]


@pytest.fixture(scope="module", params=[small_model, model_with_additions], ids=["small", "additions"])
def original(request):
    """The bytes of a small model's file."""
    fastnet.manual_seed(5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        request.param().save(path, {"classes": ["a", "b"]})
        return path.read_bytes()


def try_to_load(path, data):
    """Load a file; True if it is a model, False if it is a clean error. Anything else fails."""
    path.write_bytes(data)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    model, problem = attempt(lambda: fastnet.load(path), (ValueError,))
    assert tracemalloc.get_traced_memory()[1] - before < LARGER * len(data) + FIXED
    if problem:
        assert problem.startswith(f"{path}: ") and len(problem) < len(str(path)) + 1000 + 8 * len(data)
        return False
    check_model(model, path, len(data))
    return True


def attempt(call, errors):
    """(result, "") of a call, or (None, text) of one of these errors."""
    try:
        return call(), ""
    except errors as e:
        return None, str(e) or repr(e)


def check_model(model, path, size):
    """Check that the model has exactly the tensors of the file and can be called."""
    state, tensors = model.state_dict(), fastnet.load_file(path)
    assert set(state) == set(tensors) and sum(x.nbytes for x in state.values()) <= 2 * size
    for name, x in state.items():
        assert x.dtype == tensors[name].dtype and x.shape == tensors[name].shape
        assert x.numpy().tobytes() == tensors[name].numpy().tobytes(), name
    assert not any(m.training for m in model.modules())
    with np.errstate(all="ignore"):
        attempt(lambda: model(fastnet.ones(2, 4)), REFUSED)


@pytest.fixture
def traced():
    for package in ("audio", "models", "nn", "quantization"):       # a file can name their classes, whose code is large
        module = importlib.import_module(f"fastnet.{package}")
        assert all(hasattr(module, name) for name in module.__all__)
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_every_truncation(original, tmp_path):
    path = tmp_path / "model.safetensors"
    assert try_to_load(path, original)
    for end in range(len(original)):
        assert not try_to_load(path, original[:end]), end


# ---- mutations of bytes ---------------------------------------------------------------------------------------------

def mutated(data, rng):
    """The bytes with one to four changes, most of them in the header."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        end = rng.choice((16, 8 + int.from_bytes(data[:8], "little"), len(data)))
        at = rng.randrange(max(1, min(end, len(data))))
        length = rng.choice((1, 1, 2, 8, 40))
        change = rng.choice(("flip", "flip", "set", "insert", "remove", "copy", "digit"))
        if change == "flip" and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif change == "set":
            data[at:at + length] = rng.randbytes(length)
        elif change == "insert":
            data[at:at] = rng.choice((rng.randbytes(length), b'"', b"{", b"[", b"}", b",", b"9" * length, b"[" * 2000))
        elif change == "remove":
            del data[at:at + length]
        elif change == "copy":
            other = rng.randrange(max(1, len(data)))
            data[at:at + length] = data[other:other + length]
        else:
            digits = [i for i, b in enumerate(data[:end]) if 48 <= b < 58]
            if digits:
                data[rng.choice(digits)] = rng.choice(b"0123456789-.e")
    return bytes(data)


# ---- mutations of the header's values -------------------------------------------------------------------------------

def mutated_meaning(data, rng):
    """The file with one to three values of the header, or of the architecture in it, replaced, moved or left out."""
    header, body = unpack(data)
    texts = {name: json.loads(text) for name, text in header.pop("__metadata__").items()}
    for _ in range(rng.randint(1, 3)):
        change_somewhere(rng.choice((texts["fastnet"], texts["fastnet"]["model"], header)), rng)
        if not isinstance(texts["fastnet"].get("model"), dict) or not header:
            break
    texts = {name: json.dumps(value) for name, value in texts.items()}
    if rng.random() < 0.1:
        body = body[:rng.randrange(len(body))]
    return pack({"__metadata__": texts} | header, body)


def places(value):
    """(container, key) of everything in a value, at any depth."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def change_somewhere(value, rng):
    found = list(places(value))
    if not found:
        return
    container, key = rng.choice(found)
    other, other_key = rng.choice(found)
    change = rng.choice(("replace", "replace", "remove", "copy", "rename"))
    if change == "replace":
        container[key] = copy.deepcopy(rng.choice(VALUES))
    elif change == "remove":
        del container[key]
    elif change == "copy":
        container[key] = copy.deepcopy(other[other_key])
    elif isinstance(container, dict):
        container[rng.choice(("x", "class", "same", "modules", "weight", "a.weight", "training"))] = container.pop(key)


def resident():
    """The peak memory of the process in bytes; 0 if the system does not report it."""
    if resource is None:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("mutate", [mutated, mutated_meaning], ids=["bytes", "meaning"])
def test_mutations(mutate, original, tmp_path):
    path = tmp_path / "model.safetensors"
    before, loaded = resident(), 0
    for seed in range(MUTATIONS // 2):
        try:
            loaded += try_to_load(path, mutate(original, random.Random(seed)))
        except BaseException as e:
            raise AssertionError(f"mutation {seed}: {type(e).__name__}: {e}") from e
    assert 0 < loaded < MUTATIONS // 2
    assert resident() - before < 50_000_000                     # memory outside of tracemalloc is small, too
