"""Automatic differentiation: backward() and grad(), gradient modes, and `op`, which makes your own operations."""
from fastnet.autograd.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from fastnet.autograd.sparse import SparseGradient
from fastnet.autograd.tape import Node, gradient, op, writes_out
from fastnet.autograd.walk import backward, grad

__all__ = ["Node", "SparseGradient", "backward", "enable_grad", "grad", "gradient", "is_grad_enabled", "no_grad", "op",
           "set_grad_enabled", "writes_out"]
