"""Names of PyTorch that fastnet does not have, and what to use instead."""

__all__ = ["ADVICE", "PACKAGES"]

_WORLD = "torch.distributed has the collectives of one group of all processes; see fastnet.distributed"

# A name without "torch.", which stands for all names below it, too: the continuation of the error.
ADVICE: dict[str, str] = {
    "cuda": "there is one device, the CPU; test torch.cuda.is_available() first",
    "mps": "there is one device, the CPU; test torch.backends.mps.is_available() first",
    "xpu": "there is one device, the CPU",
    "hub": "download the file yourself, convert it to safetensors once, and load it with fastnet.load_file",
    "utils.model_zoo": "download the file yourself, convert it to safetensors once, and load it with fastnet.load_file",
    "onnx": "torch.onnx.export writes an ONNX file",
    "jit": "torch.jit.script and torch.jit.trace return their argument; fastnet.compile(model) makes it fast",
    "fx": "fastnet.graph.trace(model, example) returns the graph of a model",
    "export": "fastnet.graph.trace(model, example) returns the graph of a model",
    "sparse": "tensors are dense; nn.Embedding(sparse=True) has sparse gradients",
    "sparse_coo_tensor": "tensors are dense: use torch.zeros and index_put, or scipy.sparse",
    "sparse_csr_tensor": "tensors are dense: use scipy.sparse",
    "quantization": "fastnet.quantize makes a quantised model; there are no quantized tensors",
    "ao": "fastnet.quantize makes a quantised model; there are no quantized tensors",
    "nn.quantized": "fastnet.quantize makes a quantised model; there are no quantized tensors",
    "distributed": _WORLD,
    "nested": "use pad_sequence or PackedSequence of torch.nn.utils.rnn",
    "Tensor.share_memory_": "send arrays to processes, or exchange gradients by torch.distributed",
    "library": "make an operation with torch.autograd.Function or fastnet.autograd.op",
    "ops": "make an operation with torch.autograd.Function or fastnet.autograd.op",
    "classes": "C++ extensions of PyTorch cannot be loaded",
    "utils.cpp_extension": "C++ extensions of PyTorch cannot be loaded",
}

# Packages that call operators compiled for PyTorch, and what to use instead.
PACKAGES = {"torchvision": "fastnet.datasets, fastnet.data and fastnet.models have counterparts",
            "torchaudio": "fastnet.audio has counterparts", "torchtext": "fastnet.text has counterparts"}
