"""What the tests of saved models share: files made by hand, and models of all that can be saved."""
import json

import fastnet
from fastnet import nn


def pack(header, body=b""):
    """The bytes of a safetensors file with this header: bytes, text or what becomes JSON."""
    header = header if isinstance(header, bytes | str) else json.dumps(header)
    header = header.encode() if isinstance(header, str) else header
    return len(header).to_bytes(8, "little") + header + body


def unpack(data):
    """(header, body) of the bytes of a file."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def described(model, body=b"", tensors=None, **about):
    """The bytes of a file that describes `model` in so many words."""
    about = {"format": 1, "class": "Sequential", "model": model} | about
    return pack({"__metadata__": {"fastnet": json.dumps(about)}, **(tensors or {})}, body)


def small_model():
    """One of everything that a description can say, 4 numbers to 4 numbers."""
    act = nn.ReLU()
    model = nn.Sequential({"a": nn.Linear(4, 4), "act": act, "norm": nn.BatchNorm1d(4), "again": act,
                           "inner": nn.Sequential(nn.LayerNorm([4]), nn.Dropout(0.25)),
                           "out": nn.Linear(4, 4, bias=False)})
    model[5].weight = model[0].weight
    model[0].bias.requires_grad = False
    model(fastnet.randn(8, 4))          # moves the running statistics
    return model


def model_with_additions():
    """A model with masks and adapters, 4 numbers to 4 numbers."""
    model = nn.Sequential({"a": nn.Linear(4, 4), "act": nn.ReLU(), "b": nn.Linear(4, 4)})
    nn.utils.prune.l1_unstructured(model[0], "weight", 0.5)
    nn.utils.prune.l1_unstructured(model[2], "bias", 0.5)
    return fastnet.lora.apply(model, r=2, modules_to_save=[], seed=0)
