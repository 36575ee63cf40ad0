"""fastnet: a neural-network engine for the CPU, with PyTorch's names.

The import loads NumPy and the core of fastnet. The rest (`fastnet.Trainer`, `fastnet.data`, ...) is loaded on first
use.
"""
from __future__ import annotations

import importlib
from math import e, inf, nan, pi
from typing import TYPE_CHECKING

from fastnet._core import startup

with startup.errors_in_a_line():       # FASTNET_BACKEND and FASTNET_ISA are read here
    importlib.import_module("fastnet.backend")

from fastnet import autograd, backend, dtypes, functional, nn, random
from fastnet._core.construction import as_tensor, from_dlpack, from_numpy, is_floating_point, is_tensor, numel, tensor
from fastnet._core.later import (
    FUNCTIONS as _FUNCTIONS,
    imported_on_use as _imported_on_use,
    modules_of as _modules_of,
    places_of as _places_of,
)
from fastnet._core.placement import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    device,
    get_default_device,
    layout,
    memory_format,
    preserve_format,
    set_default_device,
    strided,
)
from fastnet._core.print_options import set_printoptions
from fastnet._core.size import Size
from fastnet._core.tensor import Tensor
from fastnet.autograd import enable_grad, grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from fastnet.backend import (
    available_isas,
    get_isa,
    get_num_threads,
    set_backend,
    set_isa,
    set_num_threads,
    show_config,
    use_backend,
)
from fastnet.dtypes import (
    bfloat16,
    bool_ as bool,
    can_cast,
    complex64,
    complex64 as cfloat,
    complex128,
    complex128 as cdouble,
    dtype,
    finfo,
    float16,
    float16 as half,
    float32,
    float32 as float,
    float64,
    float64 as double,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int16 as short,
    int32,
    int32 as int,
    int64,
    int64 as long,
    promote_types,
    set_default_dtype,
    uint8,
)
from fastnet.functional import *
from fastnet.functional.typed_tensors import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)
from fastnet.random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state

if TYPE_CHECKING:
    from fastnet import (
        audio,
        c_source,
        callbacks,
        data,
        datasets,
        distributed,
        distributions,
        explain,
        federated,
        fft,
        func,
        graph,
        linalg,
        lora,
        metrics,
        models,
        onnx,
        ops,
        optim,
        privacy,
        profiler,
        prune,
        quantization,
        sklearn,
        special,
        text,
        training,
        transfer,
    )
    from fastnet._replay.compiled import compile
    from fastnet.c_source import export_c
    from fastnet.linalg import (
        cholesky_inverse,
        cholesky_solve,
        det,
        inv as inverse,
        logdet,
        matrix_exp,
        matrix_power,
        old_cholesky as cholesky,
        old_lu as lu,
        old_lu_solve as lu_solve,
        old_qr as qr,
        old_svd as svd,
        pinv as pinverse,
        slogdet,
        triangular_solve,
    )
    from fastnet.models import load_pretrained
    from fastnet.nn.saving import load, load_file, load_metadata, save_file
    from fastnet.quantization import quantize
    from fastnet.special import (
        digamma,
        erfc,
        erfinv,
        exp2,
        gammainc as igamma,
        gammaincc as igammac,
        i0,
        lgamma,
        logit,
        multigammaln as mvlgamma,
        polygamma,
        sinc,
        xlogy,
    )
    from fastnet.training import Distiller, Trainer

__version__ = "0.1.0"

newaxis: None = None

# what is loaded on first use; a test compares it with the imports for type checkers above
_LOADED_LATER = {
    **_modules_of(__name__, (
        "audio", "c_source", "callbacks", "data", "datasets", "distributed", "distributions", "explain", "federated",
        "fft", "func", "graph", "linalg", "lora", "metrics", "models", "onnx", "ops", "optim", "privacy", "profiler",
        "prune", "quantization", "sklearn", "special", "text", "training", "transfer")),
    **_places_of(__name__, {
        "_replay.compiled": ("compile",),
        "c_source": ("export_c",),
        "models": ("load_pretrained",),
        "nn.saving": ("load", "load_file", "load_metadata", "save_file"),
        "quantization": ("quantize",),
        "training": ("Distiller", "Trainer")}),
    **_FUNCTIONS,
}

__all__ = [
    "Generator", "Tensor", "Trainer", "as_tensor", "audio", "autograd", "available_isas", "backend", "bool", "c_source",
    "callbacks", "channels_last", "channels_last_3d", "compile", "contiguous_format", "data", "datasets",
    "default_generator", "device", "distributed", "distributions", "double", "dtypes", "e", "enable_grad", "explain",
    "export_c", "float", "float32", "float64", "from_dlpack", "from_numpy", "func", "functional", "get_isa",
    "get_num_threads",
    "get_rng_state", "grad", "graph", "inf", "inference_mode", "initial_seed", "int", "int32", "int64",
    "is_floating_point", "is_grad_enabled", "is_tensor", "linalg", "load", "load_file", "load_metadata", "long",
    "manual_seed", "metrics", "models", "nan", "newaxis", "nn", "no_grad", "numel", "onnx", "ops", "optim", "pi",
    "preserve_format", "profiler", "prune", "quantization", "quantize", "random", "save_file", "seed", "set_backend",
    "set_grad_enabled", "set_isa", "set_num_threads", "set_rng_state", "show_config", "sklearn", "special", "strided",
    "tensor", "text", "training", "uint8", "use_backend",
]
__all__ += [
    "Distiller", "lora",
    "CharTensor", "HalfTensor", "ShortTensor", "Size", "bfloat16", "dtype", "layout", "memory_format",
    "set_printoptions",
    "privacy",
    "BoolTensor", "ByteTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "can_cast", "cdouble",
    "cfloat", "complex64", "complex128", "federated", "fft", "finfo", "float16", "half", "int8", "int16", "short",
    "get_default_device", "get_default_dtype", "iinfo", "promote_types", "set_default_device", "set_default_dtype"]
__all__ += ["load_pretrained", "transfer"]
__all__ += [*functional.__all__, *_FUNCTIONS]


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})


if not TYPE_CHECKING:                   # to type checkers, it would give the module every attribute
    __getattr__ = _imported_on_use(globals(), _LOADED_LATER)
