"""`torch.onnx.export` over `fastnet.onnx.export`."""
from __future__ import annotations

from typing import Any

import fastnet.onnx

__all__ = ["export"]


def export(model: Any, args: Any = (), f: Any = None, *, kwargs: dict[str, Any] | None = None,
           input_names: Any = None, output_names: Any = None, opset_version: int | None = None,
           dynamic_axes: Any = None, dynamic_shapes: Any = None, **ignored: Any) -> None:
    """Write a model as an ONNX file, in evaluation mode: `fastnet.onnx.export` with the arguments of PyTorch.

    Args:
        model: a Module.
        args: a tensor, or a tuple of the positional arguments of `forward`.
        f: the path of the file.
        kwargs: the keyword arguments of `forward`, without positional ones.
        input_names, output_names, dynamic_axes: as for `fastnet.onnx.export`.
        opset_version: 13 to 22, by default 18.
        dynamic_shapes: refused: use dynamic_axes.
        ignored: `verbose`, `export_params`, `do_constant_folding` and the like have no effect.

    Raises:
        TypeError: no path, dynamic_shapes, or both args and kwargs.

    Example:
        >>> import os, tempfile
        >>> import fastnet.torch as torch
        >>> path = os.path.join(tempfile.mkdtemp(), "model.onnx")
        >>> torch.onnx.export(torch.nn.Linear(2, 3), torch.ones(1, 2), path, input_names=["x"], verbose=False)
        >>> os.path.getsize(path) > 36
        True
    """
    if f is None:
        raise TypeError("torch.onnx.export: expected the path of the file as f, got None")
    if dynamic_shapes is not None:
        raise TypeError("torch.onnx.export: expected dynamic_axes={'input': {0: 'batch'}} in place of dynamic_shapes")
    if kwargs and args != ():
        raise TypeError("torch.onnx.export: expected args or kwargs, got both; give all arguments in kwargs")
    options = {} if opset_version is None else {"opset_version": opset_version}
    fastnet.onnx.export(model, kwargs or args, f, input_names=input_names, output_names=output_names,
                        dynamic_axes=dynamic_axes, **options)
