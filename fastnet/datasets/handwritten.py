"""scikit-learn's handwritten digits."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.optional import optional

if TYPE_CHECKING:
    from fastnet.datasets.files import Split

__all__ = ["digits"]


def digits() -> Split:
    """Load scikit-learn's handwritten digits: 1,437 training and 360 test images of 8x8 pixels with values 0 to 16.

    The data set does not come with a test set. A fifth of it is held out by
    `train_test_split(..., test_size=0.2, stratify=labels, random_state=0)`. So the split is always the same, each digit
    has the same share in both parts, and scikit-learn users can reproduce it.

    Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", https://doi.org/10.24432/C50P49.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, 8, 8), and labels, int64 (N,).

    Raises:
        ImportError: scikit-learn is not installed.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.digits()
        >>> x_train.shape, x_train.dtype, int(x_train.max()), y_test.shape
        ((1437, 8, 8), dtype('uint8'), 16, (360,))
    """
    data = optional("sklearn.datasets", "the digits data set").load_digits()
    split = optional("sklearn.model_selection", "the digits data set").train_test_split
    pictures, labels = data.images.astype(np.uint8), data.target.astype(np.int64)
    x_train, x_test, y_train, y_test = split(pictures, labels, test_size=0.2, stratify=labels, random_state=0)
    return (x_train, y_train), (x_test, y_test)
