"""`fastnet.autograd.Function` beside `torch.autograd.Function`: one source for both."""
import numpy as np
import pytest

import fastnet


def libraries():
    torch = pytest.importorskip("torch")
    return fastnet, torch


def same_in_both(program):
    ours, theirs = (program(library) for library in libraries())
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6)


def cube(f, saves="input"):
    class Cube(f.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            assert not f.is_grad_enabled()
            y = x * x * x * factor
            ctx.save_for_backward(*((x,) if saves == "input" else (x, y)))
            ctx.factor = factor
            return y

        @staticmethod
        def backward(ctx, g):
            assert ctx.needs_input_grad == (True, False)
            if saves == "input":
                x, = ctx.saved_tensors
                return 3 * g * x * x * ctx.factor, None
            x, y = ctx.saved_tensors
            return 3 * g * y / x, None
    return Cube


@pytest.mark.parametrize("saves", ["input", "output"])
def test_derivatives_of_any_order(saves):
    def program(f):
        x = f.tensor([1.0, 2.0, -3.0], requires_grad=True)
        y = cube(f, saves).apply(x * 1.5, 2.0)
        first, = f.autograd.grad(y.sum(), x, create_graph=True)
        second, = f.autograd.grad((first * first).sum(), x, create_graph=True)
        second.sum().backward()
        return y, first, second, x.grad
    same_in_both(program)


def test_several_results_with_and_without_gradients():
    def program(f):
        seen = []

        class Parts(f.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                ctx.save_for_backward(x, y)
                order = x.argsort()
                ctx.mark_non_differentiable(order)
                return x * y, x + y, order, x - 2 * y

            @staticmethod
            def backward(ctx, a, b, order, c):
                seen.append((order.sum().item(), c.sum().item()))
                x, y = ctx.saved_tensors
                return a * y + b + c, a * x + b - 2 * c
        x = f.tensor([3.0, 1.0, 2.0], requires_grad=True)
        y = f.tensor([1.0, 2.0, 5.0], requires_grad=True)
        a, b, order, _ = Parts.apply(x, y)
        assert not order.requires_grad and a.requires_grad
        first = f.autograd.grad((a * b).sum(), (x, y), create_graph=True)
        second = f.autograd.grad(sum((g * g).sum() for g in first), (x, y))
        Parts.apply(x, y)[1].sum().backward()
        assert seen == [(0, 0)] * len(seen)
        return *first, *second, x.grad, y.grad
    same_in_both(program)


def test_setup_context_and_gradients_that_are_not_materialized():
    def program(f):
        class Halves(f.autograd.Function):
            @staticmethod
            def forward(x):
                return x[:2] * 2, x[2:] * 3

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.set_materialize_grads(False)
                ctx.shape = inputs[0].shape

            @staticmethod
            def backward(ctx, a, b):
                assert b is None
                return f.cat([a * 2, f.zeros(2)])
        x = f.ones(4, requires_grad=True)
        (Halves.apply(x)[0] * 5).sum().backward()
        return x.grad,
    same_in_both(program)


def test_in_place_functions_rebase_the_history():
    def program(f):
        class Double(f.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                x.mul_(2)
                ctx.mark_dirty(x)
                return x

            @staticmethod
            def backward(ctx, g):
                return g * 2
        x = f.ones(3, requires_grad=True)
        y = x * 3
        z = Double.apply(y)
        assert z is y
        (z * z).sum().backward()
        return x.grad, z
    same_in_both(program)


def test_an_argument_that_is_returned_is_a_new_tensor():
    class Identity(fastnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return -g
    x = fastnet.ones(2, requires_grad=True)
    y = Identity.apply(x)
    y.sum().backward()
    assert y is not x and x.grad.tolist() == [-1, -1]
    with fastnet.no_grad():
        assert not Identity.apply(x).requires_grad


def test_once_differentiable():
    def program(f):
        once = (f.autograd.function if f is not fastnet else fastnet.autograd.function).once_differentiable

        class Square(f.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            @once
            def backward(ctx, g):
                return 2 * g * ctx.saved_tensors[0]
        x = f.tensor([3.0], requires_grad=True)
        first, = f.autograd.grad(Square.apply(x) ** 2, x, create_graph=True)
        with pytest.raises(RuntimeError, match="differentiate twice a function that was marked with"):
            (first * x).backward()
        return first,
    same_in_both(program)


@pytest.mark.parametrize("returned, error, words", [
    (lambda g: (g, g), RuntimeError, r"returned an incorrect number of gradients \(expected 1, got 2\)"),
    (lambda g: (), RuntimeError, r"returned an incorrect number of gradients \(expected 1, got 0\)"),
    (lambda g: g[:1].reshape(1, 1)[:, [0, 0]].reshape(2)[:0].reshape(0), RuntimeError, "invalid gradient at index 0"),
    (lambda g: 3, TypeError, "expected"),
])
def test_wrong_gradients_are_refused_as_in_pytorch(returned, error, words):
    for f in libraries():
        class Wrong(f.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return returned(g)
        x = f.ones(3, requires_grad=True)
        with pytest.raises((error, RuntimeError), match=words):
            Wrong.apply(x).sum().backward()


def test_misuse_is_refused():
    class Cube(fastnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            return 3 * g * ctx.saved_tensors[0] ** 2

    with pytest.raises(TypeError, match=r"expected a call of Cube\.apply"):
        Cube()
    x = fastnet.ones(2, requires_grad=True)
    y = x * 2
    z = Cube.apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()
    z = Cube.apply(x)
    z.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        z.sum().backward()

    class Forward(fastnet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2
    with pytest.raises(NotImplementedError, match="must implement either the backward or vjp"):
        Forward.apply(x).sum().backward()


def test_a_compiled_function_records_it():
    w, function = fastnet.tensor([1.0, -2.0], requires_grad=True), cube(fastnet)

    def step(x):
        w.grad = None
        loss = function.apply(w * x, 2.0).sum()
        loss.backward()
        return loss, w.grad
    compiled = fastnet.compile(step)
    for k in range(4):
        x = fastnet.tensor([0.5, 1.0 + k])
        a, b = [[t.clone() for t in f(x)] for f in (compiled, step)]
        assert [t.tolist() for t in a] == [t.tolist() for t in b]
    assert len(compiled) == 1
