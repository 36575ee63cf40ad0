"""PyTorch's arguments on where and how a tensor is stored. fastnet has one device, "cpu", and one layout, "strided".

Constructors take `device`, `layout`, `pin_memory` and `memory_format`, and conversions take `non_blocking`, so that
programs written for PyTorch run unchanged. Another device or layout is an error. `pin_memory` and `non_blocking` are
ignored. `memory_format` orders the elements in memory and does not change results.
"""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

_T = TypeVar("_T")


class layout(str):
    """The class of layouts, for annotations. Layouts are names: `fastnet.strided` is the only one.

    Example:
        >>> import fastnet
        >>> fastnet.ones(1).layout
        'strided'
    """


class memory_format(str):
    """The class of memory formats, for annotations. They are names, such as `fastnet.channels_last`.

    Example:
        >>> import fastnet
        >>> fastnet.channels_last
        'channels_last'
    """


strided: str = layout("strided")
contiguous_format: str = memory_format("contiguous_format")
preserve_format: str = memory_format("preserve_format")
channels_last: str = memory_format("channels_last")
channels_last_3d: str = memory_format("channels_last_3d")

_CPU = "cpu"
_DEVICE_TYPES = (_CPU, "cuda", "mps", "xpu", "hpu", "xla", "mtia", "ipu", "vulkan", "meta")
_ACCEPTED = {"device": (_CPU,), "layout": (strided,),
             "memory_format": (contiguous_format, preserve_format, channels_last, channels_last_3d)}
_FORMAT_NDIM = {channels_last: 4, channels_last_3d: 5}
_ONE_DEVICE = "; it is the only device, as is_available() says"
_ADVICE = {"meta": "; a meta tensor has no values, and every tensor of fastnet has memory: leave the device out"}


class device(str):
    """A device, such as "cpu" or "cuda:1". Tensors are on "cpu", the only device of fastnet.

    Another device can be named, compared and printed, as programs do before they choose one; a tensor cannot be made
    there or moved to it. As a context, `with device("cpu"):` has no effect.

    Args:
        type: "cpu", or the name of another kind of device with or without its index: "cuda:0".
        index: the number of the device, or None.

    Raises:
        RuntimeError: an unknown kind of device, or a context of another device than "cpu".

    Example:
        >>> import fastnet
        >>> fastnet.device("cpu"), fastnet.device("cuda:1").index, fastnet.device("cuda", 1).type
        (device(type='cpu'), 1, 'cuda')
        >>> fastnet.zeros(1).device == fastnet.device("cpu")
        True
    """

    type: str
    index: int | None                   # type: ignore[assignment]    # PyTorch names it so; str.index is hidden

    def __new__(cls, type: str = _CPU, index: int | None = None) -> Self:
        kind, _, number = str(type).removeprefix("torch.").partition(":")
        if kind not in _DEVICE_TYPES or (number and (index is not None or not number.isdecimal())):
            raise RuntimeError(f"device: expected one of {', '.join(map(repr, _DEVICE_TYPES))}, with or without an "
                               f"index as in 'cuda:0', got {str(type)!r}")
        index = int(number) if number else index
        made = super().__new__(cls, kind if index is None else f"{kind}:{index}")
        made.type, made.index = kind, index
        return made

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"

    def __enter__(self) -> Self:
        check_placement("device", device=self)
        return self

    def __exit__(self, *error: object) -> None: ...


def get_default_device() -> device:
    """The device on which tensors are created: always "cpu".

    Example:
        >>> import fastnet
        >>> fastnet.get_default_device()
        device(type='cpu')
    """
    return device(_CPU)


def set_default_device(device: str | None) -> None:
    """Accept "cpu" as the device on which tensors are created.

    Args:
        device: "cpu", a `fastnet.device`, or None for the same.

    Raises:
        RuntimeError: another device.

    Example:
        >>> import fastnet
        >>> fastnet.set_default_device("cpu")
    """
    check_placement("set_default_device", device=device)


def placement_name(given: object) -> str:
    """The name of a device, layout or memory format, which may be PyTorch's own object.

    Example:
        >>> placement_name("cpu:0"), placement_name("torch.channels_last")
        ('cpu', 'channels_last')
    """
    return str(given).removeprefix("torch.").partition(":")[0]


def check_placement(name: str, **options: object) -> None:
    """Refuse an unknown device, layout or memory format.

    Args:
        name: the function that was called, for the error.
        options: `device`, `layout` and `memory_format`; None is the default of each.

    Raises:
        RuntimeError: an unknown one.
    """
    for option, given in options.items():
        if given is not None and placement_name(given) not in _ACCEPTED[option]:
            only = _ADVICE.get(placement_name(given), _ONE_DEVICE) if option == "device" else ""
            raise RuntimeError(f"{name}: expected {option} to be {' or '.join(map(repr, _ACCEPTED[option]))}, got "
                               f"{str(given)!r}{only}")


def format_name(name: str, memory_format: object, ndim: int, default: str) -> str:
    """The name of a memory format for a tensor of `ndim` dimensions.

    Args:
        name: the function that was called, for errors.
        memory_format: its name or PyTorch's object; None for the default.
        ndim: the number of dimensions.
        default: the name of the default.

    Raises:
        RuntimeError: an unknown format, or one for another number of dimensions.
    """
    if memory_format is None:
        return default
    check_placement(name, memory_format=memory_format)
    found = placement_name(memory_format)
    if ndim != _FORMAT_NDIM.get(found, ndim):
        raise RuntimeError(f"{name}: {found} needs a tensor of {_FORMAT_NDIM[found]} dimensions, got {ndim}")
    return found


def placed(constructor: Callable[..., _T]) -> Callable[..., _T]:
    """Give a constructor the arguments `device`, `layout`, `pin_memory` and `memory_format`."""
    @functools.wraps(constructor)
    def wrapper(*args, device=None, layout=None, pin_memory=False, memory_format=None, **kwargs):
        if not (device is None and layout is None and memory_format is None):
            check_placement(constructor.__name__, device=device, layout=layout, memory_format=memory_format)
        made: Any = constructor(*args, **kwargs)
        if memory_format is None or placement_name(memory_format) == preserve_format:
            return made
        ordered = made.detach().contiguous(memory_format=memory_format)
        return ordered.requires_grad_(made.requires_grad)
    signature = inspect.signature(constructor)
    wrapper.__signature__ = signature.replace(                              # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *_ARGUMENTS])
    return wrapper


_ARGUMENTS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (("device", None, "str | None"), ("layout", None, "str | None"),
                                      ("pin_memory", False, "bool"), ("memory_format", None, "object"))
]
