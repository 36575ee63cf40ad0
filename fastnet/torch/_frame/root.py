"""Names of the module `torch` itself that are no operations: settings that have no effect, and those of other files."""
from __future__ import annotations

from typing import Any

from fastnet._core.placement import check_placement, device as Device
from fastnet._core.tensor import Tensor
from fastnet.autograd import is_grad_enabled
from fastnet.func import vmap
from fastnet.torch._frame.amp import GradScaler, autocast
from fastnet.torch._frame.compiling import compile
from fastnet.torch._frame.serialization import load, save

__all__ = [
    "GradScaler", "are_deterministic_algorithms_enabled", "autocast", "compile", "get_default_device",
    "get_float32_matmul_precision", "get_num_interop_threads", "is_autocast_enabled", "is_complex",
    "is_deterministic_algorithms_warn_only_enabled", "is_inference", "is_inference_mode_enabled", "is_storage", "load",
    "save", "set_default_device", "set_default_tensor_type", "set_deterministic_debug_mode",
    "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads", "set_warn_always", "typename",
    "use_deterministic_algorithms", "vmap",
]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Has no effect: every operation is deterministic."""


def are_deterministic_algorithms_enabled() -> bool:
    """Whether operations are deterministic: always."""
    return True


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether operations that are not deterministic only warn: there are none."""
    return False


def set_deterministic_debug_mode(debug_mode: Any) -> None:
    """Has no effect: every operation is deterministic."""


_PRECISIONS = ("highest", "high", "medium")


def set_float32_matmul_precision(precision: str) -> None:
    """Accept a precision of matrix products, which are computed in float32 in any case.

    Raises:
        RuntimeError: the name is not "highest", "high" or "medium".
    """
    if precision not in _PRECISIONS:
        raise RuntimeError(f"set_float32_matmul_precision: expected one of {', '.join(map(repr, _PRECISIONS))}, got "
                           f"{precision!r}")


def get_float32_matmul_precision() -> str:
    """The precision of matrix products: "highest"."""
    return _PRECISIONS[0]


def set_num_interop_threads(threads: int) -> None:
    """Has no effect: operations run one after another."""


def get_num_interop_threads() -> int:
    """The number of operations that run at the same time: 1."""
    return 1


def set_flush_denormal(mode: bool) -> bool:
    """Refuse to change the floating-point mode of the thread: kernels set and restore their own. Returns False."""
    return False


def set_warn_always(mode: bool) -> None:
    """Has no effect on fastnet's warnings, which Python's filters control."""


def set_default_device(device: Any) -> None:
    """Accept "cpu", the one device, and None.

    Raises:
        RuntimeError: another device.
    """
    check_placement("set_default_device", device=device)


def get_default_device() -> Any:
    """The device of new tensors: "cpu"."""
    return Device("cpu")


def set_default_tensor_type(kind: Any) -> None:
    """Set the default dtype by the name of a tensor class, such as `torch.DoubleTensor`.

    Raises:
        RuntimeError: the class belongs to another device.
    """
    import fastnet
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    if "cuda" in str(kind):
        raise RuntimeError("set_default_tensor_type: there is one device, the CPU; test torch.cuda.is_available() "
                           "first")
    dtypes = {"FloatTensor": fastnet.float32, "DoubleTensor": fastnet.float64}
    name = name.rpartition(".")[2]
    if name not in dtypes:
        raise TypeError(f"set_default_tensor_type: expected FloatTensor or DoubleTensor, got {name}")
    import fastnet.torch
    fastnet.torch.set_default_dtype(dtypes[name])


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether operations convert their inputs to a smaller dtype: no."""
    return False


def is_inference_mode_enabled() -> bool:
    """Whether gradients are off: `inference_mode` is `no_grad`."""
    return not is_grad_enabled()


def is_inference(input: Any) -> bool:
    """Whether a tensor was made in inference mode, so that it can never have gradients: no."""
    return False


def is_storage(obj: Any) -> bool:
    """Whether an object is a storage, which fastnet does not show: no."""
    return False


def is_complex(input: Tensor) -> bool:
    """Whether a tensor is complex."""
    return input.dtype.kind == "c"


def typename(obj: Any) -> str:
    """The name of an object's type: "torch.FloatTensor" of a tensor.

    Example:
        >>> import fastnet.torch as torch
        >>> torch.typename(torch.ones(1))
        'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return f"torch.{str(obj.type()).rpartition('.')[2]}"
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"

