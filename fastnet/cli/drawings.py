"""Drawings of digits made to look like those of a data set: found, thickened, scaled, centred.

MNIST's pictures were scaled to fit 20x20 pixels with their proportions kept, and centred in 28x28 by their centre of
mass (LeCun et al. 1998, https://doi.org/10.1109/5.726791). A drawing of any size, on paper of any colour, gets the same
treatment.
"""
import numpy as np

from fastnet._core.optional import optional
from fastnet.data import read_picture

FAINT = 0.15                            # of the darkest ink: less is paper, or a trace of compression
BLANK = 16                              # of 255: what differs less from its paper is no drawing
LARGEST = 160                           # pixels of a drawing that are looked at, in each direction
THIN, WANTED = 0.07, 0.11               # of a drawing's longer side: thinner strokes are drawn as wide as that


def read_drawing(path, size, box):
    """A picture of one digit as a data set has them: light on dark, from 0 to 1.

    Args:
        path: of a picture that `read_picture` reads, dark on light or light on dark.
        size: pixels of the result in each direction.
        box: pixels that the drawing fills of them, in its longer direction.

    Returns:
        float32, (size, size).

    Raises:
        ValueError: no picture, one smaller than `size`, or one in which nothing is drawn; it is named.
        OSError: there is no such file.
    """
    picture = read_picture(path, grey=True)
    if min(picture.shape) < size:
        height, width = picture.shape
        raise ValueError(f"{path} has {width} x {height} pixels, expected at least {size} x {size}")
    ink = ink_of(picture)
    if ink is None:
        raise ValueError(f"{path} is blank: nothing is drawn in it")
    drawing = _thickened(_reduced(_cropped(ink)))
    return _centred(_scaled(_cropped(drawing), box), size)


def ink_of(picture):
    """How much ink each pixel has, 0 to 1: how far it is from the paper, whose colour the picture's border has.

    Args:
        picture: uint8, (height, width).

    Returns:
        float32, (height, width), or None where nothing is drawn.

    Example:
        >>> import numpy as np
        >>> from fastnet.cli.drawings import ink_of
        >>> ink_of(np.array([[255, 255, 255], [255, 55, 155], [255, 255, 255]], np.uint8))
        array([[0. , 0. , 0. ],
               [0. , 1. , 0.5],
               [0. , 0. , 0. ]], dtype=float32)
    """
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ink = picture.astype(np.float32)                    # changed in place: copies of a large picture take long
    ink -= np.float32(np.median(border))
    np.abs(ink, out=ink)
    if ink.max() < BLANK:
        return None
    ink /= ink.max()
    ink[ink < FAINT] = 0
    return ink


def _cropped(ink):
    """The smallest part that has all the ink."""
    rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
    return ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def _reduced(ink):
    """At most LARGEST pixels in each direction; of those that become one the darkest stays, so that no line is lost."""
    factor = -(-max(ink.shape) // LARGEST)
    if factor == 1:
        return ink
    padded = np.pad(ink, [(0, -n % factor) for n in ink.shape])
    height, width = padded.shape
    return padded.reshape(height // factor, factor, width // factor, factor).max((1, 3))


def _thickened(ink):
    """Strokes of a thin pen widened: scaled down they would all but vanish."""
    side, width = max(ink.shape), _stroke_width(ink > 0.5)
    if width >= THIN * side:
        return ink
    steps = round((WANTED * side - width) / 2)
    ink = np.pad(ink, steps)
    for step in range(steps):
        ink = _grown(ink, corners=step % 2)             # in turn, which makes an octagon of a dot
    return ink


def _stroke_width(drawn):
    """About how wide lines are: twice their area over the length of their edges."""
    padded = np.pad(drawn, 1)
    edges = np.count_nonzero(padded[1:] != padded[:-1]) + np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    return 2.2 * np.count_nonzero(drawn) / edges        # an edge that slants takes up to 1.4 steps for its length


def _grown(ink, corners):
    """Each pixel the darkest of itself and its neighbours, those at the corners too or not."""
    down = np.pad(ink, ((1, 1), (0, 0)))
    vertical = np.maximum(np.maximum(down[:-2], down[2:]), ink)
    across = np.pad(vertical if corners else ink, ((0, 0), (1, 1)))
    return np.maximum(np.maximum(across[:, :-2], across[:, 2:]), vertical)


def _scaled(ink, box):
    """The drawing as large as fits the box, its darkest pixel 1."""
    image = optional("PIL.Image", "reading pictures")
    height, width = (max(1, round(n * box / max(ink.shape))) for n in ink.shape)
    scaled = np.asarray(image.fromarray(ink).resize((width, height), image.Resampling.BILINEAR))
    return scaled / scaled.max()


def _centred(ink, size):
    """The drawing in a square, its centre of mass in the middle as far as there is room."""
    total = ink.sum()
    top, left = (_start(ink.sum(1 - axis) @ np.arange(ink.shape[axis]) / total, ink.shape[axis], size)
                 for axis in (0, 1))
    square = np.zeros((size, size), np.float32)
    square[top:top + ink.shape[0], left:left + ink.shape[1]] = ink
    return square


def _start(centre, length, size):
    return int(np.clip(round(size / 2 - centre), 0, size - length))
