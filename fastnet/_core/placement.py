"""Where tensors lie, in PyTorch's words: on one device, "cpu", in one layout, "strided".

The constructors take `device`, `layout`, `pin_memory` and `memory_format`, and what moves or converts a tensor takes
`non_blocking` too, so that programs written for PyTorch run unchanged. Another device or layout is an error.
`pin_memory`, `non_blocking` and `memory_format` change no value, and fastnet ignores them: a new tensor is contiguous.
"""
import functools
import inspect

strided = "strided"
contiguous_format, preserve_format = "contiguous_format", "preserve_format"
channels_last, channels_last_3d = "channels_last", "channels_last_3d"

_KNOWN = {"device": ("cpu",), "layout": (strided,),
          "memory_format": (contiguous_format, preserve_format, channels_last, channels_last_3d)}


class device(str):
    """The device of a tensor: "cpu".

    Args:
        type: "cpu".
        index: ignored.

    Raises:
        RuntimeError: another device.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(1).device == fastnet.device("cpu"), fastnet.device("cpu").type
        (True, 'cpu')
    """

    type = "cpu"

    def __new__(cls, type="cpu", index=None):
        check_placement("device", device=type)
        return super().__new__(cls, "cpu")


def check_placement(name, **options):
    """Refuse a device, a layout or a memory format that does not exist; PyTorch's own objects are read by their names.

    Raises:
        RuntimeError: what was expected, and what was given.
    """
    for option, given in options.items():
        known = _KNOWN[option]
        if given is not None and str(given).removeprefix("torch.").partition(":")[0] not in known:
            raise RuntimeError(f"{name}: expected {option} to be {' or '.join(map(repr, known))}, got {str(given)!r}")


def placed(constructor):
    """Give a constructor the arguments `device`, `layout`, `pin_memory` and `memory_format`."""
    @functools.wraps(constructor)
    def wrapper(*args, device=None, layout=None, pin_memory=False, memory_format=None, **kwargs):
        if not (device is None and layout is None and memory_format is None):
            check_placement(constructor.__name__, device=device, layout=layout, memory_format=memory_format)
        return constructor(*args, **kwargs)
    signature = inspect.signature(constructor)
    wrapper.__signature__ = signature.replace(                              # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *_ARGUMENTS])
    return wrapper


_ARGUMENTS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (("device", None, "str | None"), ("layout", None, "str | None"),
                                      ("pin_memory", False, "bool"), ("memory_format", None, "object"))
]
