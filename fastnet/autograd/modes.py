"""Whether operations are recorded on the tape: per Python thread."""
import functools
import inspect

from fastnet._core.state import Swapped, inside, state


class _Mode(Swapped):
    """A context manager, and a decorator of functions and generator functions."""

    _mode = False

    def __init__(self):
        super().__init__(state, "grad_enabled", self._mode)

    def _again(self):
        """The same mode, for one call of a decorated function."""
        return type(self)()

    def __call__(self, fn):
        if inspect.isgeneratorfunction(fn):
            @functools.wraps(fn)
            def steps(*args, **kwargs):
                return (yield from _steps_inside(self._again, fn(*args, **kwargs)))
            return steps

        @functools.wraps(fn)
        def call(*args, **kwargs):
            return inside(self._again(), fn, *args, **kwargs)
        return call


def _steps_inside(mode, generator):
    """Run a generator, each of its steps inside a `mode()`; between them the caller's mode holds."""
    step, value = generator.send, None
    while True:
        try:
            result = inside(mode(), step, value)
        except StopIteration as stop:
            return stop.value
        try:
            step, value = generator.send, (yield result)
        except GeneratorExit:
            inside(mode(), generator.close)
            raise
        except BaseException as error:
            step, value = generator.throw, error


class _PlainMode(_Mode):
    """A mode without arguments: as a decorator it may go without parentheses."""

    def __new__(cls, fn=None):
        made = super().__new__(cls)
        return made if fn is None else made(fn)


class no_grad(_PlainMode):
    """Record no gradients inside the `with` block, or inside the decorated function or generator function.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> with fastnet.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False
        >>> @fastnet.no_grad
        ... def doubled():
        ...     return w * 2
        >>> doubled().requires_grad
        False
    """


class enable_grad(_PlainMode):
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


class set_grad_enabled(_Mode):
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
        super().__init__()
        super().__enter__()

    def __enter__(self):
        state.grad_enabled = self._mode

    def _again(self):
        return set_grad_enabled(self._mode)

    def __call__(self, fn):
        self.__exit__()                         # it was made to decorate, not to hold from now on
        return super().__call__(fn)


def is_grad_enabled():
    """Whether this Python thread records gradients.

    Example:
        >>> import fastnet
        >>> with fastnet.no_grad():
        ...     fastnet.is_grad_enabled()
        False
    """
    return state.grad_enabled
