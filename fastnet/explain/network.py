"""A model, prepared for many calls: its outputs, and the gradients of its inputs alone, in blocks of bounded memory."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import fastnet
from fastnet import Tensor
from fastnet._core.errors import given_text, shape_text, whole_number
from fastnet.autograd.walk import nodes_to_visit
from fastnet.explain.recordings import Recorded
from fastnet.explain.samples import Samples, Target, target_index
from fastnet.nn import Module
from fastnet.nn.evaluation import evaluating

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape

__all__ = ["BUDGET", "Network", "evaluation", "select", "slopes_of"]

BUDGET = 1 << 28                        # bytes of activations and their gradients in one call of the model


class _RowForm(NamedTuple):
    """The shape of the output of one row, and the bytes of the results that its gradient needs."""

    output: Shape
    nbytes: int


class Network:
    """A model whose calls are recorded once for each shape and replayed: see `Recorded`.

    The model runs in evaluation mode, and is left as it was.

    Args:
        forward: a Module or a function of the inputs, with outputs (N, ...) for inputs (N, ...).
        compile: record and replay the calls. A function that cannot be recorded runs eagerly, with a warning.

    Raises:
        TypeError: forward cannot be called.
    """

    def __init__(self, forward: Callable[..., Any], compile: bool = True) -> None:
        if not callable(forward):
            raise TypeError(f"expected a Module or a function of the inputs, got {given_text(forward)}")
        self.forward, self.compile = forward, compile
        self._forms: dict[Any, _RowForm] = {}
        self._slopes = self._compiled(slopes_of(forward))
        self._outputs = self._compiled(_outputs_of(forward))

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return Recorded(function, _module_of(self.forward), self.compile)

    # ---- arguments ----

    def samples(self, name: str, inputs: tuple[Tensor, ...], target: Target, extra: Any) -> Samples:
        """Checked inputs with their targets.

        Args:
            name: of the method, for errors.
            inputs: the checked inputs.
            target: see `target_index`.
            extra: further arguments of the model: one, or a tuple of them; None: none.

        Raises:
            TypeError, ValueError, IndexError: the target does not fit the model's outputs.
        """
        extra = () if extra is None else extra if isinstance(extra, tuple) else (extra,)
        made = Samples(inputs, tuple(x.detach() if isinstance(x, Tensor) else x for x in extra))
        index = target_index(name, target, self._form(name, made).output, len(made))
        return Samples(made.inputs, made.extra, index)

    def _form(self, name: str, samples: Samples) -> _RowForm:
        key = tuple((x.shape[1:], x.dtype) for x in samples.inputs)
        if key not in self._forms:
            self._forms[key] = self._measured(name, samples.rows(0, 1))
        return self._forms[key]

    def _measured(self, name: str, row: Samples) -> _RowForm:
        with evaluation(self.forward), fastnet.enable_grad():
            xs = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in row.inputs]
            output = self.forward(*xs, *row.extra)
        if not isinstance(output, Tensor):
            raise TypeError(f"{name}: expected the model to return a tensor, got {given_text(output)}; wrap it in a "
                            "function that returns the tensor to explain")
        if not output.ndim or len(output) != 1:
            raise ValueError(f"{name}: expected the model to return (N, ...) for inputs (N, ...), got shape "
                             f"{shape_text(output)} for one sample")
        nodes = nodes_to_visit([output._node])[0] if output._node is not None else []
        nbytes = sum(math.prod(node.shape) * node.dtype.itemsize for node in nodes if node.dtype is not None)
        return _RowForm(output.shape[1:], nbytes + 16 * sum(x.nbytes for x in row.inputs))

    def limit(self, samples: Samples, wanted: int | None = None, gradients: bool = True) -> int:
        """The most rows of one call of the model.

        Args:
            samples: of the method `samples`.
            wanted: the user's choice; None: as many as fit `BUDGET`.
            gradients: whether the calls compute gradients.

        Raises:
            TypeError, ValueError: wanted is not a whole number, or less than 1.
        """
        if wanted is None:
            return max(1, BUDGET // (self._form("explain", samples).nbytes * (2 if gradients else 1)))
        return whole_number("the number of rows in one call of the model", wanted, 1)

    # ---- calls ----

    def slopes(self, samples: Samples, limit: int | None = None) -> tuple[Tensor, ...]:
        """The gradient of each row's target output with respect to the row's inputs, in the shapes of the inputs.

        Args:
            samples: the rows.
            limit: the most rows of one call of the model; None: all.
        """
        return self._in_blocks(self._slopes, samples, limit)

    def outputs(self, samples: Samples, limit: int | None = None) -> Tensor:
        """The target output of each row, (N,). Arguments are those of `slopes`."""
        [found] = self._in_blocks(self._outputs, samples, limit)
        return found

    def all_outputs(self, samples: Samples) -> Tensor:
        """All outputs of each row, without gradients, in blocks of bounded memory.

        Args:
            samples: the rows.
        """
        limit = self.limit(samples, gradients=False)
        with evaluation(self.forward), fastnet.no_grad():
            return fastnet.cat([self.forward(*part.inputs, *part.extra)
                                for part in (samples.rows(*block) for block in samples.blocks(limit))])

    def _in_blocks(self, function: Callable[..., Any], samples: Samples, limit: int | None) -> tuple[Tensor, ...]:
        with evaluation(self.forward):
            parts = [function(part.inputs, part.index, part.extra)
                     for part in (samples.rows(*block) if block != (0, len(samples)) else samples
                                  for block in samples.blocks(limit or len(samples)))]
        return parts[0] if len(parts) == 1 else tuple(fastnet.cat(pieces) for pieces in zip(*parts))


def select(output: Tensor, index: Tensor | None) -> Tensor:
    """The target output of each row, (N,).

    Args:
        output: (N, ...).
        index: see `Samples`.
    """
    flat = output.reshape(output.shape[0], -1)
    return flat[:, 0] if index is None else flat.gather(1, index)[:, 0]


def slopes_of(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A function of (inputs, index, extra), see `Samples`, that returns the gradients of the inputs.

    Args:
        forward: the model.
    """
    def slopes(inputs: tuple[Tensor, ...], index: Tensor | None, extra: tuple[Any, ...]) -> tuple[Tensor, ...]:
        with fastnet.enable_grad():
            xs = tuple(x.detach().requires_grad_() for x in inputs)
            chosen = select(forward(*xs, *extra), index)
            if not chosen.requires_grad:
                raise RuntimeError("the output has no gradient with respect to the inputs: the model detaches it, or "
                                   "computes it without operations of fastnet")
            return fastnet.grad(chosen.sum(), xs, materialize_grads=True)
    return slopes


def _outputs_of(forward: Callable[..., Any]) -> Callable[..., Any]:
    def outputs(inputs: tuple[Tensor, ...], index: Tensor | None, extra: tuple[Any, ...]) -> tuple[Tensor]:
        with fastnet.no_grad():
            return (select(forward(*inputs, *extra), index),)
    return outputs


# ---- the state of the model ----

def _module_of(forward: Any) -> Module | None:
    """The module that a function is, or is a method of."""
    found = forward if isinstance(forward, Module) else getattr(forward, "__self__", None)
    return found if isinstance(found, Module) else None


@contextmanager
def evaluation(forward: Any) -> Iterator[None]:
    """Context in which a model is in evaluation mode.

    Args:
        forward: a Module or a method of one; nothing happens for other functions.
    """
    model = _module_of(forward)
    if model is None or not any(module.training for module in model.modules()):
        yield                           # setting a mode again would invalidate recordings
    else:
        with evaluating(model):
            yield
