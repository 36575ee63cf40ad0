"""`fastnet.autograd.functional`, `fastnet.func` and gradient checks, beside PyTorch's."""
import numpy as np
import pytest
from operations import ROW, A, B

import fastnet


def both(program, *arrays):
    """The results of one program on the two libraries, which must be the same."""
    torch = pytest.importorskip("torch")
    found = [flat(program(f, *(f.tensor(a) for a in arrays))) for f in (fastnet, torch)]
    assert len(found[0]) == len(found[1])
    for ours, theirs in zip(*found):
        assert ours.requires_grad == theirs.requires_grad and ours.shape == tuple(theirs.shape)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


def flat(value):
    if isinstance(value, tuple | list):
        return [x for part in value for x in flat(part)]
    if isinstance(value, dict):
        return flat([value[name] for name in sorted(value)])
    return [value]


def smooth(x, y):
    return (x.sin() * y).sum(1), (x * x).mean()


def number(x, y):
    return (x.sin() * y * y).sum() + (x * x).mean() * y.sum()


@pytest.mark.parametrize("create_graph", [False, True])
def test_functional(create_graph):
    def program(f, a, b):
        library = f.autograd.functional
        a, b = (t.requires_grad_(create_graph) for t in (a, b))
        v = f.ones(3, dtype=f.float64), f.tensor(2.0, dtype=f.float64)
        graph = {"create_graph": create_graph}
        return (library.jacobian(smooth, (a, b), **graph), library.jacobian(lambda x: x.exp(), a, **graph),
                library.hessian(number, (a, b), **graph), library.hessian(lambda x: (x**3).sum(), a, **graph),
                library.vjp(smooth, (a, b), v, **graph)[1], library.jvp(smooth, (a, b), (b, a), **graph),
                library.vhp(number, (a, b), (b, a), **graph), library.hvp(lambda x: (x**3).sum(), a, b, **graph))
    both(program, A, B)


def test_functional_errors():
    library, x = fastnet.autograd.functional, fastnet.ones(3)
    with pytest.raises(RuntimeError, match="strict=True"):
        library.jacobian(lambda x: fastnet.ones(2), x, strict=True)
    with pytest.raises(RuntimeError, match="one element"):
        library.hessian(lambda x: x * 2, x)
    with pytest.raises(RuntimeError, match="shapes"):
        library.vjp(lambda x: x * 2, x, fastnet.ones(2))
    assert library.jacobian(lambda x: fastnet.ones(2), x).tolist() == [[0] * 3] * 2


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")        # by an import of PyTorch
def test_transformations():
    def program(f, a, b, row):
        func = f.func
        return (func.grad(number)(a, b), func.grad(number, argnums=(0, 1))(a, b), func.grad_and_value(number)(a, b),
                func.grad(lambda x: (number(x, b), x.sum()), has_aux=True)(a), func.jacrev(smooth, 1)(a, b),
                func.jacfwd(lambda x: x.exp())(row), func.hessian(lambda x: (x**3).sum() * x.sum())(row),
                func.grad(lambda x: func.grad(lambda y: (y**3 * x).sum())(x).sum())(row),
                func.vjp(smooth, a, b)[0], func.vjp(smooth, a, b)[1]((a[:, 0], b[0, 0])),
                func.jvp(smooth, (a, b), (b, a)), func.vmap(f.dot)(a, b), func.vmap(f.dot, (0, None))(a, row),
                func.vmap(lambda x, y: (x + y, x * y), in_dims=(1, 1), out_dims=(0, 1))(a, b),
                func.vmap(func.vmap(lambda x, y: x * y))(a, b), func.vmap(func.grad(number), (0, 0))(
                    a.unsqueeze(1), b.unsqueeze(1)),
                func.vmap(lambda d: d["a"] * 2 + d["b"], in_dims=({"a": 0, "b": None},))({"a": a, "b": row}))
    both(program, A, B, ROW)


def test_transformations_of_nested_arguments():
    def program(f):
        a, row = f.tensor([[0.5, -1.0], [2.0, 0.25]]), f.tensor([1.0, 3.0])
        tree = {"w": a, "pair": (row, row * 2)}

        def nested(p):
            return {"y": p["w"] @ p["pair"][0], "z": [(p["w"] ** 2).sum() * p["pair"][1]]}

        def number(p):
            return (p["w"] @ p["pair"][0]).exp().sum() * p["pair"][1].sum()
        func = f.func
        return (func.jacrev(nested)(tree), func.jacfwd(lambda x, p: p["w"] * x, 1)(row, {"w": a}),
                func.hessian(number)(tree), func.jvp(nested, (tree,), ({"w": a, "pair": (row, row)},)),
                func.jacrev(lambda p: (nested(p), p["w"]), has_aux=True)(tree),
                func.vmap(func.jacrev(lambda p, x: p["w"] @ x), (None, 0))({"w": a}, a),
                func.jacrev(lambda p, x: p["w"] @ x, (0, 1))({"w": a}, row))
    torch = pytest.importorskip("torch")
    ours, theirs = program(fastnet), program(torch)
    flat, form = torch.utils._pytree.tree_flatten(theirs)
    found, form_of_ours = torch.utils._pytree.tree_flatten(ours)
    assert form_of_ours == form
    for mine, other in zip(found, flat):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-5)


def test_functional_calls_of_modules():
    def program(f, a):
        f.manual_seed(0)
        model = f.nn.Sequential(f.nn.Linear(4, 3), f.nn.Tanh(), f.nn.Linear(3, 1)).double()
        values = {name: f.arange(p.numel(), dtype=f.float64).reshape(p.shape).sin()
                  for name, p in model.named_parameters()}
        before = [p.detach().clone() for p in model.parameters()]

        def loss(values, x):
            return f.func.functional_call(model, values, (x,)).square().sum()
        found = f.func.grad(loss)(values, a), f.func.vmap(f.func.grad(loss), (None, 0))(values, a.unsqueeze(1))
        assert all((p == q).all() for p, q in zip(model.parameters(), before))
        return found
    both(program, A)


def test_a_functional_call_refuses_unknown_names():
    layer = fastnet.nn.Linear(2, 1)
    with pytest.raises(RuntimeError, match="unexpected"):
        fastnet.func.functional_call(layer, {"scale": fastnet.ones(1)}, fastnet.ones(1, 2))
    with pytest.raises(RuntimeError, match="bias"):
        fastnet.func.functional_call(layer, {"weight": fastnet.ones(1, 2)}, fastnet.ones(1, 2), strict=True)
    with pytest.raises(ValueError, match="none to map over"):
        fastnet.func.vmap(fastnet.dot, (None, None))(fastnet.ones(2), fastnet.ones(2))


def test_gradcheck():
    check, twice = fastnet.autograd.gradcheck, fastnet.autograd.gradgradcheck
    x, y = (fastnet.tensor(a, requires_grad=True) for a in (A, B))
    assert check(smooth, (x, y)) and twice(smooth, (x, y)) and check(lambda x: x.detach() * 0, (x,))

    class Wrong(fastnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3
    assert not check(Wrong.apply, (x,), raise_exception=False)
    with pytest.raises(fastnet.autograd.GradcheckError, match="Jacobian mismatch for output 0"):
        check(Wrong.apply, (x,))
    with pytest.raises(ValueError, match="at least one input tensor"):
        check(smooth, (x.detach(), y.detach()))


def test_anomalies_are_named():
    x = fastnet.zeros(2, requires_grad=True)
    with fastnet.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="'sqrt backward' returned nan values"):
        (x.sqrt() * 0).sum().backward()
    (x.sqrt() * 0).sum().backward()         # outside, NaN is no error
    with fastnet.autograd.set_detect_anomaly(True, check_nan=False):
        (x.sqrt() * 0).sum().backward()
