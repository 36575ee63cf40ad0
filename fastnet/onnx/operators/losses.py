"""Losses of classification."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnet.nn.functional as F
from fastnet import Tensor
from fastnet.onnx.registry import Node, operator

_NOTHING_IGNORED = -(2**31)                             # no class has this index


def loss_of(node: Node, log_probabilities: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The negative log-likelihood by the attributes `reduction` and `ignore_index`.

    Args:
        node: of the operator.
        log_probabilities: (N, C, *spatial).
        target: (N, *spatial).
        weight: (C,) or None.
    """
    n, classes, *spatial = log_probabilities.shape
    reduction = node.attribute("reduction", "mean")
    places = math.prod(spatial)
    losses = F.nll_loss(log_probabilities.reshape(n, classes, places).permute(0, 2, 1).reshape(-1, classes),
                        target.to(np.dtype(np.int64)).reshape(-1), weight,
                        ignore_index=node.attribute("ignore_index", _NOTHING_IGNORED), reduction=reduction)
    return losses.reshape(tuple(target.shape)) if reduction == "none" else losses


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood_loss(node: Node, x: Tensor, target: Tensor, weight: Tensor | None = None) -> Any:
    """The negative log-likelihood of targets."""
    return loss_of(node, x, target, weight)


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy_loss(node: Node, x: Tensor, target: Tensor, weight: Tensor | None = None) -> Any:
    """Cross-entropy of logits, and their log-probabilities."""
    log_probabilities = F.log_softmax(x, 1)
    return loss_of(node, log_probabilities, target, weight), log_probabilities
