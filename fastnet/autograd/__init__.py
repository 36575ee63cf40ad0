"""Automatic differentiation: backward() and grad(), gradient modes, and `op`, which makes your own operations."""
from fastnet.autograd import functional
from fastnet.autograd.anomaly import detect_anomaly, set_detect_anomaly
from fastnet.autograd.calls import backward, grad
from fastnet.autograd.function import Function, FunctionCtx
from fastnet.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from fastnet.autograd.hooks import RemovableHandle
from fastnet.autograd.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from fastnet.autograd.rules import RESULT, on_tensors, transposes
from fastnet.autograd.sparse import SparseGradient
from fastnet.autograd.tape import Node, gradient, op, writes_out

__all__ = ["RESULT", "Function", "FunctionCtx", "GradcheckError", "Node", "RemovableHandle", "SparseGradient",
           "backward", "detect_anomaly", "enable_grad", "functional", "grad", "gradcheck", "gradgradcheck", "gradient",
           "inference_mode", "is_grad_enabled", "no_grad", "on_tensors", "op", "set_detect_anomaly", "set_grad_enabled",
           "transposes", "writes_out"]
