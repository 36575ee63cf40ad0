"""Augmentation: each transform on each kind of pictures, with all random numbers from the generator."""
import numpy as np
import pytest

from fastnet.data import (
    Compose,
    Cutout,
    DataLoader,
    GaussianNoise,
    MixUp,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
    TensorDataset,
)

N = 40
SHAPES = [(N, 9, 12), (N, 9, 12, 3), (N, 1, 1), (0, 9, 12), (N, 9, 12, 1)]
RANDOM = [RandomShift(3), RandomCrop((1, 1), padding=2), RandomHorizontalFlip(), RandomRotation(30),
          GaussianNoise(4.0), Cutout(4)]


def pictures(shape=(N, 9, 12), dtype=np.float32, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_common_behaviour(transform, shape, dtype):
    x = pictures(shape, dtype)
    given, y = x.copy(), np.arange(len(x))
    found, same, more = transform(x, y, "more", rng=rng())
    assert same is y and more == "more"
    assert found.dtype == dtype
    assert found.ndim == x.ndim and len(found) == len(x) and found.flags.c_contiguous
    np.testing.assert_array_equal(x, given)                     # not written to
    np.testing.assert_array_equal(found, transform(x, rng=rng()))
    assert x.size <= N or (found.shape == (N, 1, 1, *shape[3:])) or not np.array_equal(found, transform(x, rng=rng(1)))
    with pytest.raises(TypeError, match="rng"):
        transform(x)


@pytest.mark.parametrize("transform", [t for t in RANDOM if not isinstance(t, GaussianNoise)],
                         ids=lambda t: type(t).__name__)
def test_colours_stay_together(transform):
    """A picture of three equal colours is that of one, three times."""
    x = pictures()
    found = transform(np.repeat(x[..., None], 3, -1), rng=rng())
    np.testing.assert_array_equal(found, np.repeat(transform(x, rng=rng())[..., None], 3, -1))


@pytest.mark.parametrize("transform", [t for t in RANDOM if not isinstance(t, GaussianNoise)],
                         ids=lambda t: type(t).__name__)
def test_invalid_shapes(transform):
    with pytest.raises(ValueError, match=r"expected pictures \(N, H, W\) or \(N, H, W, C\), got the shape \(3, 4\)"):
        transform(np.zeros((3, 4)), rng=rng())


# ---- each transform -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
def test_normalize(dtype):
    x = pictures((N, 9, 12, 3), dtype)
    found = Normalize([100, 110, 120], [50, 60, 70])(x)
    assert found.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_allclose(found, (x.astype(np.float64) - [100, 110, 120]) / [50, 60, 70], rtol=1e-5, atol=1e-5)
    assert Normalize(1, 2)(x, "y")[1] == "y"


@pytest.mark.parametrize("each", [False, True])
def test_normalize_of_data(each):
    x = pictures((3000, 10, 20, 3), np.uint8)
    x[..., 2] = 7
    found = Normalize.of(x, each=each)(x).astype(np.float64)
    axis = (0, 1, 2) if each else None
    np.testing.assert_allclose(found.mean(axis), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis), [1, 1, 0] if each else 1, atol=1e-5)


@pytest.mark.parametrize("mean, std", [(0, 0), (0, -1), (np.nan, 1), (0, np.inf), ([0, 0], [1, 0])])
def test_normalize_with_invalid_numbers(mean, std):
    with pytest.raises(ValueError, match="positive standard deviations"):
        Normalize(mean, std)


@pytest.mark.parametrize("mean, std, message", [
    ([1, 2], [1, 2], r"a mean .* of the shape \(2, 4, 4, 3\), got the shape \(2,\)"),
    (0, [1, 2], r"a std .* got the shape \(2,\)")])
def test_normalize_with_other_numbers_than_colours(mean, std, message):
    with pytest.raises(ValueError, match=message):
        Normalize(mean, std)(np.zeros((2, 4, 4, 3)))


def test_normalize_of_invalid_data():
    with pytest.raises(ValueError, match="expected at least one value, got an empty array"):
        Normalize.of(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="finite means"):
        Normalize.of(np.array([1, np.nan]))


def test_shift():
    """Each picture is the old one in a frame of 5s, seen through a window; all places of it come up."""
    x = pictures((500, 4, 5))
    found = RandomShift(1, fill=5)(x, rng=rng())
    framed = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=5)
    places = []
    for picture, old in zip(found, framed, strict=True):
        fits = [(i, j) for i in range(3) for j in range(3) if (old[i:i + 4, j:j + 5] == picture).all()]
        assert fits
        places += fits
    assert set(places) == {(i, j) for i in range(3) for j in range(3)}


def test_crop():
    x = pictures((200, 6, 7, 3))
    found = RandomCrop((4, 7))(x, rng=rng())
    assert found.shape == (200, 4, 7, 3)
    tops = [next(i for i in range(3) if (old[i:i + 4] == new).all()) for old, new in zip(x, found, strict=True)]
    assert set(tops) == {0, 1, 2}
    assert RandomCrop(8, padding=1)(x, rng=rng()).shape == (200, 8, 8, 3)
    with pytest.raises(ValueError, match="expected pictures of at least 8 x 8 pixels, got 6 x 7"):
        RandomCrop(8)(x, rng=rng())


def test_flip():
    x = pictures((400, 3, 4))
    found = RandomHorizontalFlip(0.25)(x, rng=rng())
    mirrored = (found == x[:, :, ::-1]).all((1, 2))
    assert (mirrored | (found == x).all((1, 2))).all()
    assert 60 < mirrored.sum() < 140
    np.testing.assert_array_equal(RandomHorizontalFlip(0)(x, rng=rng()), x)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("quarters", [-1, 0, 1, 2])
@pytest.mark.parametrize("shape", [(5, 6, 6), (5, 7, 7, 3)])
def test_rotation_by_quarters(dtype, quarters, shape):
    x = pictures(shape, dtype)
    found = RandomRotation((90 * quarters, 90 * quarters))(x, rng=rng())
    np.testing.assert_allclose(found, np.rot90(x, quarters, axes=(1, 2)), rtol=0, atol=1e-3)


def test_numbers_of_numpy_are_numbers():
    x = pictures()
    for given, plain in ((RandomCrop(np.int64(2)), RandomCrop(2)), (RandomRotation(np.int64(9)), RandomRotation(9)),
                         (RandomRotation(np.float32(9)), RandomRotation(9.0))):
        np.testing.assert_array_equal(given(x, rng=rng()), plain(x, rng=rng()))


@pytest.mark.parametrize("transform", [RandomShift(1, fill=300), RandomCrop(3, padding=1, fill=-1), Cutout(3, fill=-1),
                                       RandomRotation(9, fill=0.5), Cutout(3, fill=np.nan)])
def test_invalid_fill_values(transform):
    with pytest.raises(ValueError, match=r"expected a fill value that uint8 can hold, got"):
        transform(pictures(dtype=np.uint8), rng=rng())
    assert transform(pictures(), rng=rng()).dtype == np.float32


def test_rotation_equals_pillow():
    image = pytest.importorskip("PIL.Image")
    x = pictures((1, 20, 31)) / 255
    found = RandomRotation((17, 17))(x, rng=rng())[0]
    theirs = np.asarray(image.fromarray(x[0]).rotate(17, image.Resampling.BILINEAR))
    inside = np.s_[6:-6, 6:-6]                                  # at its edges Pillow does not blend with the outside
    np.testing.assert_allclose(found[inside], theirs[inside], atol=2e-3)


def test_rotation_brings_in_the_fill():
    found = RandomRotation((45, 45), fill=9)(np.zeros((1, 20, 20), np.float32), rng=rng())[0]
    assert found[0, 0] == found[-1, -1] == 9
    assert found[10, 10] == 0


def test_rotation_draws_from_the_whole_range():
    x = np.zeros((300, 41, 41), np.float32)
    x[:, 20, 38] = 1                                            # right of the centre
    y = RandomRotation(30)(x, rng=rng()).sum(2).argmax(1)
    assert (y < 20).any() and (y > 20).any()
    assert y.min() >= 20 - 9 - 1 and y.max() <= 20 + 9 + 1      # 18 pixels away: 18 sin(30 degrees) = 9


def test_noise():
    x = np.full((50, 30, 30), 100, np.float32)
    found = GaussianNoise(3.0)(x, rng=rng()) - x
    assert abs(found.mean()) < 0.1
    assert abs(found.std() - 3) < 0.1
    whole = GaussianNoise(200.0)(x.astype(np.uint8), rng=rng())
    assert whole.min() == 0 and whole.max() == 255              # cut off, not wrapped


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_noise_on_integers_is_rounded(dtype):
    found = GaussianNoise(0.4)(np.full((50, 30, 30), 100, dtype), rng=rng())
    assert found.dtype == dtype and set(np.unique(found)) >= {99, 100, 101}
    assert abs(found.mean() - 100) < 0.01
    large = np.full((1, 2, 2), 2**31 - 65, np.int32)            # float32 has no such number
    np.testing.assert_array_equal(GaussianNoise(0.0)(large, rng=rng()), large)


def test_cutout():
    x = np.ones((300, 9, 12), np.uint8)
    found = Cutout(4, fill=0)(x, rng=rng())
    gone = (found == 0).sum((1, 2))
    assert gone.max() == 16 and gone.min() >= 4                 # at a corner a quarter is left
    for picture in found[:20]:
        rows, columns = np.where((picture == 0).any(1))[0], np.where((picture == 0).any(0))[0]
        assert (picture[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] == 0).all()
    np.testing.assert_array_equal(Cutout(0)(x, rng=rng()), x)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_mixup(dtype):
    x, y = pictures(dtype=dtype), np.arange(N) % 4
    found, target = MixUp(0.5, classes=4)(x, y, rng=rng())
    assert found.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert target.dtype == np.float32 and target.shape == (N, 4)
    np.testing.assert_allclose(target.sum(1), 1, rtol=1e-6)
    mixed = np.flatnonzero((target > 0).sum(1) == 2)
    assert len(mixed) > 5
    for i in mixed:                                             # there is a partner that explains both
        share = target[i, y[i]]
        errors = np.abs(found[i] - (x[i] * share + x[y != y[i]] * (1 - share))).max((1, 2))
        assert errors.min() < 1e-3


def test_mixup_of_several_inputs_and_values():
    x, y = np.arange(N, dtype=np.float32)[:, None], np.arange(N, dtype=np.float32)
    first, second, target = MixUp(1.0)(x, x * 2, y, rng=rng())
    np.testing.assert_allclose(first[:, 0], target, rtol=1e-6)
    np.testing.assert_allclose(second[:, 0], target * 2, rtol=1e-6)


@pytest.mark.parametrize("make, message", [
    (lambda: MixUp(0), "alpha > 0"),
    (lambda: MixUp()(np.zeros((2, 3)), np.array([0, 1]), rng=rng()), "expected the number of classes"),
    (lambda: MixUp(classes=2)(np.zeros((2, 3)), np.array([0, 2]), rng=rng()), "numbers from 0 to 1, got 0 to 2"),
    (lambda: RandomHorizontalFlip(2), "probability"), (lambda: GaussianNoise(-1), "std >= 0"),
    (lambda: Cutout(-1), "size >= 0"), (lambda: RandomShift(-1), "pixels >= 0"),
    (lambda: RandomRotation(-5), "degrees"), (lambda: RandomCrop((0, 3)), "size"),
    (lambda: RandomCrop(3, -1), "padding")])
def test_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_compose_in_a_loader():
    """What a composition draws is what its parts draw, one after the other from the batch's generator."""
    x, y = pictures(dtype=np.uint8), np.arange(N) % 3
    parts = [RandomCrop(9, padding=2), RandomHorizontalFlip(), lambda x, y: (x, y), Normalize(0, 255), MixUp(classes=3)]
    loader = DataLoader(TensorDataset(x, y), N, transform=Compose(parts), seed=4)
    [(found, target)] = loader.epoch(2)
    source, arrays = np.random.default_rng((4, 2, 0)), (x, y)
    for part in parts:
        arrays = part(*arrays) if part in (parts[2], parts[3]) else part(*arrays, rng=source)
    np.testing.assert_array_equal(found.numpy(), arrays[0])
    np.testing.assert_array_equal(target.numpy(), arrays[1])
    assert Compose([np.negative])(np.array([1.0])) == -1
