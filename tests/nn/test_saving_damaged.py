"""Damaged and malicious files, and full disks: one clear error, and no data is lost."""
import errno
import json
import re
import tracemalloc

import pytest
from processes import output
from saving_tools import described, pack

import fastnet
from fastnet import audio, models, nn, quantization  # noqa: F401    whose import is not memory of a file
from fastnet._io import atomic


def refused(path, data, words, read=fastnet.load):
    """Check that loading a file raises a ValueError with its name and these words, and allocates little memory."""
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=re.escape(words)) as e:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(e.value).startswith(f"{path}: ") and "\n" not in str(e.value)
    assert peak < 20 * len(data) + 2_000_000


# ---- the file -------------------------------------------------------------------------------------------------------

def entry(dtype="F32", shape=(1,), offsets=(0, 4), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)} | more


ONE = '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
DAMAGED = {
    "empty": b"",
    "cut off in its length": b"\1\0\0",
    "header of gigabytes": (1 << 40).to_bytes(8, "little") + b"{}",
    "header longer than there is": pack(ONE)[:-1],
    "no text": pack(b"\xff\xfe{}"),
    "no JSON": pack('{"x":'),
    "no object": pack("[]"),
    "deep": pack('{"x' + "y" * 1_000_000 + '":' + "[" * 50_000),
    "many lists": pack('{"x":[' + "[]," * 100_000 + "[]]}"),
    "an entry's part twice": pack(ONE.replace('"shape":[1]', '"shape":[1],"shape":[1]'), bytes(4)),
    "NaN": pack(ONE.replace("[1]", "NaN"), bytes(4)),
    "texts that are none": pack({"__metadata__": {"fastnet": 1}}),
    "texts in a list": pack({"__metadata__": ["fastnet"]}),
    "an entry that is none": pack({"x": 1}),
    "an entry without dtype": pack({"x": {"shape": [], "data_offsets": [0, 0]}}),
    "a dtype that is none": pack({"x": entry(["F32"])}, bytes(4)),
    "a negative size": pack({"x": entry(shape=(-1, -1))}, bytes(4)),
    "a size that is true": pack({"x": entry(shape=(True,))}, bytes(4)),
    "a size that is a fraction": pack({"x": entry(shape=(1.0,))}, bytes(4)),
    "a huge size": pack({"x": entry(shape=(10 ** 30, 0))}, bytes(4)),
    "a number without end": pack(ONE.replace("[1]", "[" + "9" * 10_000 + "]"), bytes(4)),
    "three offsets": pack({"x": entry(offsets=(0, 4, 4))}, bytes(4)),
    "offsets in reverse": pack({"x": entry(offsets=(4, 0))}, bytes(4)),
    "another size than the shape's": pack({"x": entry(shape=(2,))}, bytes(4)),
    "a tensor larger than the file": pack({"x": entry(shape=(1 << 40,), offsets=(0, 1 << 42))}, bytes(4)),
    "overlap": pack({"x": entry(), "y": entry()}, bytes(4)),
    "a gap": pack({"x": entry(), "y": entry(offsets=(8, 12))}, bytes(12)),
    "two texts under one name": pack('{"__metadata__":{"a":"1"},"__metadata__":{}}'),
    "data behind the end": pack({"x": entry()}, bytes(5)),
}
REFUSED = {name: (data, "not a safetensors file, or a truncated or damaged one") for name, data in DAMAGED.items()} | {
    "a pickle": (b"\x80\x04\x95" + bytes(100), "expected a safetensors file, got one of torch.save: a pickle"),
    "a dtype of another name": (pack({"x": entry("F8_E4M3", (4,))}, bytes(4)), "tensor 'x' has dtype 'F8_E4M3'"),
    "many dimensions": (pack({"x": entry(shape=(1,) * 65)}, bytes(4)), "64"),
    "large empty dimensions": (pack({"x": entry(shape=(0, 1 << 62, 1 << 62), offsets=(0, 0))}), "array is too big"),
    "many brackets": (pack('{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"y":[' + "[]," * 9999 + "[]]}}"),
                      "its header is damaged: it has more brackets than a valid one can have"),
    "bools of 2": (pack({"x": entry("BOOL", (4,))}, b"\0\1\2\0"), "expected bools that are bytes of 0 or 1"),
}


@pytest.mark.parametrize("data, words", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("read", [fastnet.load, fastnet.load_file], ids=["load", "load_file"])
def test_a_damaged_file(read, data, words, path):
    refused(path, data, words, read)


def test_every_truncation_is_an_error_in_all_readers(path):
    nn.Linear(2, 2).save(path, {"x": 1})
    data = path.read_bytes()
    for read in (fastnet.load, fastnet.load_file, fastnet.load_metadata,
                 lambda p: fastnet.load(p, model=nn.Linear(2, 2))):
        for end in range(0, len(data), 7):
            refused(path, data[:end], f"{path}: ", read)


def test_missing_files(path):
    for read in (fastnet.load, fastnet.load_file, fastnet.load_metadata):
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            read(path)
        with pytest.raises(OSError, match=re.escape(str(path.parent))):
            read(path.parent)


# ---- the architecture -----------------------------------------------------------------------------------------------

def linear(**changes):
    arguments = {"in_features": 1, "out_features": 1, "bias": False, "dtype": "float32"}
    return {"class": "Linear", "arguments": arguments | changes}


def embedding(rows):
    return {"class": "Embedding", "arguments": {
        "num_embeddings": rows, "embedding_dim": 1, "padding_idx": 0, "dtype": None}}


def batch_norm(features):
    return {"class": "BatchNorm1d", "arguments": {
        "num_features": features, "eps": 0.0, "momentum": 0.1, "affine": False, "track_running_stats": True,
        "dtype": None, "bias": False}}


def statistics():
    return {name: entry("F32" if i else "I64", (1,) * (i > 0), ((0, 8), (8, 12), (12, 16))[i]) for i, name in enumerate(
        ("num_batches_tracked", "running_mean", "running_var"))}


TANH = {"class": "Tanh"}
NLL = {"class": "NLLLoss", "arguments": {"weight": "tensor", "ignore_index": 0, "reduction": "mean"}}


def container(**modules):
    return {"class": "Sequential", "modules": modules}


def one(name, dtype="F32", shape=(1, 1)):
    return {name: entry(dtype, shape)}


def two(name, other):
    """Two tensors with different values."""
    return one(name) | {other: entry(shape=(1, 1), offsets=(4, 8))}


def repeated(times):
    """Four references to the previous module, repeated: 4**times modules in a short description."""
    same = [{str(j): {"same": i} for j in range(4)} for i in range(times)]
    return container(first=TANH, **{f"x{i}": container(**modules) for i, modules in enumerate(same)})


NESTED = '{"class":"Sequential","modules":{"0":'
HOSTILE = {
    "a huge layer": (linear(in_features=10 ** 9, out_features=10 ** 9), one("weight"),
                     "has shape (1, 1) and dtype float32, the model described (1000000000, 1000000000)"),
    "a layer too large for any memory": (linear(in_features=1 << 40, out_features=1 << 40), one("weight"), "module ''"),
    "a huge table": (embedding(10 ** 12), one("weight"), "the model described (1000000000000, 1)"),
    "huge statistics": (batch_norm(10 ** 12), one("running_mean"), "the model described (1000000000000,)"),
    "no tensor": (linear(), {}, "there is no tensor 'weight'"),
    "a tensor of another dtype": (linear(), one("weight", "I32"),
                                  "shape (1, 1) and dtype int32, the model described (1, 1) and float32"),
    "a tensor more": (container(), one("weight"), "the model has no tensors 'weight'"),
    "an unknown module": ({"class": "os.system"}, {}, "there is no module 'os.system' in this version"),
    "a class that is no layer": ({"class": "Module"}, {}, "there is no module 'Module'"),
    "a function": ({"class": "functional"}, {}, "there is no module 'functional'"),
    "no class": ({}, {}, "there is no module None"),
    "a class that is a list": ({"class": []}, {}, "an invalid entry 'class': an object of type list"),
    "no module": ([], {}, "expected an object that describes a module, got an object of type list"),
    "nothing": (None, {}, "expected an object that describes a module, got None"),
    "another entry": (TANH | {"hooks": []}, {}, "an invalid entry 'hooks'"),
    "another argument": (TANH | {"arguments": {"x": 1}}, {}, "Tanh takes the arguments none; the description has 'x'"),
    "no arguments": ({"class": "Linear"}, {}, "Linear takes the arguments in_features, out_features, bias, dtype"),
    "a size that is text": (linear(in_features="1"), {}, "Linear: in_features cannot be '1'"),
    "a size that is true": (linear(in_features=True), {}, "Linear: in_features cannot be True"),
    "a size that is a list": (linear(in_features=[1, 2]), one("weight"), "module ''"),
    "a size beyond 64 bits": (linear(in_features=10 ** 30), {}, "in_features cannot be 1" + 30 * "0"),
    "a negative size": (linear(in_features=-1), {}, "not to be negative"),
    "a bias that is a number": (linear(bias=1), {}, "bias cannot be 1"),
    "an unknown dtype": (linear(dtype="int64"), {}, "dtype cannot be 'int64'"),
    "a probability of 2": ({"class": "Dropout", "arguments": {"p": 2.0, "inplace": False}}, {}, "Dropout"),
    "modules in a layer": (linear() | {"modules": {"x": TANH}}, one("weight"), "a Linear holds no other"),
    "parameters in a layer": (linear() | {"parameters": 1}, one("weight"), "a Linear holds no other"),
    "many parameters": ({"class": "ParameterList", "parameters": 10 ** 12}, one("0"), "there is no tensor '1'"),
    "parameters of integers": ({"class": "ParameterList", "parameters": 1}, one("0", "I32"),
                               "expected float16, bfloat16, float32 or float64"),
    "a module that hides a method": (container(forward=TANH), {}, "already has an attribute 'forward'"),
    "a name with a dot": (container(**{"a.b": TANH}), {}, "without dots"),
    "the same as nothing": ({"same": 0}, {}, "refers to module number 0, which does not exist"),
    "the same as what it is in": (container(x={"same": 0}), {}, "refers to module number 0, which does not exist"),
    "the same and more": ({"same": 0, "class": "Tanh"}, {}, "an invalid entry 'class'"),
    "the same without its tensors": (container(x=linear(), y={"same": 0}), one("x.weight"),
                                     "there is no tensor 'y.weight'"),
    "the same with other tensors": (container(x=linear(), y={"same": 0}), two("x.weight", "y.weight"),
                                    "tensor 'y.weight' belongs to a module that appears twice"),
    "tied to nothing": (linear() | {"tied": {"weight": "x"}}, one("weight"), "tied to 'x', which does not exist"),
    "tied to a list": (linear() | {"tied": {"weight": []}}, one("weight"), "tied to an object of type list, which"),
    "tied to another value": (container(x=linear(), y=linear() | {"tied": {"weight": "x.weight"}}),
                              two("x.weight", "y.weight"), "tied to 'x.weight', which does not exist or"),
    "tied statistics": (batch_norm(1) | {"tied": {"running_mean": "x"}}, statistics(), "has no parameter"),
    "tied without a parameter": (linear() | {"tied": {"x": "weight"}}, one("weight"), "has no parameter"),
    "frozen without a parameter": (linear() | {"frozen": ["bias"]}, one("weight"), "has no parameter"),
    "frozen lists": (linear() | {"frozen": [[]]}, one("weight"), "has no parameter"),
    "a weight that is not there": (NLL, {}, "there is no tensor 'weight'"),
    "more modules than a model has": (container(**{str(i): TANH for i in range(10_001)}), {},
                                      "more than 10,000 modules"),
    "parameters below 0": ({"class": "ParameterList", "parameters": -1}, {}, "cannot hold -1 parameters"),
    "very many dimensions": ({"class": "LayerNorm", "arguments": {
        "normalized_shape": [1] * 100_000, "eps": 0.1, "elementwise_affine": False, "bias": False, "dtype": None}}, {},
        "LayerNorm: normalized_shape cannot be an object of type list"),
    "more by repetition": (repeated(20), {}, "more than 10,000 modules"),
}


@pytest.mark.parametrize("model, tensors, words", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_architecture(model, tensors, words, path):
    size = max((t["data_offsets"][1] for t in tensors.values()), default=0)
    refused(path, described(model, bytes(range(size)), tensors), words)


def test_nested_architectures(path):
    refused(path, described(json.loads(NESTED * 70 + '{"class":"Tanh"}' + "}}" * 70)), "more than 64 nested in each")
    about = '{"format":1,"model":' + NESTED * 100_000
    refused(path, pack({"__metadata__": {"fastnet": about}}), "the description of the model is nested too deep")
    about = '{"format":1,"model":[' + "[]," * 1_000_000 + "[]]}"
    refused(path, pack({"__metadata__": {"fastnet": about}}), "the description of the model is damaged: it has more")


ABOUT = {
    "no JSON": ("{", "the description of the model is damaged"),
    "no object": ("[]", "it has no format"),
    "no format": ("{}", "it has no format"),
    "a format of text": ('{"format":"1"}', "it has no format"),
    "a format that is true": ('{"format":true}', "it has no format"),
    "a newer format": ('{"format":2,"model":{}}', "the file has format 2 of a newer version of fastnet"),
    "no model": (
        '{"format":1,"class":[],"reason":{}}', "weights of a model of class '?', but not its architecture (?)"),
    "two models": ('{"format":1,"model":{},"model":{}}', "duplicate name 'model'"),
    "infinity": ('{"format":1,"model":Infinity}', "Infinity is not JSON"),
}


@pytest.mark.parametrize("about, words", ABOUT.values(), ids=ABOUT)
def test_damaged_descriptions(about, words, path):
    refused(path, pack({"__metadata__": {"fastnet": about}}), words)


def test_damaged_metadata(path):
    for text, words in (("{", "its metadata is damaged"), ("[]", "expected its metadata to be a dictionary, got list"),
                        ("[" * 100_000, "its metadata is nested too deep"), ('{"x":NaN}', "NaN is not JSON")):
        about = json.dumps({"format": 1, "metadata": text})
        refused(path, pack({"__metadata__": {"fastnet": about}}), words, fastnet.load_metadata)


def test_tensors_of_unsupported_dtypes(path):
    path.write_bytes(pack({"weight": entry("U16", (1, 1), (0, 2))}, bytes(2)))
    for read in (fastnet.load_file, lambda p: fastnet.load(p, model=nn.Linear(1, 1, bias=False))):
        with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: .*(uint16|U16)"):
            read(path)


# ---- a disk that is full --------------------------------------------------------------------------------------------

@pytest.fixture
def saved(path):
    """The path of a model of zeros."""
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    model.save(path)
    return path


def test_a_full_disk_leaves_the_old_file(saved, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{re.escape(str(saved))}'"):
        nn.Linear(2, 2).save(saved)
    assert (fastnet.load(saved).weight == 0).all() and list(saved.parent.iterdir()) == [saved]


def test_a_file_that_becomes_too_large_leaves_the_old_one(saved):
    pytest.importorskip("resource")
    text = output(f"""
import resource, fastnet
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    fastnet.nn.Linear(1000, 1000).save({str(saved)!r})
except OSError as e:
    print(e)
""")
    assert text == f"[Errno {errno.EFBIG}] File too large: {str(saved)!r}\n"
    assert (fastnet.load(saved).weight == 0).all() and list(saved.parent.iterdir()) == [saved]


def test_a_missing_folder(tmp_path):
    path = tmp_path / "no" / "model.safetensors"
    with pytest.raises(FileNotFoundError, match=re.escape(repr(str(path)))):
        nn.Linear(2, 2).save(path)
