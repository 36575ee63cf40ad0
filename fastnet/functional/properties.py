"""Properties of the dtype and the place of a tensor: fastnet has one device, "cpu", and one layout, "strided"."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.placement import check_placement, device as device_, strided
from fastnet._core.tensor import extend, method
from fastnet.functional.description import describe

if TYPE_CHECKING:
    from fastnet._core.annotations import DType, DTypeLike, Operand
    from fastnet._core.tensor import Tensor

__all__ = ["cuda", "get_device", "is_complex", "is_nonzero", "is_pinned", "is_same_size", "is_signed",
           "pin_memory", "result_type", "sparse_coo_tensor", "to_dense", "to_sparse"]


@method()
def cuda(input: Tensor, device: object = None, non_blocking: bool = False) -> Tensor:
    """Refuse to move a tensor: the CPU is the only device.

    Raises:
        RuntimeError: always.

    Example:
        >>> import fastnet
        >>> fastnet.ones(1).cuda()
        Traceback (most recent call last):
        ...
        RuntimeError: cuda: expected device to be 'cpu', got 'cuda'; it is the only device, as is_available() says
    """
    check_placement("cuda", device="cuda" if device is None else device_("cuda", device) if isinstance(device, int)
                    else device)
    return input


@method()
def pin_memory(input: Tensor, device: object = None) -> Tensor:
    """The tensor itself: without another device, there is nothing to pin its memory for."""
    return input


@method()
def is_pinned(input: Tensor, device: object = None) -> bool:
    """False: memory is never pinned."""
    return False


@method()
def get_device(input: Tensor) -> int:
    """-1, which stands for the CPU.

    Example:
        >>> import fastnet
        >>> fastnet.get_device(fastnet.ones(1))
        -1
    """
    return -1


@method()
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex.

    Example:
        >>> import fastnet
        >>> fastnet.is_complex(fastnet.ones(1))
        False
    """
    return input.dtype.kind == "c"


@method()
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers.

    Example:
        >>> import fastnet
        >>> fastnet.is_signed(fastnet.ones(1)), fastnet.is_signed(fastnet.ones(1, dtype=fastnet.uint8))
        (True, False)
    """
    return input.dtype.kind not in "bu"


@method()
def is_nonzero(input: Tensor) -> bool:
    """Whether the single element of a tensor is not 0.

    Raises:
        RuntimeError: another number of elements, or a call inside a compiled function.

    Example:
        >>> import fastnet
        >>> fastnet.is_nonzero(fastnet.tensor([0.5]))
        True
    """
    return bool(input)


def result_type(tensor1: Operand, tensor2: Operand) -> DType:
    """The dtype of arithmetic on two tensors or numbers: see `fastnet.dtypes.result_type`.

    Example:
        >>> import fastnet
        >>> fastnet.result_type(fastnet.tensor([1, 2]), 1.0)
        dtype('float32')
    """
    operands: Any = (tensor1, tensor2)
    return dtypes.result_type(*(getattr(x, "_data", x) for x in operands))


@method()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape.

    Example:
        >>> import fastnet
        >>> fastnet.is_same_size(fastnet.ones(2), fastnet.ones(2, 1))
        False
    """
    return input.shape == other.shape


@method()
def to_dense(input: Tensor, dtype: DTypeLike | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor itself: all tensors are dense.

    Args:
        input: any shape.
        dtype: convert to this.
        masked_grad: ignored.

    Example:
        >>> import fastnet
        >>> fastnet.ones(2).to_dense()
        tensor([1., 1.])
    """
    return input if dtype is None else input.to(dtype)


@method()
def to_sparse(input: Tensor, *arguments: Any) -> Tensor:
    """Refuse a sparse layout: all tensors are dense.

    Raises:
        RuntimeError: always.

    Example:
        >>> import fastnet
        >>> fastnet.ones(2).to_sparse()
        Traceback (most recent call last):
        ...
        RuntimeError: to_sparse: tensors are dense; keep the dense tensor, or use scipy.sparse on its numpy() array
    """
    raise RuntimeError("to_sparse: tensors are dense; keep the dense tensor, or use scipy.sparse on its numpy() array")


def sparse_coo_tensor(indices: Any, values: Any, size: Any = None, *, dtype: DTypeLike | None = None,
                      device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Refuse a sparse layout: all tensors are dense.

    Raises:
        RuntimeError: always.

    Example:
        >>> import fastnet
        >>> fastnet.sparse_coo_tensor([[0], [1]], [3.0], (2, 2))
        Traceback (most recent call last):
        ...
        RuntimeError: sparse_coo_tensor: tensors are dense; use zeros(size).index_put(tuple(indices), values)
    """
    raise RuntimeError("sparse_coo_tensor: tensors are dense; use zeros(size).index_put(tuple(indices), values)")


def _false(kind: str, reason: str) -> property:
    def read(self: Tensor) -> bool:
        return False
    return property(describe(read, f"is_{kind}", f"False: {reason}."))


def _is_cpu(self: Tensor) -> bool:
    """True: the CPU is the only device."""
    return True


def _strided_layout(self: Tensor) -> str:
    """`fastnet.strided`, the only layout."""
    return strided


def _itemsize(self: Tensor) -> int:
    """The size of an element in bytes."""
    return self._data.itemsize


extend(
    is_cpu=property(_is_cpu), layout=property(_strided_layout), itemsize=property(_itemsize),
    **{f"is_{kind}": _false(kind, reason) for kind, reason in (
        ("cuda", "the CPU is the only device"), ("mps", "the CPU is the only device"),
        ("xpu", "the CPU is the only device"), ("meta", "every tensor has memory"),
        ("sparse", "the layout is always strided"), ("sparse_csr", "the layout is always strided"),
        ("mkldnn", "the layout is always strided"), ("quantized", "dtypes are never quantized"),
        ("nested", "tensors are never nested"))})
