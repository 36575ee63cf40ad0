"""Gradients: the tape, the walk back through it, and the modes that switch it on and off."""
from fastnet.autograd.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from fastnet.autograd.tape import Node, gradient, op, writes_out
from fastnet.autograd.walk import backward, grad

__all__ = ["Node", "backward", "enable_grad", "grad", "gradient", "is_grad_enabled", "no_grad", "op",
           "set_grad_enabled", "writes_out"]
