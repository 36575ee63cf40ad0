"""Tensor constructors against PyTorch: integer ranges, dtypes, PyTorch's arguments for device and layout, errors."""
import itertools
import math
import pickle
import sys
from fractions import Fraction

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend")


def attempt(make, *args, **kwargs):
    """(dtype, values) of a new tensor, or RuntimeError."""
    try:
        made = make(*args, **kwargs)
    except (RuntimeError, ValueError):
        return RuntimeError
    return str(made.dtype).removeprefix("torch."), made.tolist()


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32", "float64"])
def test_arange_is_pytorchs(torch, dtype):
    numbers = itertools.product([0, 1, 2.5, 0.9], [5, 4.4, 9.9, 0], [1, 2, 3, 0.5, 1.5, 2.7, -1, 0])
    for limits in [*numbers, (5, 0, -1.5), (3.7, -2.2, -1), (0, 1, 0.1)]:
        ours, theirs = (attempt(f.arange, *limits, dtype=getattr(f, dtype)) for f in (fastnet, torch))
        if ours is not RuntimeError and theirs is not RuntimeError and dtype.startswith("float"):
            np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6, err_msg=str(limits))
        elif limits[0] != 0.9 or dtype != "int64":          # there PyTorch compares the steps' sign before truncation
            assert ours == theirs, limits


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_linspace_of_integers_is_truncated(dtype):
    for start, end, steps in itertools.product([0, 3, 10, -5], [0, 4, -7, 33, 100], range(2, 40)):
        exact = [math.trunc(start + Fraction(i * (end - start), steps - 1)) for i in range(steps)]
        assert fastnet.linspace(start, end, steps, dtype=dtype).tolist() == exact, (start, end, steps)
    assert fastnet.linspace(0.9, 4.9, 5, dtype=dtype).tolist() == [0, 1, 2, 3, 4]       # as PyTorch truncates limits


def test_linspace_is_pytorchs(torch):
    for arguments in itertools.product([0, -1.5, 7], [4.4, -7, 7], [0, 1, 2, 3, 10, 11]):
        ours, theirs = (f.linspace(*arguments, dtype=f.float64).numpy() for f in (fastnet, torch))
        np.testing.assert_allclose(ours, theirs, rtol=1e-15, atol=1e-15)
    assert fastnet.linspace(fastnet.tensor(0.0), 1, fastnet.tensor(3)).tolist() == [0, 0.5, 1]


def test_dtypes_of_python_types_and_of_numbers():
    assert fastnet.ones(1, dtype=float).dtype == fastnet.tensor([1], dtype=float).dtype == fastnet.float64
    assert fastnet.ones(1, dtype=int).dtype == fastnet.int64
    assert fastnet.ones(1, dtype=bool).dtype == fastnet.bool
    assert fastnet.arange(np.float32(3)).dtype == fastnet.arange(fastnet.tensor(3.0)).dtype == fastnet.float32
    assert fastnet.ones(1, dtype=fastnet.float).dtype == fastnet.float32


@pytest.mark.parametrize("data", [[1, 2], [[True, False]], (1, 2), np.array([1, 2]), [], [fastnet.tensor(1)]])
def test_tensors_made_by_the_class_are_float32(torch, data):
    ours = fastnet.Tensor(data)
    assert ours.dtype == fastnet.float32
    if not (isinstance(data, list) and data and isinstance(data[0], fastnet.Tensor)):
        assert ours.tolist() == torch.Tensor(data).tolist()


def test_the_class_takes_a_shape_a_tensor_or_a_dtype():
    assert fastnet.Tensor(2, 3).shape == (2, 3)
    assert fastnet.Tensor(5).shape == (5,)
    assert fastnet.Tensor().shape == (0,)
    assert fastnet.Tensor(fastnet.tensor([1, 2])).dtype == fastnet.int64
    assert fastnet.Tensor([1], dtype=fastnet.float64, device="cpu", requires_grad=True).requires_grad
    for bad in (1.5, "text", None, True):
        with pytest.raises(TypeError, match="expected a shape, or one sequence, array or tensor"):
            fastnet.Tensor(bad)
    with pytest.raises(RuntimeError, match="negative"):
        fastnet.Tensor(-1)


X = fastnet.ones(2)
CONSTRUCTORS = {
    "zeros": (2,), "ones": (2,), "empty": (2,), "full": ((2,), 1), "zeros_like": (X,), "ones_like": (X,),
    "empty_like": (X,), "full_like": (X, 1), "arange": (2,), "linspace": (0, 1, 2), "eye": (2,), "rand": (2,),
    "randn": (2,), "rand_like": (X,), "randn_like": (X,), "randint": (5, (2,)), "randperm": (2,),
    "normal": (0.0, 1.0, (2,)), "tensor": ([1, 2],)}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_pytorchs_arguments_are_taken(name):
    make, arguments = getattr(fastnet, name), CONSTRUCTORS[name]
    made = make(*arguments, device="cpu", layout=fastnet.strided, pin_memory=True, dtype=fastnet.float64,
                memory_format=fastnet.preserve_format, requires_grad=True)
    assert made.dtype == fastnet.float64
    assert made.requires_grad
    assert made.device == fastnet.device("cpu") == "cpu" == made.device.type
    for wrong in ({"device": "cuda"}, {"device": "cuda:0"}, {"layout": "sparse_coo"}, {"memory_format": "NHWC"}):
        with pytest.raises(RuntimeError, match=rf"{name}: expected {next(iter(wrong))} to be '.*, got '"):
            make(*arguments, **wrong)


def test_pytorchs_own_objects_are_read_by_their_names(torch):
    made = fastnet.zeros(2, device=torch.device("cpu"), layout=torch.strided, memory_format=torch.contiguous_format)
    assert made.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match=r"'strided', got 'torch\.sparse_coo'"):
        fastnet.zeros(2, layout=torch.sparse_coo)


def test_other_devices_have_names_alone():
    gpu = fastnet.device("cuda:1")
    assert (gpu.type, gpu.index, str(gpu)) == ("cuda", 1, "cuda:1")
    assert repr(gpu) == "device(type='cuda', index=1)" and gpu == fastnet.device("cuda", 1) != fastnet.device("cuda")
    assert pickle.loads(pickle.dumps(gpu)).index == 1 and len({gpu, fastnet.device("cuda", 1)}) == 1
    x = fastnet.ones(2)
    assert x.to(fastnet.device("cpu")) is x and x.to("cpu", fastnet.float64).dtype == fastnet.float64
    with fastnet.device("cpu"):
        assert fastnet.get_default_device() == x.device
    for move in (lambda: x.to(gpu), lambda: x.to(0), x.cuda, lambda: fastnet.nn.Linear(1, 1).to(gpu),
                 lambda: fastnet.nn.Linear(1, 1, device=gpu), lambda: fastnet.set_default_device(gpu), gpu.__enter__,
                 lambda: fastnet.Generator(device=gpu), lambda: fastnet.nn.Linear(1, 1).cuda()):
        with pytest.raises(RuntimeError, match=r"expected device to be 'cpu', got 'cuda.*it is the only device"):
            move()
    with pytest.raises(RuntimeError, match=r"device: expected one of 'cpu', 'cuda'.* got 'gpu'"):
        fastnet.device("gpu")


def test_the_default_dtype():
    x, y = fastnet.ones(2), fastnet.tensor([1, 2])
    recorded = fastnet.compile(lambda y: y * 0.5)
    try:
        fastnet.set_default_dtype(fastnet.float64)
        assert repr(fastnet.ones(1)) == "tensor([1.])" and "float32" in repr(fastnet.ones(1, dtype=fastnet.float32))
        made = (fastnet.tensor(1.5), fastnet.zeros(1), fastnet.rand(1), fastnet.Tensor([1]), y / 2, y.exp(), y * 1.5,
                fastnet.nn.Linear(1, 1).weight, fastnet.arange(1.0), fastnet.linspace(0, 1, 2), recorded(y),
                fastnet.nn.BatchNorm1d(1).running_mean)
        assert {m.dtype.name for m in made} == {"float64"} and (x * 1.5).dtype == fastnet.float32
        with pytest.raises(TypeError, match="set_default_dtype: expected float32 or float64, got int64"):
            fastnet.set_default_dtype(fastnet.int64)
    finally:
        fastnet.set_default_dtype("float32")
    assert recorded(y).dtype == fastnet.float32 and fastnet.tensor(1.5).dtype == fastnet.float32


def test_limits_and_promotion_of_dtypes(torch):
    for name in ("float32", "float64"):
        ours, theirs = fastnet.finfo(getattr(fastnet, name)), torch.finfo(getattr(torch, name))
        for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
            assert getattr(ours, field) == getattr(theirs, field)
    for name in ("uint8", "int32", "int64"):
        ours, theirs = fastnet.iinfo(getattr(fastnet, name)), torch.iinfo(getattr(torch, name))
        assert (ours.bits, ours.min, ours.max, ours.dtype) == (theirs.bits, theirs.min, theirs.max, theirs.dtype)
    for a, b in itertools.product(fastnet.dtypes.ALL, repeat=2):
        x, y = getattr(torch, a.name), getattr(torch, b.name)
        assert fastnet.promote_types(a, b).name == str(torch.promote_types(x, y)).removeprefix("torch.")
        assert fastnet.can_cast(a, b) == torch.can_cast(x, y), (a, b)


def test_tensors_named_by_a_dtype():
    for name in ("FloatTensor", "DoubleTensor", "HalfTensor", "LongTensor", "IntTensor", "ShortTensor", "CharTensor",
                 "ByteTensor", "BoolTensor"):
        kind = getattr(fastnet, name)
        x = kind([1, 0])
        assert x.dtype == kind.dtype and isinstance(x, kind) and kind(2, 3).shape == (2, 3)
        assert not isinstance(x.to(fastnet.int32 if x.dtype != fastnet.int32 else fastnet.int64), kind)
        assert x.type() == f"fastnet.{name}" and fastnet.ones(1).type(kind).dtype == kind.dtype
        assert x.new([1]).dtype == x.new(2, 2).dtype == x.dtype


def test_sizes_tell_the_number_of_elements():
    size = fastnet.ones(2, 3, 4).size()
    assert size == (2, 3, 4) and size.numel() == 24 and size[1:].numel() == 12 and (size + size).numel() == 576
    assert isinstance(size, fastnet.Size) and isinstance(fastnet.ones(2).shape, fastnet.Size)
    assert not isinstance((1.0,), fastnet.Size) and repr(size) == "(2, 3, 4)" and fastnet.zeros(size).shape == size


def test_bfloat16_needs_a_package(monkeypatch):
    assert fastnet.bfloat16.itemsize == 2 and fastnet.bfloat16.is_floating_point
    assert fastnet.float32 != fastnet.bfloat16 and fastnet.ones(1).dtype != fastnet.bfloat16
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    monkeypatch.setattr(fastnet.bfloat16, "made", None)
    with pytest.raises(ImportError, match=r"bfloat16 needs ml_dtypes.*: pip install ml_dtypes"):
        fastnet.ones(1).to(fastnet.bfloat16)


def test_classes_for_annotations():
    x = fastnet.ones(1)
    assert isinstance(x.dtype, fastnet.dtype) and isinstance(fastnet.bfloat16, fastnet.dtype)
    assert not isinstance("float32", fastnet.dtype) and fastnet.dtype("long") == fastnet.int64
    assert isinstance(x.layout, fastnet.layout) and isinstance(fastnet.channels_last, fastnet.memory_format)


def test_sparse_layouts_are_refused():
    x = fastnet.ones(2, 2)
    assert x.to_dense() is x
    for call in (x.to_sparse, lambda: fastnet.sparse_coo_tensor([[0], [1]], [3.0], (2, 2))):
        with pytest.raises(RuntimeError, match="tensors are dense; "):
            call()


def test_printing_can_be_set():
    x = fastnet.tensor([1.23456, 100000.0])
    before = repr(x)
    try:
        fastnet.set_printoptions(precision=2, sci_mode=False)
        assert repr(x) == "tensor([     1.23, 100000.  ])"
        fastnet.set_printoptions(profile="full")
        assert "..." not in repr(fastnet.zeros(2000)) and "..." in repr(np.zeros(2000))
        with pytest.raises(ValueError, match="expected profile 'default', 'short', 'full', got 'long'"):
            fastnet.set_printoptions(profile="long")
    finally:
        fastnet.set_printoptions(profile="default")
    assert repr(x) == before


def test_properties_that_say_no():
    x = fastnet.ones(2)
    assert not (x.is_cuda or x.is_sparse or x.is_mps or x.is_xpu or x.is_quantized or x.is_complex() or x.is_pinned())
    assert x.is_cpu and x.layout == fastnet.strided and x.itemsize == 4 and x.get_device() == -1
    assert x.pin_memory() is x and x.is_signed() and fastnet.is_nonzero(x[0])


@pytest.mark.parametrize("call, error", [
    (lambda f: f.arange(0, 3, 0), RuntimeError), (lambda f: f.arange(0, -3), RuntimeError),
    (lambda f: f.arange(0, math.inf), RuntimeError), (lambda f: f.linspace(0, 1, 2.5), TypeError),
    (lambda f: f.linspace(0, 1, True), TypeError), (lambda f: f.linspace(0, 1, -1), RuntimeError),
    (lambda f: f.eye(2.5), TypeError), (lambda f: f.eye(-1), RuntimeError), (lambda f: f.randperm(2.5), TypeError),
    (lambda f: f.randint(2.5, (2,)), TypeError), (lambda f: f.randint(5, 5, (2,)), RuntimeError),
    (lambda f: f.zeros(2).normal_(0, -1), RuntimeError), (lambda f: f.zeros(2).uniform_(1, 0), RuntimeError),
    (lambda f: f.bernoulli(f.ones(2) * 2), RuntimeError), (lambda f: f.normal(0.0, -1.0, (2,)), RuntimeError),
    (lambda f: f.zeros(2.5), TypeError), (lambda f: f.zeros(-1), RuntimeError)])
def test_errors_have_pytorchs_types(torch, call, error):
    for f in (torch, fastnet):
        with pytest.raises(error):
            call(f)


def test_integer_random_numbers_in_other_dtypes():
    assert fastnet.randint(0, 5, (3,), dtype=fastnet.float32, requires_grad=True).requires_grad
    assert sorted(fastnet.randperm(4, dtype=fastnet.int32).tolist()) == [0, 1, 2, 3]
    assert fastnet.randperm(4, dtype=fastnet.int32).dtype == fastnet.int32


def test_types_are_named_and_convert():
    x = fastnet.tensor([1.5, 2.0])
    assert x.type() == "fastnet.FloatTensor"
    for dtype, name in ((fastnet.float64, "Double"), (fastnet.int64, "Long"), (fastnet.int32, "Int"),
                        (fastnet.uint8, "Byte"), (fastnet.bool, "Bool"), (fastnet.float32, "Float")):
        assert x.to(dtype).type() == f"fastnet.{name}Tensor"
        for wanted in (dtype, f"fastnet.{name}Tensor", f"torch.{name}Tensor"):
            assert x.type(wanted, non_blocking=True).dtype == dtype
    assert x.type(fastnet.float32) is x
    with pytest.raises(TypeError, match=r"unsupported dtype 'fastnet\.UIntTensor'"):
        x.type("fastnet.UIntTensor")


def test_conversions_take_pytorchs_arguments():
    x = fastnet.tensor([1.5])
    assert x.to("cpu") is x.to(device="cpu") is x.to("cpu", fastnet.float32, non_blocking=True) is x
    assert x.to(fastnet.float32, False, True) is not x
    assert x.to("cpu", copy=True, memory_format=fastnet.preserve_format) is not x
    assert x.to("cpu", fastnet.int64).dtype == x.to(device="cpu", dtype=fastnet.int64).dtype == fastnet.int64
    assert x.double(memory_format=fastnet.contiguous_format).dtype == fastnet.float64
    assert x.clone(memory_format=fastnet.preserve_format).tolist() == x.contiguous(fastnet.contiguous_format).tolist()
    assert fastnet.zeros(1).copy_(x, non_blocking=True).item() == 1.5
    for call in (lambda: x.to("cuda"), lambda: x.to(device="cuda:1"), lambda: x.to("float17")):
        with pytest.raises(RuntimeError, match=r"to: expected .* 'cpu', got '(cuda|cuda:1|float17)'"):
            call()


def test_one_probability_for_all():
    x = fastnet.tensor([math.nan, 7.0], requires_grad=True)
    assert fastnet.bernoulli(x, 1.0).tolist() == x.bernoulli(p=1).tolist() == [1, 1]
    assert fastnet.bernoulli(x, 0.0).requires_grad
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        fastnet.bernoulli(x, 1.5)


def test_normal_numbers_around_tensors(torch):
    mean, std = [[0.0], [100.0]], [1.0, 2.0, 0.0]
    for f in (torch, fastnet):
        made = f.normal(f.tensor(mean), f.tensor(std))
        assert tuple(made.shape) == (2, 3)
        assert made[:, 2].tolist() == [0, 100]
        assert f.normal(f.zeros(2, dtype=f.float64)).dtype == f.float64
        assert f.normal(mean=5.0, std=f.zeros(2)).tolist() == [5, 5]
        for wrong in (lambda f=f: f.normal(f.zeros(2), f.tensor([1.0, -1.0])), lambda f=f: f.normal(f.zeros(2), -1.0)):
            with pytest.raises(RuntimeError):
                wrong()
        with pytest.raises(TypeError):
            f.normal(0.0, 1.0)
    many = fastnet.normal(fastnet.full((10_000,), 3.0), 2.0)
    assert abs(many.mean().item() - 3) < 0.1
    assert abs(many.std().item() - 2) < 0.1
