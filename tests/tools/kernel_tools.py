"""Helpers of the kernel tests: kernels and their twins, calls on fresh arguments, comparisons, unusual layouts."""
import contextlib
import importlib
import inspect
import os
import zlib

import numpy as np
import pytest
from cases import GARBAGE, all_cases, garbage

from fastnet._kernels.reference import FAMILIES
from fastnet.backend import compiled_available

BUILT = compiled_available              # a broken build fails: the warning of the backend is an error in tests
if BUILT:
    from fastnet._runtime import cpu, launch, threads
else:
    cpu = launch = threads = None

# FASTNET_TEST_ISAS, such as "neon,neondot", leaves out the others
ISAS = [isa for isa in (cpu.available() if BUILT else [])
        if isa in os.environ.get("FASTNET_TEST_ISAS", isa).split(",")]
built = pytest.mark.skipif(not BUILT, reason="the compiled kernels are not built")


def address(block):
    """The address of a block of a pool; None for an empty one."""
    return np.frombuffer(block, np.uint8).__array_interface__["data"][0] if memoryview(block).nbytes else None


# ---- the twins ------------------------------------------------------------------------------------------------------

def has_twin(family):
    """Whether a family of this name has a compiled module; families named *_extra have only NumPy kernels."""
    return not family.endswith("_extra")


def reference_module(family):
    return importlib.import_module(f"fastnet._kernels.reference.{family}")


def compiled_module(family):
    """The compiled twin, or None if there is none or it is not built."""
    if not BUILT or not has_twin(family):
        return None
    try:
        return importlib.import_module(f"fastnet._kernels.{family}")
    except ModuleNotFoundError:         # test_every_family_is_built fails for it
        return None


def functions(module):
    """The public functions that `module` defines, by name."""
    return {name: value for name, value in vars(module).items()
            if not name.startswith("_") and callable(value) and not isinstance(value, type)
            and getattr(value, "__module__", None) == module.__name__}


def kernels(family):
    """The reference kernels of a family, by name."""
    return {name: fn for name, fn in vars(reference_module(family)).items()
            if not name.startswith("_") and hasattr(fn, "outputs")}


REFERENCE = {name: fn for family in FAMILIES for name, fn in kernels(family).items()}
COMPILED = {name: fn for family in FAMILIES if compiled_module(family)
            for name, fn in functions(compiled_module(family)).items()}
CASES = all_cases()
# Without the extensions every kernel of a family with a twin is listed, so that its tests are reported as skipped.
TWIN_CASES = [case for case in CASES if case.kernel in COMPILED
              or (not BUILT and any(case.kernel in kernels(f) for f in FAMILIES if has_twin(f)))]


# ---- calls ----------------------------------------------------------------------------------------------------------

def arguments(case, dtype, size):
    """The (args, attrs) of a case: the same values in new arrays at each call."""
    return case.make(np.random.default_rng(zlib.crc32(case.id.encode())), dtype, size)


INTEGER_FAMILIES = "quantized_matmul", "quantized_conv"


def isas_of(kernel):
    """The instruction sets for which a kernel has its own objects."""
    own = REFERENCE[kernel].__module__.rpartition(".")[2] in INTEGER_FAMILIES
    return [isa for isa in ISAS if own or cpu.bases()[isa] == isa]


def arrays(args, attrs):
    """Every array of a call, with its name for messages."""
    named = [(f"argument {i}", a) for i, a in enumerate(args)] + list(attrs.items())
    return [(name, a) for name, a in named if isinstance(a, np.ndarray)]


def run(case, fn, dtype, size, change=None):
    """Call `fn` on the arguments of a case, changed by `change(args, attrs)` if given; return (args, attrs)."""
    args, attrs = arguments(case, dtype, size)
    if change:
        args, attrs = change(args, attrs)
    shapes = [(a.shape, a.dtype) for _, a in arrays(args, attrs)]
    with np.errstate(all="ignore"):
        assert fn(*args, **attrs) is None, f"{case.id}: a kernel returns nothing"
    assert [(a.shape, a.dtype) for _, a in arrays(args, attrs)] == shapes
    return args, attrs


def holds_garbage(a):
    return a.size and np.all(a == garbage((), a.dtype))


def with_other_garbage(kernel):
    """A `change` for run(): replace the garbage in outputs by other garbage, so that unwritten elements differ."""
    def change(args, attrs):
        if attrs.get("accumulate"):     # adds to the output
            return args, attrs
        for a in (args[i] for i in REFERENCE[kernel].outputs):
            if a is not None and holds_garbage(a):
                a[...] = np.nan if a.dtype.kind == "f" else 0
        return args, attrs
    return change


def with_subnormals(kernel, share):
    """A `change` for run(): about this share of the numbers become subnormal (of float32 or float64) or zero.

    They keep their signs. Infinities, NaN, settings and garbage in outputs stay.
    """
    settings = {"hyper", "total", "p"}  # divisors, and a weight whose sign an L1 penalty uses
    settings |= {"searchsorted": {"x"},                        # it is sorted
                 "channel_norm_backward": {"bias"},             # it decides the sign that masks a gradient
                 "local_response_norm_backward": {"scale"},     # a divisor
                 "weighted_mean": {"weights"}}.get(kernel, set())           # their sum is
    names = list(inspect.signature(REFERENCE[kernel]).parameters)

    def change(args, attrs):
        rng = np.random.default_rng(7)
        keep = [a for name, a in zip(names, args) if name in settings]
        keep += [a for i in REFERENCE[kernel].outputs if (a := args[i]) is not None and holds_garbage(a)]
        for _, a in arrays(args, attrs):
            if a.dtype.kind == "f" and a.flags.writeable and not any(a is k for k in keep):
                steps = rng.choice([np.finfo(d).smallest_subnormal for d in {np.float32, a.dtype.type}], a.shape)
                small = np.copysign(rng.integers(0, 1000, a.shape) * steps, a)
                np.copyto(a, small, where=(rng.random(a.shape) < share) & np.isfinite(a), casting="same_kind")
        return args, attrs
    return change


def divisible(case, dtype):
    """The sizes of a case that may be several blocks: those of at least 1000 elements, and the last."""
    def elements(size):
        return sum(a.size for _, a in arrays(*arguments(case, dtype, size)))
    return [size for size in case.sizes if size == case.sizes[-1] or elements(size) >= 1000]


# ---- comparison -----------------------------------------------------------------------------------------------------

def assert_close(case, got, expected, dtype, where):
    """Every array of two calls agrees within the tolerance of the case; integers and booleans exactly."""
    which = 0 if dtype == np.float32 else 1
    for (name, a), (_, b) in zip(arrays(*got), arrays(*expected), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        if a.tobytes() == b.tobytes():  # fast path for arrays that are no outputs
            continue
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=case.rtol[which], atol=case.atol[which],
                                       err_msg=f"{case.id}, {where}: {name}")
        else:
            np.testing.assert_array_equal(a, b, err_msg=f"{case.id}, {where}: {name}")


def assert_subnormals_kept(case, got, expected, where):
    """Two calls on subnormal numbers give the same numbers, or nearly the same if the contract says flushes=True."""
    tiny = max((np.finfo(a.dtype).smallest_normal for _, a in arrays(*got) if a.dtype.kind == "f"), default=0)
    for (name, a), (_, b) in zip(arrays(*got), arrays(*expected), strict=True):
        rtol = atol = 0
        if REFERENCE[case.kernel].flushes and a.dtype.kind == "f":
            # a flushed number may be the argument of a root, or one of many in a sum
            rtol = 1e-3
            atol = np.sqrt(tiny) + 1e-4 * np.abs(b[np.isfinite(b)]).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=f"{case.id}, {where}: {name}")


def assert_same_bits(case, got, expected, where):
    """Every array of two calls holds the same bits, signs of zeros and NaNs included."""
    for (name, a), (_, b) in zip(arrays(*got), arrays(*expected), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        if a.tobytes() != b.tobytes():
            np.testing.assert_array_equal(a, b, err_msg=f"{case.id}, {where}: {name}")
            raise AssertionError(f"{case.id}, {where}: {name} differs in the sign of a zero or in a NaN")


def assert_inputs_kept(case, got, before, where):
    """Arguments that a kernel does not list as outputs are unchanged since `before` the call."""
    written = [a for i in REFERENCE[case.kernel].outputs if (a := before[0][i]) is not None]
    for (name, old), (_, new) in zip(arrays(*before), arrays(*got), strict=True):
        if not any(np.may_share_memory(old, output) for output in written):
            assert old.tobytes() == new.tobytes(), f"{case.id}, {where}: {name} is an input and was changed"


# ---- layouts --------------------------------------------------------------------------------------------------------

def packed(a):
    """The same values, contiguous."""
    return a.copy(order="C")


def every_second(a):
    """The same values as every second element of a larger array."""
    if a.ndim == 0:
        return a
    wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), GARBAGE, a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def transposed(a):
    """The same values with the axes in reverse order in memory."""
    return a.copy(order="F")


def unaligned(a):
    """The same values one byte past an aligned address."""
    raw = np.empty(a.nbytes + 1 + 64, np.uint8)
    start = -raw.ctypes.data % 64 + 1
    shifted = raw[start:start + a.nbytes].view(a.dtype).reshape(a.shape)
    shifted[...] = a
    return shifted


LAYOUTS = {"strided": every_second, "transposed": transposed, "unaligned": unaligned}


def laid_out(layout):
    """A `change` for run() that replaces every array by `layout(a)`; an array that is passed twice stays one array."""
    def change(args, attrs):
        done = {}

        def one(a):
            if not isinstance(a, np.ndarray):
                return a
            if id(a) not in done:
                done[id(a)] = layout(a)
            return done[id(a)]
        return tuple(map(one, args)), {name: one(a) for name, a in attrs.items()}
    return change


# ---- settings, restored ---------------------------------------------------------------------------------------------

@contextlib.contextmanager
def instruction_set(name):
    before = cpu.isa()
    cpu.set_isa(name)
    try:
        yield
    finally:
        cpu.set_isa(before)


@contextlib.contextmanager
def threaded(n):
    """Run kernels on `n` threads, however small they are; skip the test if they are not built."""
    if not BUILT:
        pytest.skip("the compiled kernels are not built: NumPy's have no threads of their own")
    threads.set_num_threads(n)
    share = threads.set_share(0)
    try:
        yield
    finally:
        threads.set_num_threads(0)
        threads.set_share(share)
