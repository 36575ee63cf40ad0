"""The kernel table: the choice of the backend, unusual arrays and dtypes, threads, and the caller's unchanged state."""
import random
import threading

import numpy as np
import pytest
from kernel_tools import BUILT, COMPILED, built, launch
from processes import python

import fastnet
from fastnet import backend as kernels
from fastnet._core import kernel_table
from fastnet.backend import K

both = pytest.mark.usefixtures("backend")


# ---- choosing -------------------------------------------------------------------------------------------------------

def test_use_backend_restores():
    before = kernels.backend()
    with fastnet.use_backend("numpy"):
        assert kernels.backend() == K.name == "numpy"
        if BUILT:
            with fastnet.use_backend("compiled"):
                assert kernels.backend() == "compiled"
            assert kernels.backend() == "numpy"
        with pytest.raises(KeyError), fastnet.use_backend("numpy"):
            raise KeyError
        with pytest.raises(ValueError, match="unknown backend 'fast'; choose 'compiled' or 'numpy'"):
            fastnet.set_backend("fast")
        with pytest.raises(ValueError, match="unknown backend None"), fastnet.use_backend(None):
            pass
        assert kernels.backend() == "numpy"
    assert kernels.backend() == before


@built
def test_the_choice_holds_at_once_and_in_every_thread():
    seen = []
    x = np.float32([0.5, 2])
    out = np.empty_like(x)
    with fastnet.use_backend("numpy"):
        thread = threading.Thread(target=lambda: seen.append((K.name, K.exp.__wrapped__)))
        thread.start()
        thread.join()
        K.exp(out, x)
        assert out.tobytes() == np.exp(x).tobytes()
    from fastnet._kernels.reference import elementwise
    assert seen == [("numpy", elementwise.exp)]


@built
def test_recordings_of_one_backend_are_not_replayed_on_the_other():
    f = fastnet.compile(lambda x: x.exp())
    x = fastnet.arange(100) / 30
    results = []
    for name in ("compiled", "numpy", "compiled", "numpy"):
        with fastnet.use_backend(name):
            results.append(f(x).numpy().tobytes() == x.exp().numpy().tobytes())
    assert all(results) and len(f) == 2


# ---- arrays of any layout and dtype ---------------------------------------------------------------------------------

def unaligned(a, shift=1):
    raw = np.zeros(a.nbytes + shift, np.uint8)
    raw[shift:] = np.ascontiguousarray(a).reshape(-1).view(np.uint8)
    return raw[shift:].view(a.dtype).reshape(a.shape)


def guarded(shape, dtype, layout):
    """(an output of this layout, the memory around it): memory outside the output must stay 99."""
    if layout == "every second":
        whole = np.full((*shape[:-1], 2 * shape[-1]), 99, dtype)
        return whole[..., ::2], whole[..., 1::2]
    if layout == "reversed":
        whole = np.full((shape[0] + 2, *shape[1:]), 99, dtype)
        return whole[shape[0]:0:-1], whole[::shape[0] + 1]
    if layout == "transposed":
        whole = np.full((*shape[::-1][:-1], shape[0] + 1), 99, dtype)
        return whole[..., :-1].T, whole[..., -1:]
    raw = np.full(np.prod(shape, dtype=int) * np.dtype(dtype).itemsize + 2, 99, np.uint8)
    return raw[1:-1].view(dtype).reshape(shape), raw[[0, -1]]


INPUTS = {"every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2], "transposed": np.asfortranarray,
          "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1], "unaligned": unaligned,
          "broadcast": lambda a: np.broadcast_to(a[:1], a.shape)}
CALLS = {
    "relu": lambda out, x: K.relu(out, x),
    "add": lambda out, x: K.add(out, x, x),
    "in place": lambda out, x: (K.copy(out, x), K.mul(out, out, out)),
    "matmul": lambda out, x: K.matmul(out, x, x.T[:, :1] * np.ones(out.shape[1], x.dtype)),
    "softmax": lambda out, x: K.softmax(out[:, :, None], x[:, :, None]),
    "where": lambda out, x: K.where(out, x > 0, x, x[:1]),
    "sgd": lambda out, x: (K.copy(out, x), K.sgd_(out, x, None, np.array([0.1, 0, 0, 0, 0]), np.array(1))),
}


@both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", INPUTS)
@pytest.mark.parametrize("name", CALLS)
def test_arrays_of_any_layout(name, layout, dtype):
    """Any input and output layout gives the bits of the contiguous call and writes no memory outside the output."""
    x = np.random.default_rng(0).standard_normal((7, 6)).astype(dtype)
    source = INPUTS[layout](x)
    x = np.ascontiguousarray(source)
    expected = np.empty((7, 6), dtype)
    CALLS[name](expected, x)
    kept = source.tobytes()
    for output in ("every second", "reversed", "transposed", "unaligned"):
        out, around = guarded((7, 6), dtype, output)
        CALLS[name](out, source)
        assert out.tobytes() == expected.tobytes(), output
        assert (around == 99).all(), output
    assert source.tobytes() == kept


@both
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool", "float16", ">f4", ">i8"])
def test_dtypes_that_go_to_the_reference(dtype):
    x = np.array([0, 1, 3, 100, 1], dtype)
    out = np.empty(5, dtype)
    K.maximum(out, x, x[::-1].copy())
    assert out.tolist() == np.maximum(x, x[::-1]).tolist()
    K.copy(out, x[::-1])
    assert out.tolist() == x[::-1].tolist()
    cast = np.empty(5, np.float64)
    K.copy(cast, x)
    assert cast.tolist() == x.astype(np.float64).tolist()


@built
def test_only_the_dtype_sends_a_call_to_the_reference(monkeypatch):
    from fastnet._kernels.reference import elementwise
    calls = []
    monkeypatch.setattr(kernel_table, "_reference_call",
                        lambda kernel: lambda *args, **attrs: calls.append(kernel.__name__))
    with fastnet.use_backend("numpy"):
        with fastnet.use_backend("compiled"):           # fills the table anew, with the spy as the way to the reference
            for dtype in ("float32", "float64"):
                x, out = np.ones((3, 4), dtype), np.empty((3, 4), dtype)
                for a in (x, x[::-1], x[:, ::2], unaligned(x), np.asfortranarray(x)):
                    K.add(out[:, :a.shape[1]], a, a)
            assert calls == []
            integers = np.ones((3, 4), np.int64)
            K.add(integers, integers, integers)
            K.floor(out, x)
            assert calls == ["add", "floor"] and integers.sum() == 12
    assert elementwise.add.__name__ == "add"


@built
def test_a_compiled_kernel_says_which_dtype_it_does_not_take():
    x = np.ones(3, np.int64)
    with pytest.raises(launch.UnsupportedDtype, match="relu: int64"):
        COMPILED["relu"](x, x)
    with pytest.raises(launch.UnsupportedDtype, match="float16"):
        COMPILED["relu"](x.astype(np.float16), x.astype(np.float16))
    with pytest.raises(launch.NeedsPacking):
        COMPILED["relu"](np.empty(2, np.float32), np.ones(4, np.float32)[::2])


@both
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1,), (1, 1), ()])
def test_empty_and_single_elements(shape):
    x = np.full(shape, -2.0, np.float32)
    for a in (x, unaligned(x), unaligned(x, 3), x.copy(order="F"), x.view([("r", "f4")])["r"], x.T.T,
              np.full(shape, -2.0, [("r", "f4"), ("pad", "u1")])["r"]):
        out = unaligned(x)
        K.abs(out, a)
        assert out.tobytes() == np.abs(x).tobytes()


@both
def test_shapes_that_do_not_fit_are_refused():
    """Both backends refuse unsupported arguments before they write."""
    x, out = np.ones(4, np.float32), np.full(3, 7, np.float32)
    for call in (lambda: K.relu(out, x), lambda: K.add(out, x, x),
                 lambda: K.sgd_(out, x, None, np.zeros(5), np.array(1)),
                 lambda: K.matmul(out.reshape(1, 3), x.reshape(1, 4), np.ones((3, 3), np.float32))):
        with pytest.raises(ValueError):
            call()
    assert out.tolist() == [7, 7, 7]


@both
def test_an_output_that_may_not_be_written():
    out = np.zeros(4, np.float32)
    out.flags.writeable = False
    for array in (out, out[::2]):
        with pytest.raises(ValueError, match="read-only"):
            K.relu(array, np.ones(array.shape, np.float32))
        first = np.empty(2 * array.size, np.float32)[::2]
        means = np.zeros(array.shape)
        means.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):      # the second output, found after the first was packed
            K.var(first[None], means[None], np.ones((1, 3, array.size), np.float32), 0)
    assert not out.any()


@both
def test_floating_point_errors_are_no_warnings():
    x = np.array([0.0, -1.0, np.inf, np.nan, 1e38], np.float32)
    out = np.empty_like(x)
    for call in (lambda: K.log(out, x), lambda: K.div(out, x, x), lambda: K.exp(out, x), lambda: K.sqrt(out, x),
                 lambda: K.mul(out, x, x), lambda: K.atan2(out, x, x)):
        call()
    assert np.isinf(out).any() or np.isnan(out).any()


# ---- threads of this process ----------------------------------------------------------------------------------------

@built
def test_the_number_of_threads_belongs_to_the_python_thread():
    before = fastnet.get_num_threads()
    seen = {}

    def work():
        seen["start"] = fastnet.get_num_threads()
        fastnet.set_num_threads(before + 3)
        seen["chosen"] = fastnet.get_num_threads()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if kernels.config()["openmp"]:
        assert seen == {"start": kernels._policy.default_threads(), "chosen": before + 3}
    assert fastnet.get_num_threads() == before


@built
@pytest.mark.parametrize("n", [0, -1, 1.5, 2.0, True, "2", None, 1025, 2**30, 2**31, 2**70])
def test_bad_numbers_of_threads(n):
    before = fastnet.get_num_threads()
    with pytest.raises(RuntimeError, match="expected a number of threads from 1 to 1024, got "):
        fastnet.set_num_threads(n)
    assert fastnet.get_num_threads() == before


# ---- the caller's process -------------------------------------------------------------------------------------------

@both
def test_the_callers_settings_stay(small_work_threaded):
    def settings():
        return str(np.random.get_state()), random.getstate(), np.geterr(), np.get_printoptions()  # noqa: NPY002
    before = settings()
    x = fastnet.randn(64, 64)
    fastnet.nn.functional.dropout(x.softmax(1), 0.5)
    fastnet.nn.functional.cross_entropy(x, fastnet.zeros(64, dtype="int64")), repr(x), x.log(), x.cos()
    assert before == settings()


def test_importing_touches_nothing_of_the_process():
    python("""if True:
        import signal, sys, warnings, numpy
        def state():
            return ([signal.getsignal(s) for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)],
                    numpy.geterr(), sys.getrecursionlimit(), warnings.filters[:], sys.excepthook)
        signal.signal(signal.SIGINT, lambda *args: None)
        before = state()
        import fastnet
        (fastnet.ones(300, 300) @ fastnet.ones(300, 300)).sum()
        assert state() == before
        """)
