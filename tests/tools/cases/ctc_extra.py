import numpy as np

from . import Case
from .ctc import SIZES, sample


def checked(rng, dtype, size):
    t, _, c, longest = size
    return (*sample(rng, dtype, size)[1:], t, c, 2 * longest + 1, 0), {}


CASES = [
    Case("check_ctc", checked, SIZES, None, dtypes=(np.float32,)),
]
