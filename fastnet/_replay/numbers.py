"""Python numbers among the arguments that change from call to call: one recording serves them all.

While a function is recorded, a `Number` stands for a float argument. Arithmetic with it gives Numbers, and where one
reaches a kernel it becomes an array of no dimensions, which is written anew before each replay. Whatever else looks at
it reads its value; then the recording is for that value alone.
"""
import operator

import numpy as np

from fastnet._core.state import state


class Number:
    """A float argument, or what arithmetic makes of it.

    Args:
        note: the `Numbers` it belongs to.
        value: that it has now.
        compute: a function that gives its value at each replay; None for an argument.
    """

    __slots__ = ("_note", "compute", "value")

    def __init__(self, note, value, compute=None):
        self._note, self.value, self.compute = note, value, compute

    @property                           # type: ignore[misc]
    def __class__(self):                # isinstance(x, float) holds, as it does outside
        return float

    def array(self, dtype: np.dtype) -> np.ndarray:
        """An array of no dimensions that has the value, at replays too.

        Args:
            dtype: of the array.
        """
        return self._note.array(self, dtype)

    def read(self) -> float:
        """The value, which the recording is for from now on."""
        self._note.read = True
        return self.value

    def now(self) -> float:
        """The value of the replay that begins."""
        return self.value if self.compute is None else self.compute()

    def __reduce__(self):
        return float, (self.read(),)


def _arithmetic(name):
    function = getattr(operator, name)

    def forward(self, other):
        return _apply(self, function, self, other)

    def backward(self, other):
        return _apply(self, function, other, self)
    return forward, backward


def _sign(name):
    return lambda self: _apply(self, getattr(operator, name), self)


def _apply(number, function, *operands):
    if any(type(a) not in (Number, int, float) for a in operands):
        return NotImplemented
    result = function(*(a.value if type(a) is Number else a for a in operands))
    return Number(number._note, result, lambda: function(*(a.now() if type(a) is Number else a for a in operands)))


def _reading(name):
    def method(self, *args):
        return getattr(float, name)(self.read(), *(a.read() if type(a) is Number else a for a in args))
    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    for _method, _function in zip((f"__{_name}__", f"__r{_name}__"), _arithmetic(_name)):
        setattr(Number, _method, _function)
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _sign(_name))
for _name in dir(float):
    if _name not in Number.__dict__ and _name not in ("__new__", "__init__", "__getattribute__", "__setattr__",
                                                      "__delattr__", "__init_subclass__", "__subclasshook__",
                                                      "__dir__", "__sizeof__", "__reduce_ex__", "__getstate__",
                                                      "__getformat__", "__doc__", "fromhex", "real", "imag"):
        setattr(Number, _name, _reading(_name))


class Numbers:
    """The float arguments of one recording, and the arrays that hold them.

    Args:
        args, kwargs: the call's. Those of type float are replaced in `self.args` and `self.kwargs`.
    """

    def __init__(self, args: tuple, kwargs: dict):
        self.read = False
        self.arrays: list[tuple[np.ndarray, Number]] = []
        self.args = tuple(Number(self, a) if type(a) is float else a for a in args)
        self.kwargs = {name: Number(self, a) if type(a) is float else a for name, a in kwargs.items()}
        self._positions = [i for i, a in enumerate(args) if type(a) is float]
        self._names = [name for name, a in kwargs.items() if type(a) is float]

    def array(self, number: Number, dtype: np.dtype) -> np.ndarray:
        """An array of no dimensions that `take` keeps at a number's value."""
        if dtype.kind != "f":
            return np.array(number.read(), dtype)
        made = state.recorder.constant(np.array(number.value, dtype))
        self.arrays.append((made, number))
        return made

    def take(self, args: tuple, kwargs: dict) -> None:
        """Take the values of another call.

        Args:
            args, kwargs: the call's.
        """
        for i in self._positions:
            self.args[i].value = args[i]
        for name in self._names:
            self.kwargs[name].value = kwargs[name]
        for made, number in self.arrays:
            made[...] = number.now()
