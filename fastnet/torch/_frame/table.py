"""The tree of PyTorch's modules, and where the names of each come from."""
from __future__ import annotations

from collections.abc import Iterable

from fastnet.torch._frame import devices, old_names
from fastnet.torch._frame.bases import MODULES, SCHEDULERS
from fastnet.torch._frame.mirror import Source

__all__ = ["FASTNET_ONLY", "FUNCTIONS", "TREE"]

_FRAME = "fastnet.torch._frame."

# Names of fastnet that PyTorch does not have, or has for something else, which `import torch` must not show.
FASTNET_ONLY = frozenset((
    "Distiller", "Trainer", "audio", "available_isas", "backend", "c_source", "callbacks", "data", "datasets", "dtypes",
    "explain", "export_c", "federated", "functional", "get_isa", "grad", "graph", "load_file", "load_metadata",
    "load_pretrained", "lora", "metrics", "models", "ops", "privacy", "prune", "quantization", "quantize", "save_file",
    "set_backend", "set_isa", "show_config", "sklearn", "text", "training", "transfer", "use_backend"))


def _ignored(*values: object) -> None:
    """Has no effect."""


def _below(path: str, names: Iterable[str]) -> dict[str, tuple[Source, ...]]:
    """Modules below one, each of which shows all names of it: PyTorch divides them by subject."""
    return {f"{path}.{name}": (f".{path}",) for name in names}


# Modules that a function of the same name hides: `torch.nn.utils.weight_norm` is the function, as in PyTorch.
FUNCTIONS = frozenset((
    "autograd.gradcheck", "nn.parallel.data_parallel", "nn.parallel.parallel_apply", "nn.parallel.replicate",
    "nn.utils.spectral_norm", "nn.utils.weight_norm"))

# A parent comes before the modules below it.
TREE: dict[str, tuple[Source, ...]] = {
    "": (_FRAME + "dtypes", _FRAME + "root", _FRAME + "outputs", "fastnet",
         _FRAME + "functions", _FRAME + "signals", old_names.ROOT),

    "nn": (_FRAME + "parallel", "fastnet.nn"),
    "nn.functional": ("fastnet.nn.functional", old_names.FUNCTIONAL),
    "nn.init": ("fastnet.nn.init", old_names.INIT),
    "nn.parameter": ("fastnet.nn",),
    "nn.attention": (_FRAME + "attention",),
    "nn.utils": ("fastnet.nn.utils", old_names.UTILS),
    "nn.utils.rnn": ("fastnet.nn.utils.rnn",),
    **_below("nn.utils", ("clip_grad", "convert_parameters", "fusion", "spectral_norm", "weight_norm")),
    "nn.utils.stateless": ("fastnet.func",),
    "nn.utils.parametrize": ("fastnet.nn.utils.parametrize",),
    "nn.utils.parametrizations": ("fastnet.nn.utils.parametrizations",),
    "nn.utils.prune": ("fastnet.nn.utils.prune",),
    "nn.parallel": (_FRAME + "parallel",),
    **_below("nn.parallel", ("data_parallel", "distributed", "scatter_gather", "replicate", "parallel_apply")),
    "nn.modules": (MODULES, ".nn"),
    **_below("nn.modules", (
        "activation", "adaptive", "batchnorm", "channelshuffle", "container", "conv", "distance", "dropout", "flatten",
        "fold", "instancenorm", "lazy", "linear", "loss", "module", "normalization", "padding", "pixelshuffle",
        "pooling", "rnn", "sparse", "transformer", "upsampling")),
    "nn.modules.utils": (old_names.SIZES,),

    "optim": ("fastnet.optim",),
    "optim.lr_scheduler": (SCHEDULERS, "fastnet.optim.lr_scheduler"),
    "optim.swa_utils": ("fastnet.optim.swa_utils",),
    **_below("optim", ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "lbfgs", "muon", "nadam",
                       "optimizer", "radam", "rmsprop", "rprop", "sgd", "sparse_adam")),

    "autograd": ("fastnet.autograd", _FRAME + "autograd"),
    "autograd.functional": ("fastnet.autograd.functional",),
    "autograd.forward_ad": ("fastnet.autograd.forward_ad",),
    "autograd.graph": ("fastnet.autograd.graph", "fastnet.autograd"),
    "autograd.profiler": (_FRAME + "profiler",),
    "autograd.function": ("fastnet.autograd.function", ".autograd"),
    **_below("autograd", ("anomaly_mode", "grad_mode", "gradcheck", "variable")),

    "utils": (_FRAME + "utils",),
    "utils.data": ("fastnet.data.samples",),
    **_below("utils.data", ("dataloader", "dataset", "sampler", "distributed")),
    "utils.data._utils": (),
    "utils.data._utils.collate": (".utils.data",),
    "utils.checkpoint": (_FRAME + "checkpoint",),
    "utils.hooks": (_FRAME + "utils",),
    "utils.tensorboard": (_FRAME + "tensorboard",),
    "utils.tensorboard.writer": (".utils.tensorboard",),
    "utils.tensorboard.summary": (_FRAME + "tensorboard",),
    "utils.model_zoo": (),

    "distributions": ("fastnet.distributions",),
    **_below("distributions", (
        "bernoulli", "beta", "binomial", "categorical", "cauchy", "chi2", "dirichlet", "distribution",
        "exponential", "gamma", "geometric", "gumbel", "half_cauchy", "half_normal", "independent", "laplace",
        "log_normal", "mixture_same_family", "multinomial", "multivariate_normal", "negative_binomial", "normal",
        "one_hot_categorical", "pareto", "poisson", "relaxed_bernoulli", "relaxed_categorical", "studentT",
        "transformed_distribution", "uniform", "von_mises", "weibull")),
    **{f"distributions.{name}": (f"fastnet.distributions.{name}", ".distributions")
       for name in ("constraints", "kl", "transforms", "utils")},
    "linalg": ("fastnet.linalg",),
    "fft": ("fastnet.fft",),
    "special": ("fastnet.special",),
    "func": ("fastnet.func",),
    "random": (_FRAME + "random_state", "fastnet.random"),
    "testing": (_FRAME + "testing",),
    "types": (_FRAME + "types",),
    "serialization": (_FRAME + "serialization",),
    "profiler": (_FRAME + "profiler",),
    "compiler": (_FRAME + "compiling",),
    "_dynamo": (_FRAME + "compiling",),
    "_dynamo.config": ({"suppress_errors": False, "verbose": False, "cache_size_limit": 64},),
    "_inductor": (),
    "_inductor.config": ({},),
    "jit": (_FRAME + "jit",),
    "_C": ({"_log_api_usage_once": _ignored},),
    "hub": (),
    "onnx": (_FRAME + "onnx",),
    "multiprocessing": (_FRAME + "multiprocessing", old_names.MULTIPROCESSING),

    "distributed": (_FRAME + "distributed",),
    "distributed.distributed_c10d": (".distributed",),

    "amp": (_FRAME + "amp",),
    **_below("amp", ("autocast_mode", "grad_scaler")),
    "cuda": (_FRAME + "cuda",),
    "cuda.amp": (_FRAME + "cuda_amp",),
    **_below("cuda.amp", ("autocast_mode", "grad_scaler")),
    "cuda.random": (".cuda",),
    "cuda.memory": (".cuda",),
    "cuda.nccl": (devices.NO_VERSION,),
    "mps": (_FRAME + "mps",),
    "xpu": (_FRAME + "mps",),
    "cpu": (_FRAME + "cpu",),
    "accelerator": (_FRAME + "accelerator",),
    "accelerator.memory": (_FRAME + "accelerator",),
    "version": (devices.VERSION,),
    "backends": (),
    **{f"backends.{path}": (values,) for path, values in devices.BACKENDS.items()},
}
