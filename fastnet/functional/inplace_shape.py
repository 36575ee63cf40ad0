"""Methods that change the shape of a tensor itself: squeeze_, unsqueeze_, t_, transpose_, resize_."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.functional.creation import empty
from fastnet.functional.dims import as_size
from fastnet.functional.inplace import writable
from fastnet.functional.shape import squeeze, t, transpose, unsqueeze

if TYPE_CHECKING:
    from fastnet._core.annotations import Size

__all__ = ["resize_", "resize_as_"]


def _check_alone(name: str, x: Tensor) -> None:
    """Refuse to change the shape of a tensor whose place in memory others know.

    Raises:
        RuntimeError: a parameter of a module, a view or a base of views that gradients flow through, or a tensor from
            outside of a compiled function.
    """
    writable(name, x)
    if x._slot is not None:
        raise RuntimeError(f"{name}: the shape of a parameter cannot change; assign a new Parameter to the module")
    if x._requires_grad and (x._base is not None or x._views):
        raise RuntimeError(f"{name}: gradients flow through this tensor and a view of it, so that its shape cannot "
                           "change; use the form that returns its result")
    if state.recorder is not None and not state.recorder.made_inside(x._data):
        raise RuntimeError(f"{name}: a replay would not change the shape of a tensor from outside the compiled "
                           "function; use the form that returns its result")


def _shape_method(plain: Callable[..., Tensor], name: str) -> None:
    """Define the method `name`, which gives its tensor the shape of plain(tensor, ...)."""
    def function(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        _check_alone(name, self)
        result = plain(self, *args, **kwargs)
        self._data = result._data
        if result._node is not None:
            self._node = result._node
        return self
    function.__wrapped__ = plain                            # type: ignore[attr-defined]    # it has the same signature
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""As `{plain.__name__}`, but change the shape of the tensor itself and return it.

    Raises:
        RuntimeError: a parameter of a module, or gradients flow through the tensor and a view of it.
    """
    method()(function)


for _plain, _name in ((squeeze, "squeeze_"), (unsqueeze, "unsqueeze_"), (t, "t_"), (transpose, "transpose_"),
                      (transpose, "swapaxes_"), (transpose, "swapdims_")):
    _shape_method(_plain, _name)


@method()
def resize_(self: Tensor, *size: Size) -> Tensor:
    """Give the tensor another shape and return it: its elements in order, then uninitialised ones.

    Args:
        self: a tensor that does not require a gradient.
        size: the shape, as numbers or as one tuple.

    Raises:
        RuntimeError: a tensor that requires a gradient, or a parameter.

    Example:
        >>> import fastnet
        >>> fastnet.arange(4).resize_(2, 2)
        tensor([[0, 1],
                [2, 3]])
    """
    _check_alone("resize_", self)
    if self._requires_grad:
        raise RuntimeError("resize_: expected a tensor that does not require a gradient; use reshape")
    shape = as_size("resize_", size)
    flat = self.detach().reshape(-1)
    count = 1
    for n in shape:
        count *= n
    if count > flat.numel():
        larger = empty(count, dtype=self.dtype)
        larger[:flat.numel()] = flat
        flat = larger
    result = flat[:count].reshape(shape)
    self._data, self._storage = result._data, result._storage
    return self


@method()
def resize_as_(self: Tensor, the_template: Tensor) -> Tensor:
    """`resize_` to the shape of another tensor.

    Example:
        >>> import fastnet
        >>> fastnet.arange(4).resize_as_(fastnet.zeros(2, 2)).shape
        (2, 2)
    """
    return resize_(self, the_template.shape)
