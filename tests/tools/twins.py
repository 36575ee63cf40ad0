"""Both implementations of fastnet/_runtime, compiled and in plain Python, in one process: the fixture `twin`."""
from types import SimpleNamespace

from fastnet._core.tensor import Tensor
from fastnet._runtime import native
from fastnet._runtime.twins import memory, pointwise, saved, state, tape, untaped, wrappers


class PlainTensor(tape.TensorBase):
    """The class of the tensors of the tape in Python, where fastnet's own are compiled."""


TWINS = {"python": SimpleNamespace(memory=memory, pointwise=pointwise, saved=saved, state=state, tape=tape,
                                   untaped=untaped, wrappers=wrappers, tensor_class=Tensor)}
if native.compiled:
    tape.set_tensor_class(PlainTensor)
    TWINS["python"].tensor_class = PlainTensor
    modules = {name: native.compiled[name] for name in (
        "memory", "pointwise", "saved", "state", "tape", "untaped", "wrappers")}
    TWINS["compiled"] = SimpleNamespace(**modules, tensor_class=Tensor)
