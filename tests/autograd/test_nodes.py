"""What `grad_fn` shows."""
import fastnet


def test_names_and_next_functions():
    x = fastnet.ones(2, requires_grad=True)
    y = (x * 3).log_softmax(0)
    assert y.grad_fn.name == "softmax" and y.grad_fn.name() == "SoftmaxBackward0"
    (product, place), = y.grad_fn.next_functions
    (leaf, _), = product.next_functions
    assert place == 0 and product.name() == "MulBackward0" and leaf.variable is x and leaf.next_functions == ()
    assert "AccumulateGrad" in leaf.name() and x.is_leaf and not y.is_leaf


def test_modes():
    w = fastnet.ones(2, requires_grad=True)

    @fastnet.inference_mode()
    def doubled():
        return w * 2

    @fastnet.inference_mode
    def tripled():
        return w * 3
    assert not doubled().requires_grad and not tripled().requires_grad
    with fastnet.no_grad(), fastnet.inference_mode(False):
        assert (w * 2).requires_grad
    with fastnet.inference_mode(mode=True):
        assert not (w * 2).requires_grad
