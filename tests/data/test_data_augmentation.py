"""Colours, policies, sizes, erased boxes and mixing of images: compared with Pillow, and with their definitions."""
import colorsys

import numpy as np
import pytest

from fastnet import data as d
from fastnet.data import colours
from fastnet.data.geometry import resampled
from fastnet.data.transforms import policies

N = 24
SHAPES = [(N, 9, 12), (N, 9, 12, 3), (N, 1, 1), (0, 9, 12, 3), (N, 9, 12, 1)]
RANDOM = [d.RandomVerticalFlip(), d.RandomErasing(), d.RandomErasing(p=1, value="random"), d.RandAugment(),
          d.TrivialAugmentWide(), d.RandomResizedCrop((4, 5)), d.ColorJitter(0.4, 0.4), d.RandomChoice([d.Cutout(4)])]
COLOURED = [d.ColorJitter(0.4, 0.4, 0.4, 0.1), d.ColorJitter(hue=0.5), d.ColorJitter(saturation=(0, 3))]


def pictures(shape=(N, 9, 12, 3), dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("transform", "shape"), [
    *((t, shape) for t in RANDOM for shape in SHAPES), *((t, (n, 9, 12, 3)) for t in COLOURED for n in (N, 0))])
def test_common_behaviour(transform, shape):
    x = pictures(shape)
    given, y = x.copy(), np.arange(len(x))
    found, same = transform(x, y, rng=rng())
    assert same is y
    assert found.dtype == np.uint8
    assert found.ndim == x.ndim and len(found) == len(x) and found.flags.c_contiguous
    np.testing.assert_array_equal(x, given)                     # not written to
    np.testing.assert_array_equal(found, transform(x, rng=rng()))
    assert x.size <= N or not np.array_equal(found, transform(x, rng=rng(1)))
    with pytest.raises(TypeError, match="rng"):
        transform(x)


@pytest.mark.parametrize("transform", [t for t in RANDOM + COLOURED if not isinstance(t, policies._Policy)],
                         ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_floats(transform, dtype):
    x = (pictures() / 255).astype(dtype)
    found = transform(x, rng=rng())
    assert found.dtype == dtype
    bytes_ = transform(pictures(), rng=rng())
    if getattr(transform, "value", 0) != "random":
        assert np.abs(found * 255 - bytes_).max() < 1.01


@pytest.mark.parametrize("transform", [d.RandAugment(), d.TrivialAugmentWide()])
def test_policies_need_bytes(transform):
    with pytest.raises(ValueError, match=rf"{type(transform).__name__}: expected images of uint8, before .*float32"):
        transform(pictures(dtype=np.float32), rng=rng())


@pytest.mark.parametrize("make", [
    lambda: d.RandAugment(magnitude=31), lambda: d.RandAugment(num_ops=-1), lambda: d.RandomErasing(p=2),
    lambda: d.RandomErasing(value="noise"), lambda: d.ColorJitter(hue=0.6), lambda: d.ColorJitter(-1),
    lambda: d.ColorJitter((2, 1)), lambda: d.CutMix(0), lambda: d.Resize(0), lambda: d.CenterCrop((1, 2, 3)),
    lambda: d.RandomResizedCrop(3, scale=(1, 0.5)), lambda: d.RandomVerticalFlip(-1), lambda: d.RandomChoice([])])
def test_invalid_arguments(make):
    with pytest.raises(ValueError, match="expected"):
        make()


# ---- colours, as Pillow has them ------------------------------------------------------------------------------------

def by_pillow(x, change):
    """Each image, changed by a function on Pillow's images."""
    image = pytest.importorskip("PIL.Image")
    return np.stack([np.asarray(change(image.fromarray(picture))) for picture in x])


@pytest.mark.parametrize("kind", ["Brightness", "Color", "Contrast", "Sharpness"])
@pytest.mark.parametrize("amount", [-0.9, -0.3, 0.0, 0.4, 0.9])
@pytest.mark.parametrize("shape", [(6, 12, 9, 3), (6, 12, 9)])
def test_blends(kind, amount, shape):
    enhance = pytest.importorskip("PIL.ImageEnhance")
    x = pictures(shape)
    expected = by_pillow(x, lambda picture: getattr(enhance, kind)(picture).enhance(1 + amount))
    found = policies._blended_with(kind, x, np.full(len(x), amount))
    assert np.abs(found.astype(int) - expected).max() <= 1      # Pillow's intermediate images are rounded to bytes


@pytest.mark.parametrize("shape", [(6, 12, 9, 3), (6, 40, 30)])
def test_tables(shape):
    ops = pytest.importorskip("PIL.ImageOps")
    x = pictures(shape) // 2 + 30
    x[0] = 7                                                    # of one value: unchanged
    x[1, :5] = 9
    for table, change in (
            (colours.equalize_tables(x), ops.equalize), (colours.autocontrast_tables(x), ops.autocontrast),
            (colours.posterize_tables(np.full(6, 3)), lambda picture: ops.posterize(picture, 3)),
            (colours.solarize_tables(np.full(6, 77)), lambda picture: ops.solarize(picture, 77))):
        found = colours.mapped(x, table)
        assert np.abs(found.astype(int) - by_pillow(x, change)).max() <= (change is ops.autocontrast)


def test_hue():
    x = pictures((3, 4, 5, 3)) / 255
    shift = np.array([-0.5, 0.1, 0.4])
    found = colours.hue_shifted(x, shift)
    for old, new, turn in zip(x, found, shift, strict=True):
        for a, b in zip(old.reshape(-1, 3), new.reshape(-1, 3), strict=True):
            h, s, v = colorsys.rgb_to_hsv(*a)
            np.testing.assert_allclose(b, colorsys.hsv_to_rgb((h + turn) % 1, s, v), atol=1e-9)


def test_jitter():
    x = np.full((200, 2, 2, 3), 100, np.uint8)
    found = d.ColorJitter(brightness=0.5)(x, rng=rng())
    assert found.min() < 60 and found.max() > 140 and (found == found[:, :1, :1, :1]).all()
    np.testing.assert_array_equal(d.ColorJitter(contrast=0.5, saturation=2.0)(x, rng=rng()), x)     # x is grey
    np.testing.assert_array_equal(d.ColorJitter()(x, rng=rng()), x)
    for jitter in (d.ColorJitter(hue=0.1), d.ColorJitter(saturation=0.1)):
        with pytest.raises(ValueError, match=r"saturation and hue need images \(N, H, W, 3\), got the shape \(1, 2"):
            jitter(np.zeros((1, 2, 2), np.uint8), rng=rng())
    with pytest.raises(ValueError, match="expected images of uint8, or of floats from 0 to 1, got int64"):
        d.ColorJitter(0.1)(np.zeros((1, 2, 2), np.int64), rng=rng())


# ---- maps of pixels -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "amount", "matrix"), [
    ("ShearX", 0.29, (1, -0.29, 0, 0, 1, 0)), ("ShearY", -0.19, (1, 0, 0, 0.19, 1, 0)),
    ("TranslateX", 3.7, (1, 0, -3, 0, 1, 0)), ("TranslateY", -2.0, (1, 0, 0, 0, 1, 2))])
def test_maps(kind, amount, matrix):
    """As Pillow's, whose matrices map (x, y) and whose pixels have their centres at halves."""
    image = pytest.importorskip("PIL.Image")
    x = pictures((3, 11, 14, 3))
    a, b, c, d_, e, f = matrix
    shifted = (a, b, c + (a + b - 1) / 2 - (a + b - 1) / 2 - b / 2, d_, e, f - d_ / 2)
    expected = by_pillow(x, lambda p: p.transform(p.size, image.Transform.AFFINE, shifted, image.Resampling.NEAREST))
    found = policies.warped(x, policies._matrices(kind, np.full(3, amount), 11, 14), 0)
    assert (found == expected).mean() > 0.98                    # ties may round either way


def test_rotation():
    x = pictures((2, 8, 8, 3))
    for quarters in range(-2, 3):
        found = policies.warped(x, policies._matrices("Rotate", np.full(2, 90.0 * quarters), 8, 8), 0)
        np.testing.assert_array_equal(found, np.rot90(x, quarters, (1, 2)))


def test_each_operation_comes_up():
    x = pictures((1000, 20, 20, 3)) // 2 + 30
    found = d.RandAugment(num_ops=1, magnitude=30)(x, rng=rng())
    assert abs((found == x).all((1, 2, 3)).mean() - 1 / 14) < 0.03             # the identity


# ---- sizes ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("old", "new"), [((9, 12), (4, 5)), ((9, 12), (9, 12)), ((5, 4), (11, 9)), ((1, 7), (3, 3))])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_resize(old, new, channels):
    image = pytest.importorskip("PIL.Image")
    x = pictures((4, *old, *channels))
    found = d.Resize(new)(x)
    expected = by_pillow(x, lambda picture: picture.resize(new[::-1], image.Resampling.BILINEAR))
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_resize_of_the_shorter_side():
    assert d.Resize(6)(pictures((2, 9, 12))).shape == (2, 6, 8)
    assert d.Resize(6)(pictures((2, 30, 12, 3))).shape == (2, 15, 6, 3)
    assert d.Resize(32)(pictures((1, 37, 52))).shape == (1, 32, 44)            # 44.97


def test_centre_crop():
    x = pictures((2, 9, 12))
    np.testing.assert_array_equal(d.CenterCrop((3, 6))(x), x[:, 3:6, 3:9])
    np.testing.assert_array_equal(d.CenterCrop((4, 12))(x), x[:, 2:6])         # half of 5, to even
    np.testing.assert_array_equal(d.CenterCrop((12, 9))(x)[:, 1:10], x[:, :, 2:11])
    assert d.CenterCrop(14)(pictures((2, 9, 12, 3))).shape == (2, 14, 14, 3)


def test_cutmix_without_targets():
    with pytest.raises(ValueError, match="CutMix: expected images and targets, got images only"):
        d.CutMix(classes=2)(pictures((2, 9, 12)), rng=rng())


def test_resized_crop():
    x = np.broadcast_to(np.arange(64.0)[:, None] * 100 + np.arange(48.0), (300, 64, 48))
    found = d.RandomResizedCrop((2, 2), scale=(0.25, 0.25), ratio=(1, 1))(x, rng=rng())
    side = np.rint(np.sqrt(0.25 * 64 * 48))
    np.testing.assert_allclose(found[:, 1, 0] - found[:, 0, 0], 100 * side / 2, rtol=0.2)
    corners = found[:, 0, 0]
    assert len(np.unique(corners)) > 200
    whole = d.RandomResizedCrop(5, scale=(1, 1), ratio=(1, 1))(x, rng=rng())       # no such box: the largest square
    lengths = (np.full(300, 8), np.zeros(300, int)), (np.full(300, 48), np.full(300, 48))
    assert np.abs(whole[:, 2, 2] - resampled(x, *lengths, (5, 5))[:, 2, 2]).max() < 900     # at a random place


def test_channels_first():
    x = pictures()
    found = d.ToChannelsFirst()(x)
    assert found.shape == (N, 3, 9, 12) and np.shares_memory(found, x)
    np.testing.assert_array_equal(found[:, 1], x[..., 1])
    assert d.ToChannelsFirst()(pictures((5, 4, 4))).shape == (5, 1, 4, 4)


# ---- erased boxes and mixing ----------------------------------------------------------------------------------------

def test_erasing():
    x = np.ones((2000, 20, 30), np.float32)
    found = d.RandomErasing(p=0.5)(x, rng=rng())
    shares = 1 - found.mean((1, 2))
    assert abs((shares > 0).mean() - 0.5) < 0.05
    assert shares[shares > 0].min() > 0.01 and shares.max() < 0.36
    rows, columns = (found == 0).any(2), (found == 0).any(1)
    np.testing.assert_array_equal(rows.sum(1) * columns.sum(1), (found == 0).sum((1, 2)))    # boxes


def test_cutmix():
    x = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None, None], (N, 9, 12, 3))
    y = np.arange(N)
    mixed, target = d.CutMix(classes=N)(x, y, rng=rng())
    assert mixed.dtype == np.uint8 and target.dtype == np.float32
    np.testing.assert_allclose(target.sum(1), 1, atol=1e-6)
    for i, picture in enumerate(mixed):
        for value in np.unique(picture):
            np.testing.assert_allclose((picture == value).mean(), target[i, value], atol=1e-6)
    assert 0.2 < np.mean(mixed != x) < 0.8
    with pytest.raises(ValueError, match="CutMix: expected the number of classes"):
        d.CutMix()(x, y, rng=rng())
    with pytest.raises(ValueError, match="CutMix: expected class numbers from 0 to 3, got 0 to 23"):
        d.CutMix(classes=4)(x, y, rng=rng())


def test_choice():
    choice = d.RandomChoice([lambda x: x + 1, d.Compose([d.RandomHorizontalFlip(1), lambda x, rng: x + 2])])
    found = {int(choice(np.zeros((1, 1, 1), int), rng=rng(seed))[0, 0, 0]) for seed in range(20)}
    assert found == {1, 2}


def test_a_loader_repeats_an_epoch():
    """The random numbers depend on the seed, the epoch and the batch alone."""
    x, y = pictures((20, 8, 8, 3)), np.arange(20)
    transform = d.Compose([d.RandomCrop(8, padding=2), d.RandAugment(), d.Normalize(120, 60),
                           d.RandomChoice([d.MixUp(classes=20), d.CutMix(classes=20)]), d.ToChannelsFirst()])
    loader = d.DataLoader(d.TensorDataset(x, y), 6, shuffle=True, transform=transform, prefetch=2)
    first, again, rest = (list(loader.epoch(3, start)) for start in (0, 0, 2))
    for a, b in zip(first[2:] + first, rest + again, strict=True):
        assert all(np.array_equal(p.numpy(), q.numpy()) for p, q in zip(a, b, strict=True))
    assert first[0][0].shape == (6, 3, 8, 8)
    assert not np.array_equal(first[0][0].numpy(), next(loader.epoch(4))[0].numpy())
