"""Recurrent layers: all time steps of a layer, in one or both directions, as one operation."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional.kernel_calls import binary, contiguous, full

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result
    from fastnet._core.tensor import Tensor

__all__ = ["GATES", "LayerResult", "recurrent_cell", "recurrent_layer"]

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_CACHE_WAY, _PADDING = 4096, 16         # bytes, elements
_WIDE_BATCH = 8                         # sequences from which on each step of an LSTM multiplies its input, too
_WEIGHTS_OF_DIRECTION = 5               # of the input, of the state, their biases, the projection

_Weights: TypeAlias = "tuple[Any, ...]"  # arrays, and None for those that are absent


class LayerResult(NamedTuple):
    """The results of a layer.

    Attributes:
        output: (rows, directions * P), the states of all steps.
        hidden: (directions, B, P), the last states of each sequence.
        cells: (directions, B, H) of an LSTM, else None.
    """

    output: Tensor
    hidden: Tensor
    cells: Tensor | None


def recurrent_layer(mode: str, input: Tensor, batch: int, sizes: Tensor | None, hidden: Tensor | None,
                    cells: Tensor | None, weights: Sequence[Tensor | None]) -> LayerResult:
    """Run a recurrent layer over all time steps.

    Args:
        mode: a key of GATES.
        input: (rows, I), the rows of all sequences at step 0, then at step 1 and so on.
        batch: B, the number of sequences.
        sizes: int64, the number of sequences at each step, not increasing; None if all have the same length.
        hidden: (directions, B, P), the first states; None for 0.
        cells: (directions, B, H), those of an LSTM's cells.
        weights: for each direction the weight of the input (G*H, I), of the state (G*H, P), their biases (G*H,) and
            the projection (P, H); None for what is absent.
    """
    tensors = [t for t in (input, hidden, cells, *weights) if t is not None]
    tracked = state.grad_enabled and any(t.requires_grad for t in tensors)
    flat = _layer(input, hidden, cells, sizes, mode, batch, tracked, *weights)
    return LayerResult(*_result_parts(flat, input.shape[0], batch, _sizes_of(weights), mode))


def _sizes_of(weights: Sequence[Any]) -> tuple[int, int, int]:
    """(directions, elements of a state, units) of a layer's weights, tensors or arrays."""
    w_hh, projection = weights[1], weights[4]
    state_size = w_hh.shape[1]
    return len(weights) // _WEIGHTS_OF_DIRECTION, state_size, state_size if projection is None else projection.shape[1]


def _result_parts(flat: Any, rows: int, batch: int, sizes: tuple[int, int, int], mode: str) -> tuple[Any, Any, Any]:
    """The output, the last states and the last cells that lie one after the other in a layer's result."""
    directions, state_size, units = sizes
    end = rows * directions * state_size
    last = end + directions * batch * state_size
    cells = flat[last:].reshape(directions, batch, units) if mode == "LSTM" else None
    return (flat[:end].reshape(rows, directions * state_size),
            flat[end:last].reshape(directions, batch, state_size), cells)


@op
def _layer(x: Array, h0: Array | None, c0: Array | None, sizes: Array | None, mode: str, batch: int, tracked: bool,
           *weights: Array | None) -> Result[Array]:
    x = contiguous(x)
    directions, state_size, units = numbers = _sizes_of(weights)
    cells_size = units if mode == "LSTM" else 0
    flat = empty((directions * (x.shape[0] * state_size + batch * (state_size + cells_size)),), x.dtype)
    out, hn, cn = _result_parts(flat, x.shape[0], batch, numbers, mode)
    saved = []
    for d in range(directions):
        last = hn[d], None if cn is None else cn[d]
        first = None if h0 is None else contiguous(h0[d]), None if c0 is None else contiguous(c0[d])
        at = slice(d * state_size, (d + 1) * state_size)
        saved.append(_run_direction(mode, out[:, at], last, x, first, _of_direction(weights, d), sizes, d > 0, tracked))
    output = flat if mode in _FROM_OUTPUT else None
    slope = gradient(_layer_gradients, x, sizes, mode, batch, weights, tuple(saved), output)
    return flat, slope if tracked else None


_FROM_OUTPUT = "RNN_TANH", "RNN_RELU"   # cells whose gradient reads their output


def _of_direction(weights: Sequence[Any], d: int) -> _Weights:
    return tuple(weights[d * _WEIGHTS_OF_DIRECTION:(d + 1) * _WEIGHTS_OF_DIRECTION])


def _run_direction(mode: str, out: Array, last: _Weights, x: Array, first: _Weights, weights: _Weights,
                   sizes: Array | None, reverse: bool, tracked: bool) -> _Weights:
    """Run one direction. Returns what its gradient reads: gates, states before each step, two arrays of the mode."""
    w_ih, w_hh, b_ih, b_hh, projection = map(_as_contiguous, weights)
    rows, units, dtype = x.shape[0], w_hh.shape[0] // GATES[mode], x.dtype

    def kept(width: int) -> Array | None:
        return empty((rows, width), dtype) if tracked else None

    gates, before = empty((rows, w_hh.shape[0]), dtype), kept(w_hh.shape[1])
    options: dict[str, Any] = {"sizes": sizes, "reverse": reverse}
    if mode == "LSTM" and projection is None and len(last[0]) >= _WIDE_BATCH and x.shape[1]:
        options |= {"input": x, "input_weight": w_ih}
        b_hh = None if b_hh is None else binary("add", b_ih, b_hh)
    else:
        K.matmul(gates, x, w_ih.T, b_ih)
    if mode == "LSTM":
        cells, mixed = kept(units), None if projection is None else kept(units)
        K.lstm_(out, *last, before, cells, mixed, gates, *first, w_hh, b_hh, projection, **options)
        return gates, before, cells, mixed
    if mode == "GRU":
        hidden = kept(units)
        K.gru_(out, last[0], before, hidden, gates, first[0], w_hh, b_hh, **options)
        return gates, before, hidden, None
    K.rnn(out, last[0], before, gates, first[0], w_hh, b_hh, relu=mode == "RNN_RELU", **options)
    return None, before, None, None


def _as_contiguous(x: Array | None) -> Any:
    return None if x is None else contiguous(x)


# ---- the gradient ---------------------------------------------------------------------------------------------------

def _layer_gradients(g: Array, needs: Sequence[bool], x: Array, sizes: Array | None, mode: str, batch: int,
                     weights: _Weights, saved: tuple[_Weights, ...], flat: Array | None) -> Sequence[Array | None]:
    """The gradients of the arguments of `_layer`."""
    needs = _needs_of_all(needs, _ARGUMENTS_BEFORE_WEIGHTS + len(weights))
    directions, state_size, _ = numbers = _sizes_of(weights)
    dout, dhn, dcn = _result_parts(contiguous(g), x.shape[0], batch, numbers, mode)
    out = None if flat is None else _result_parts(flat, x.shape[0], batch, numbers, mode)[0]
    dx = empty(x.shape, g.dtype) if needs[0] else None
    dh0, dc0 = empty(dhn.shape, g.dtype), None if dcn is None else empty(dcn.shape, g.dtype)
    dweights: list[Array | None] = []
    for d in range(directions):
        at = slice(d * state_size, (d + 1) * state_size)
        last = dhn[d], None if dcn is None else dcn[d]
        first = dh0[d], None if dc0 is None else dc0[d]
        own, wanted = _of_direction(weights, d), _of_direction(needs[_ARGUMENTS_BEFORE_WEIGHTS:], d)
        slopes = _run_back(mode, first, own, saved[d], None if out is None else out[:, at], dout[:, at], last,
                           sizes, d > 0)
        if dx is not None:
            K.matmul(dx, slopes[0], _as_contiguous(own[0]), accumulate=d > 0)
        dweights += _weight_gradients(slopes, x, saved[d], wanted)
    return (dx, dh0 if needs[1] else None, dc0 if needs[2] else None, None, None, None, None, *dweights)


_layer_gradients.naming = (         # type: ignore[attr-defined]    # a function takes any attribute
    lambda x, sizes, mode, *rest: mode.partition("_")[0].lower())


_ARGUMENTS_BEFORE_WEIGHTS = 7                          # of `_layer` before the weights


def _needs_of_all(needs: Sequence[bool], count: int) -> Sequence[bool]:
    """Whether each of all arguments needs a gradient; the tape's list ends with the last one that does."""
    return (*needs, *(False,) * (count - len(needs)))


def _run_back(mode: str, first: _Weights, weights: _Weights, saved: _Weights, out: Array | None, dout: Array,
              last: _Weights, sizes: Array | None, reverse: bool) -> _Weights:
    """The gradients of one direction's gates, of their part from the state, and of the projected states."""
    gates, before, third, _ = saved
    _, w_hh, _, _, projection = map(_as_contiguous, weights)
    dgates = _slopes(dout.shape[0], w_hh.shape[0], dout.dtype)
    options = {"sizes": sizes, "reverse": reverse}
    if mode == "LSTM":
        dprojected = None if projection is None else empty(dout.shape, dout.dtype)
        K.lstm_backward(dgates, *first, dprojected, gates, third, w_hh, projection, dout, *last, **options)
        return dgates, dgates, dprojected
    if mode == "GRU":
        dhidden = _slopes(dgates.shape[0], dgates.shape[1], dgates.dtype)
        K.gru_backward(dgates, dhidden, first[0], gates, third, before, w_hh, dout, last[0], **options)
        return dgates, dhidden, None
    K.rnn_backward(dgates, first[0], out, w_hh, dout, last[0], relu=mode == "RNN_RELU", **options)
    return dgates, dgates, None


def _slopes(rows: int, width: int, dtype: DType) -> Array:
    """Memory for the gates' gradients, whose columns a product reads: its rows do not share sets of the caches."""
    wide = width + _PADDING if width * dtype.itemsize % _CACHE_WAY == 0 else width
    return empty((rows, wide), dtype)[:, :width]


def _weight_gradients(slopes: _Weights, x: Array, saved: _Weights, needs: Sequence[bool]) -> list[Array | None]:
    """The gradients of one direction's weights, each one product over all steps and sequences."""
    dgates, dhidden, dprojected = slopes
    _, before, _, mixed = saved
    found: list[Array | None] = [None] * _WEIGHTS_OF_DIRECTION
    for i, (d, rows) in enumerate(((dgates, x), (dhidden, before))):
        if needs[i]:
            found[i] = _summed_product(d, rows)
    for i, d in ((2, dgates), (3, dhidden)):
        if needs[i]:
            found[i] = found[2] if i == 3 and d is dgates and found[2] is not None else _sum_of_rows(d)
    if dprojected is not None and needs[4]:
        found[4] = _summed_product(dprojected, mixed)
    return found


def _summed_product(d: Array, rows: Array) -> Array:
    """d.T @ rows."""
    out = empty((d.shape[1], rows.shape[1]), d.dtype)
    K.matmul(out, d.T, rows)
    return out


def _sum_of_rows(d: Array) -> Array:
    out = empty((1, d.shape[1]), d.dtype)
    if d.flags.c_contiguous:
        K.sum(out, d[None])
    else:
        K.matmul(out, full((1, d.shape[0]), 1, d.dtype), d)
    return out.reshape(-1)


# ---- one step -------------------------------------------------------------------------------------------------------

def recurrent_cell(mode: str, input: Tensor, hidden: Tensor | None, cells: Tensor | None,
                   weights: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """The states after one step: (h,), or (h, c) of an LSTM.

    Args:
        mode: a key of GATES.
        input: (B, I).
        hidden: (B, H), the states before; None for 0.
        cells: (B, H), those of an LSTM's cells; None for 0.
        weights: of the input (G*H, I), of the state (G*H, H), and their biases (G*H,) or None.
    """
    tensors = [t for t in (input, hidden, cells, *weights) if t is not None]
    tracked = state.grad_enabled and any(t.requires_grad for t in tensors)
    states = _cell(input, hidden, cells, *weights, mode, tracked)
    return (states[0], states[1]) if mode == "LSTM" else (states[0],)


@op
def _cell(x: Array, h: Array | None, c: Array | None, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
          mode: str, tracked: bool) -> Result[Array]:
    """The states (1, B, H), or with the cells (2, B, H)."""
    batch, units, width = x.shape[0], w_hh.shape[1], w_hh.shape[0]
    x, w_ih, w_hh = contiguous(x), contiguous(w_ih), contiguous(w_hh)
    h = full((batch, units), 0, x.dtype) if h is None else contiguous(h)
    out = empty((2 if mode == "LSTM" else 1, batch, units), x.dtype)
    gates, product, last = empty((batch, width), x.dtype), empty((batch, width), x.dtype), empty(h.shape, x.dtype)
    third = empty(h.shape, x.dtype) if tracked and mode in ("LSTM", "GRU") else None
    K.matmul(gates, x, w_ih.T, b_ih)
    K.matmul(product, h, w_hh.T)
    if mode == "LSTM":
        K.lstm_(out[0], last, out[1], None, third, None, gates, None, _as_contiguous(c), None, b_hh, None,
                product=product)
    elif mode == "GRU":
        K.gru_(out[0], last, None, third, gates, h, None, b_hh, product=product)
    else:
        K.rnn(out[0], last, None, gates, None, None, b_hh, product=product, relu=mode == "RNN_RELU")
    saved = out[0] if mode in _FROM_OUTPUT else gates, third
    return out, gradient(_cell_gradients, x, h, w_ih, w_hh, mode, *saved) if tracked else None


def _cell_gradients(g: Array, needs: Sequence[bool], x: Array, h: Array, w_ih: Array, w_hh: Array, mode: str,
                    first: Array, third: Array | None) -> Sequence[Array | None]:
    g, needs = contiguous(g), _needs_of_all(needs, 7)
    dgates, dh, dc = empty((x.shape[0], w_hh.shape[0]), g.dtype), empty(h.shape, g.dtype), None
    dhidden = dgates
    if mode == "LSTM":
        dc = empty(h.shape, g.dtype)
        K.lstm_backward(dgates, dh, dc, None, first, third, None, None, g[0], None, g[1])
    elif mode == "GRU":
        dhidden = empty(dgates.shape, g.dtype)
        K.gru_backward(dgates, dhidden, dh, first, third, h, None, g[0], None)
    else:
        K.rnn_backward(dgates, dh, first, None, g[0], None, relu=mode == "RNN_RELU")
    dx = None
    if needs[0]:
        dx = empty(x.shape, g.dtype)
        K.matmul(dx, dgates, w_ih)
    if needs[1]:
        K.matmul(dh, dhidden, w_hh, accumulate=mode == "GRU")
    dweights = _weight_gradients((dgates, dhidden, None), x, (None, h, None, None), needs[3:7])
    return dx, dh if needs[1] else None, dc if needs[2] else None, *dweights[:4], None, None
