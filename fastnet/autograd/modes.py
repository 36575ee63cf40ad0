"""Whether operations are recorded on the tape: per Python thread."""
import functools

from fastnet.state import state


class no_grad:
    """Record no gradients inside the `with` block, or inside the decorated function.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    _mode = False

    def __enter__(self):
        self._before = state.grad_enabled
        state.grad_enabled = self._mode

    def __exit__(self, *exc):
        state.grad_enabled = self._before

    def __call__(self, fn):
        @functools.wraps(fn)
        def inside(*args, **kwargs):
            with type(self)():
                return fn(*args, **kwargs)
        return inside


class enable_grad(no_grad):
    """Record gradients inside the `with` block, or inside the decorated function, even within `no_grad`.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.no_grad(), fastnet.enable_grad():
        ...     y = w * 2
        >>> y.requires_grad
        True
    """

    _mode = True


class set_grad_enabled(no_grad):
    """Record gradients, or not, from now on; as a context manager, until the block ends.

    Args:
        mode: whether to.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.set_grad_enabled(False):
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    def __init__(self, mode):
        self._mode = bool(mode)
        self._before = state.grad_enabled
        state.grad_enabled = self._mode

    def __enter__(self):
        state.grad_enabled = self._mode

    def __call__(self, fn):
        mode = self._mode
        state.grad_enabled = self._before

        @functools.wraps(fn)
        def inside(*args, **kwargs):
            with set_grad_enabled(mode):
                return fn(*args, **kwargs)
        return inside


def is_grad_enabled():
    """Whether this Python thread records gradients.

    Example:
        >>> import fastnet
        >>> with fastnet.no_grad():
        ...     fastnet.is_grad_enabled()
        False
    """
    return state.grad_enabled
