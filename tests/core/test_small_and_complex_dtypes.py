"""Tensors of float16, int8, int16 and complex numbers beside PyTorch's."""

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend")
RNG = np.random.default_rng(0)
A, B = (RNG.standard_normal((3, 4)) + 1j * RNG.standard_normal((3, 4)) for _ in range(2))
REAL = RNG.standard_normal((3, 4))
ALL = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128")

# name -> a function of the namespace and complex tensors a, b (3, 4), and a real one r; the same source runs on both
COMPLEX = {
    "add": lambda f, a, b, r: a + b * 2 - 1j,
    "mul": lambda f, a, b, r: a * b,
    "mul-real": lambda f, a, b, r: a * r + r * 2j,
    "div": lambda f, a, b, r: a / b + 1 / a,
    "div-real": lambda f, a, b, r: r / a,
    "neg": lambda f, a, b, r: -a,
    "pow": lambda f, a, b, r: a ** 3 + a ** 2,
    "matmul": lambda f, a, b, r: a @ b.T,
    "matmul-vector": lambda f, a, b, r: a @ b[0],
    "exp": lambda f, a, b, r: a.exp(),
    "log": lambda f, a, b, r: a.log(),
    "sin": lambda f, a, b, r: a.sin() + a.cos(),
    "tanh": lambda f, a, b, r: a.tanh(),
    "sqrt": lambda f, a, b, r: a.sqrt(),
    "reciprocal": lambda f, a, b, r: a.reciprocal(),
    "square": lambda f, a, b, r: a.square(),
    "abs": lambda f, a, b, r: a.abs(),
    "angle": lambda f, a, b, r: a.angle(),
    "conj": lambda f, a, b, r: a.conj() * b,
    "adjoint": lambda f, a, b, r: a.adjoint() + b.H + b[None].mH[0],
    "real": lambda f, a, b, r: a.real * r,
    "imag": lambda f, a, b, r: a.imag * r,
    "view_as_real": lambda f, a, b, r: f.view_as_real(a) * r.unsqueeze(-1),
    "view_as_complex": lambda f, a, b, r: f.view_as_complex(r.reshape(3, 2, 2)) * a[:, :2],
    "complex": lambda f, a, b, r: f.complex(r, r * 2) * a,
    "polar": lambda f, a, b, r: f.polar(r.abs(), r) * a,
    "sum": lambda f, a, b, r: a.sum(0) * b.mean(1, keepdim=True),
    "shape": lambda f, a, b, r: f.cat([a.t().reshape(3, 4), b[1:2]]) * f.stack([a[0]] * 4),
    "where": lambda f, a, b, r: f.where(r > 0, a, b),
    "index": lambda f, a, b, r: a[f.tensor([2, 0])][:, 1::2],
    "einsum": lambda f, a, b, r: f.einsum("ij,kj->ik", a, b),
    "cumsum": lambda f, a, b, r: a.cumsum(1),
    "dot": lambda f, a, b, r: f.dot(a[0], b[0]),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_numbers_like_pytorch(name):
    torch = pytest.importorskip("torch")
    found = []
    for f in (fastnet, torch):
        leaves = [f.tensor(x, requires_grad=True) for x in (A, B, REAL)]
        out = COMPLEX[name](f, *leaves)
        weights = np.arange(out.numel()).reshape(tuple(out.shape)) + (0.5j if out.is_complex() else 0)
        total = (out * f.tensor(weights)).sum()
        (total.real * 2 + total.imag if total.is_complex() else total).backward()
        found.append([out.detach().resolve_conj().numpy(),
                      *(None if x.grad is None else x.grad.resolve_conj().numpy() for x in leaves)])
    for ours, theirs in zip(*found, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_complex_tensors_are_made_and_printed():
    x = fastnet.tensor([1 + 2j, 3])
    assert x.dtype == fastnet.complex64 and x.tolist() == [1 + 2j, 3] and x[0].item() == 1 + 2j
    assert repr(x) == "tensor([1.+2.j, 3.+0.j], dtype=complex64)"
    assert x.is_complex() and not x.is_floating_point() and x.imag.tolist() == [2, 0]
    x.real[0] = 5
    assert x.tolist() == [5 + 2j, 3]
    assert fastnet.zeros(2, dtype=fastnet.complex128).dtype == fastnet.complex128
    assert fastnet.tensor([1.5]).to(fastnet.complex64).tolist() == [1.5 + 0j]
    assert (x == x).all() and fastnet.tensor(np.array([1j])).dtype == fastnet.complex128
    with pytest.raises(RuntimeError, match=r"backward\(\) on a complex tensor needs an explicit `gradient`"):
        fastnet.tensor([1j], requires_grad=True).square().backward()
    z = fastnet.tensor([1 + 2j], requires_grad=True)
    assert fastnet.grad((z * z).abs().sum(), z)[0].is_complex()
    with pytest.raises(RuntimeError, match="create_graph: expected real tensors, got complex64"):
        fastnet.grad((z * z).abs().sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="imag: expected a complex tensor, got float32"):
        fastnet.imag(fastnet.ones(1))


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("left", ALL)
def test_promotion_like_pytorch(left):
    torch = pytest.importorskip("torch")

    def results(f, right):
        a, b = (f.ones(2, dtype=getattr(f, name)) for name in (left, right))
        return a * b, a * b[0], a[0] * b, a * 2, a * 2.5, a / b, a == b, a.sum(), f.zeros_like(a)
    for right in ALL:
        if "float16" in (left, right) and "complex" in left + right:
            continue                    # complex32 is missing: it is complex64
        for ours, theirs in zip(results(fastnet, right), results(torch, right), strict=True):
            assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch."), right
        types = [fastnet.promote_types(left, right), torch.promote_types(getattr(torch, left), getattr(torch, right))]
        assert types[0].name == str(types[1]).removeprefix("torch.")


HALF = {
    "add": lambda f, a, b: a + b * 2,
    "div": lambda f, a, b: a / (b.abs() + 1),
    "matmul": lambda f, a, b: a @ b.T,
    "exp": lambda f, a, b: a.exp().log1p(),
    "sum": lambda f, a, b: a.sum(0) + b.mean(1).sum(),
    "softmax": lambda f, a, b: a.softmax(-1),
    "linear": lambda f, a, b: f.nn.functional.linear(a, b).relu(),
    "layer_norm": lambda f, a, b: f.nn.functional.layer_norm(a, (4,)),
    "cross_entropy": lambda f, a, b: f.nn.functional.cross_entropy(a, f.tensor([0, 1, 2])),
    "cat": lambda f, a, b: f.cat([a, b.flip(0)])[1:, :2].t(),
    "max": lambda f, a, b: f.maximum(a, b).amax(1),
    "conv": lambda f, a, b: f.nn.functional.conv1d(a.unsqueeze(0), b.reshape(2, 3, 2)),
}


NARROW = {"float16": 4e-3, "bfloat16": 4e-2}            # {dtype: tolerance}


@pytest.fixture(params=NARROW)
def narrow(request):
    """The name of a dtype for storage."""
    if request.param == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return request.param


@pytest.mark.parametrize("name", HALF)
def test_narrow_floats_like_pytorch(name, narrow):
    torch = pytest.importorskip("torch")
    found = []
    for f in (fastnet, torch):
        leaves = [f.tensor(x, dtype=getattr(f, narrow), requires_grad=True) for x in (REAL, A.real)]
        out = HALF[name](f, *leaves)
        assert out.dtype == getattr(f, narrow)
        out.sum().backward()
        assert all(x.grad is None or x.grad.dtype == x.dtype for x in leaves)
        found.append([out.detach().float().numpy(),
                      *(None if x.grad is None else x.grad.float().numpy() for x in leaves)])
    for ours, theirs in zip(*found, strict=True):
        if theirs is not None:
            np.testing.assert_allclose(ours, theirs, rtol=NARROW[narrow], atol=NARROW[narrow])


@pytest.mark.parametrize("compiled", [False, True])
def test_modules_of_narrow_floats_train(narrow, compiled):
    dtype = getattr(fastnet, narrow)
    model = fastnet.nn.Sequential(fastnet.nn.Linear(4, 8), fastnet.nn.BatchNorm1d(8), fastnet.nn.ReLU(),
                                  fastnet.nn.Linear(8, 2)).to(dtype)
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=0.05)
    x, y = fastnet.rand(16, 4, dtype=dtype), fastnet.arange(16) % 2

    def step(x, y):
        loss = fastnet.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    step = fastnet.compile(step) if compiled else step
    losses = [step(x, y).item() for _ in range(20)]
    assert all(t.dtype == dtype for t in model.state_dict().values() if t.is_floating_point())
    assert losses[-1] < losses[0]


def test_bfloat16_values():
    torch = pytest.importorskip("torch")
    pytest.importorskip("ml_dtypes")
    values = [1.0, 3.14159, -1e30, 65504.0, float("inf"), float("nan"), 1e-40, 0.0]
    ours, theirs = fastnet.tensor(values).bfloat16(), torch.tensor(values).bfloat16()
    np.testing.assert_array_equal(ours.float().numpy(), theirs.float().numpy())
    np.testing.assert_array_equal(ours.tolist(), theirs.tolist())
    assert ours.element_size() == 2 and ours.is_floating_point() and ours[1].item() == theirs[1].item()
    assert repr(ours[:2]) == "tensor([1.    , 3.1406], dtype=bfloat16)"
    assert fastnet.equal(ours[:4], ours[:4].clone()) and not fastnet.equal(ours[:2], ours[:2] + 1)
    assert ours.long()[0].item() == 1 and fastnet.tensor([1, 2]).to(fastnet.bfloat16).dtype == fastnet.bfloat16
    for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal"):
        assert getattr(fastnet.finfo(fastnet.bfloat16), name) == getattr(torch.finfo(torch.bfloat16), name)
    for left in ("float16", "float32", "float64", "int64", "bool", "bfloat16", "complex64"):
        mine = fastnet.promote_types(left, "bfloat16")
        assert mine.name == str(torch.promote_types(getattr(torch, left), torch.bfloat16)).removeprefix("torch.")


def test_bfloat16_creation_and_writes():
    pytest.importorskip("ml_dtypes")
    x = fastnet.zeros(2, 3, dtype=fastnet.bfloat16)
    x[0] = 1.5
    x.add_(1).mul_(2)
    x[:, 1:].copy_(fastnet.ones(2, 2))
    assert x.tolist() == [[5, 1, 1], [2, 1, 1]] and x.sum().dtype == fastnet.bfloat16
    assert fastnet.arange(3, dtype=fastnet.bfloat16).tolist() == [0, 1, 2]
    assert fastnet.full((2,), 0.5, dtype="bfloat16").tolist() == [0.5, 0.5]
    assert fastnet.ones_like(x).dtype == fastnet.empty_like(x).dtype == x.dtype
    assert (x > 1).tolist() == [[True, False, False], [True, False, False]] and x.argmax().item() == 0


def test_narrow_floats_draw_and_train(narrow):
    dtype = getattr(fastnet, narrow)
    layer = fastnet.nn.Linear(4, 2).to(dtype)
    optimizer = fastnet.optim.Adam(layer.parameters(), lr=0.05)
    x = fastnet.rand(8, 4, dtype=dtype)
    losses = []
    for _ in range(20):
        loss = (layer(x) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert layer.weight.dtype == dtype and losses[-1] < losses[0]
    drawn = fastnet.randn(1000, dtype=dtype)
    assert 0.8 < drawn.float().std().item() < 1.2 and 0.4 < fastnet.rand(1000, dtype=narrow).float().mean().item() < 0.6


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_small_integers_like_pytorch(dtype):
    torch = pytest.importorskip("torch")
    x, y = np.array([[100, -3, 7]], dtype), np.array([[30, 2, -2]], dtype)
    calls = [lambda f, a, b: a + b, lambda f, a, b: a * b, lambda f, a, b: a - 3, lambda f, a, b: a // b,
             lambda f, a, b: a % b, lambda f, a, b: a & b, lambda f, a, b: -a, lambda f, a, b: abs(b),
             lambda f, a, b: a.sum(), lambda f, a, b: a.max(), lambda f, a, b: a.argmax(), lambda f, a, b: a / b,
             lambda f, a, b: a > b, lambda f, a, b: a.float(), lambda f, a, b: f.cat([a, b]),
             lambda f, a, b: a.sort()[0],
             lambda f, a, b: a[0, 1:], lambda f, a, b: a @ b.T, lambda f, a, b: a.clamp(-2, 5), lambda f, a, b: a.T]
    for i, call in enumerate(calls):
        ours, theirs = (call(f, f.tensor(x), f.tensor(y)) for f in (fastnet, torch))
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch."), i
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, err_msg=str(i))


def test_conversions_have_methods():
    x = fastnet.tensor([1.5, -2.0])
    for name, dtype in (("half", "float16"), ("short", "int16"), ("char", "int8"), ("cfloat", "complex64"),
                        ("cdouble", "complex128")):
        assert getattr(x, name)().dtype.name == dtype


@pytest.mark.filterwarnings("ignore:fastnet.compile recorded")
def test_a_recording_tells_dtypes_of_one_width_apart():
    twice = fastnet.compile(lambda x: x + x)
    for dtype in (*ALL[1:], *ALL[1:]):
        x = fastnet.tensor([1, 2]).to(dtype)
        assert twice(x).tolist() == [2, 4] and twice(x).dtype == x.dtype


def test_saved_and_loaded(tmp_path):
    tensors = {name: fastnet.tensor([0, 1]).to(name) for name in ALL if name[:7] not in ("complex", "float16")}
    fastnet.save_file(tensors, tmp_path / "t.safetensors")
    loaded = fastnet.load_file(tmp_path / "t.safetensors")
    for name, x in tensors.items():
        assert loaded[name].dtype == x.dtype and fastnet.equal(loaded[name], x)
    with pytest.raises(TypeError, match="tensor 'z' has dtype complex64, which cannot be written"):
        fastnet.save_file({"z": fastnet.tensor([1j])}, tmp_path / "t.safetensors")
