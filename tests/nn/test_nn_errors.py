"""Errors of layers and their functions name the input and what was expected."""
import pytest

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def f32(*shape):
    return fastnet.ones(*shape)


@pytest.mark.parametrize("call, error, words", [
    (lambda: F.layer_norm(f32(3, 4), (5,)), RuntimeError, r"\(5,\).*\(3, 4\)"),
    (lambda: F.layer_norm(f32(3, 4), ()), RuntimeError, r"\(\).*\(3, 4\)"),
    (lambda: F.layer_norm(f32(3, 4), 4, f32(3)), RuntimeError, r"weight has shape \(3,\), expected \(4,\).*\(3, 4\)"),
    (lambda: F.layer_norm(f32(3, 4), 4, f32(4).double()), RuntimeError, "weight is float64, the input float32"),
    (lambda: F.layer_norm(fastnet.ones(3, 4, dtype=fastnet.int64), 4), RuntimeError, "int64"),
    (lambda: nn.LayerNorm(5)(f32(3, 4)), RuntimeError, r"\(5,\).*\(3, 4\)"),
    (lambda: nn.RMSNorm(5)(f32(3, 4)), RuntimeError, r"\(5,\).*\(3, 4\)"),
    (lambda: F.batch_norm(f32(3), None, None, training=True), RuntimeError, r"\(N, C\).*\(3,\)"),
    (lambda: F.batch_norm(f32(3, 4), f32(3), f32(4)), RuntimeError, r"running_mean has shape \(3,\), expected \(4,\)"),
    (lambda: F.batch_norm(f32(3, 4), None, None), RuntimeError, "running_mean and running_var"),
    (lambda: F.batch_norm(f32(3, 4), f32(4), None, training=True), RuntimeError, "running_mean and running_var"),
    (lambda: F.batch_norm(f32(1, 4), f32(4), f32(4), training=True), ValueError, r"more than one value.*\(1, 4\)"),
    (lambda: nn.BatchNorm1d(4)(f32(1, 4)), ValueError, r"more than one value.*\(1, 4\)"),
    (lambda: nn.BatchNorm1d(4)(f32(2, 3, 4, 5)), ValueError, r"\(N, 4\) or \(N, 4, L\), got \(2, 3, 4, 5\)"),
    (lambda: nn.BatchNorm1d(4)(f32(2, 3)), ValueError, r"\(N, 4\) or \(N, 4, L\), got \(2, 3\)"),
    (lambda: nn.BatchNorm2d(4)(f32(2, 4)), ValueError, r"\(N, 4, H, W\), got \(2, 4\)$"),
    (lambda: nn.BatchNorm2d(4)(f32(4, 5, 5)), ValueError, r"\(N, 4, H, W\), got \(4, 5, 5\); .* unsqueeze\(0\)"),
    (lambda: nn.InstanceNorm2d(4)(f32(4, 5)), ValueError, r"\(N, C, H, W\) or \(C, H, W\), got \(4, 5\)"),
    (lambda: nn.InstanceNorm2d(4, affine=True)(f32(3, 5, 5)), ValueError, r"expected 4 channels, got .*\(3, 5, 5\)"),
    (lambda: nn.InstanceNorm2d(4)(f32(2, 4, 1, 1)), ValueError, r"more than one value.*\(2, 4, 1, 1\)"),
    (lambda: nn.GroupNorm(3, 4), ValueError, "num_channels=4 and num_groups=3"),
    (lambda: nn.GroupNorm(2, 4)(f32(2, 6, 5)), RuntimeError, r"weight has shape \(4,\), expected \(6,\)"),
    (lambda: nn.GroupNorm(4, 4)(f32(1, 4)), ValueError, r"more than one value in each group.*\(1, 4\)"),
    (lambda: F.group_norm(f32(2, 4), 3), RuntimeError, r"divides the 4 channels .*\(2, 4\), got 3"),
    (lambda: F.group_norm(f32(4), 2), RuntimeError, r"\(N, C\) or \(N, C, ...\), got \(4,\)"),
    (lambda: F.instance_norm(f32(2, 4, 3), use_input_stats=False), RuntimeError, "running_mean and running_var"),
    (lambda: F.instance_norm(f32(2, 4)), RuntimeError, r"got \(2, 4\)"),
    (lambda: F.local_response_norm(f32(2, 4), 2), ValueError, r"got \(2, 4\)"),
    (lambda: F.local_response_norm(f32(2, 4, 1), 0), ValueError, "a size of 1 or more, got 0"),
    (lambda: nn.BatchNorm3d(4)(f32(2, 4, 5, 5)), ValueError, r"\(N, 4, D, H, W\), got \(2, 4, 5, 5\)$"),
    (lambda: nn.Linear(4, 2)(f32(3, 5)), RuntimeError, r"\(3, 5\).*\(2, 4\)"),
    (lambda: nn.Linear(4, 2)(f32(3, 4).double()), RuntimeError, "float64.*float32"),
    (lambda: nn.Embedding(4, 2)(fastnet.tensor([1, 4])), IndexError, "4 at position 1.*< 4"),
    (lambda: nn.Embedding(4, 2)(f32(2)), RuntimeError, "float32"),
    (lambda: nn.Embedding(4, 2, padding_idx=4), ValueError, "expected padding_idx from -4 to 3, got 4"),
    (lambda: nn.Hardtanh(1.0, 1.0), ValueError, "min_val < max_val"),
    (lambda: nn.GELU("fast")(f32(2)), RuntimeError, "'none' or 'tanh', got 'fast'"),
])
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
