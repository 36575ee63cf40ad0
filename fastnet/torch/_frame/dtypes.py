"""PyTorch's dtype objects, sizes, and the functions of the module `torch` that return dtypes."""
from __future__ import annotations

from typing import Any

import fastnet
from fastnet import dtypes
from fastnet._core.torch_types import TorchDtype, TorchSize

__all__ = ["Size", "bfloat16", "bool", "cdouble", "cfloat", "complex64", "complex128", "double", "dtype",
           "float", "float16", "float32", "float64", "get_default_dtype", "half", "int", "int8", "int16", "int32",
           "int64", "long", "promote_types", "result_type", "short", "uint8"]

dtype, Size = TorchDtype, TorchSize
BY_NUMPY = {numpy: dtype(numpy) for numpy in (*dtypes.ALL, *dtypes.MORE)}      # {NumPy's dtype: PyTorch's}
bfloat16 = dtype(dtypes.bfloat16)
dtypes.bfloat16.when_loaded(lambda numpy: BY_NUMPY.setdefault(numpy, bfloat16))
bool, uint8, int8 = BY_NUMPY[dtypes.bool_], BY_NUMPY[dtypes.uint8], BY_NUMPY[dtypes.int8]
int16 = short = BY_NUMPY[dtypes.int16]
int32 = int = BY_NUMPY[dtypes.int32]
int64 = long = BY_NUMPY[dtypes.int64]
float16 = half = BY_NUMPY[dtypes.float16]
float32 = float = BY_NUMPY[dtypes.float32]
float64 = double = BY_NUMPY[dtypes.float64]
complex64 = cfloat = BY_NUMPY[dtypes.complex64]
complex128 = cdouble = BY_NUMPY[dtypes.complex128]


def get_default_dtype() -> TorchDtype:
    """The dtype of tensors of Python floats for which none is given."""
    return BY_NUMPY[dtypes.get_default_dtype()]


def promote_types(type1: Any, type2: Any) -> TorchDtype:
    """The smallest dtype of the higher category of two dtypes that holds both."""
    return BY_NUMPY[dtypes.promote_types(type1, type2)]


def result_type(tensor1: Any, tensor2: Any) -> TorchDtype:
    """The dtype of the result of arithmetic on two tensors or numbers."""
    return BY_NUMPY[fastnet.result_type(tensor1, tensor2)]
