"""Pictures from files and folders: contents, order and errors."""
import re

import numpy as np
import pytest
from picture_files import png

from fastnet.data import DataLoader, ImageFolder, folders, pictures, read_picture

Image = pytest.importorskip("PIL.Image")
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
RGB = np.stack([GREY, GREY // 2, 255 - GREY], axis=-1)


def put(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


# ---- one picture ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "ppm"])
def test_read(tmp_path, ending):
    path = put(tmp_path / f"p.{ending}", RGB)
    found = read_picture(path)
    np.testing.assert_array_equal(found, RGB)
    assert found.dtype == np.uint8 and found.flags.writeable
    assert read_picture(str(path), grey=True).shape == (3, 4)


def test_grey(tmp_path):
    path = put(tmp_path / "p.png", GREY)
    np.testing.assert_array_equal(read_picture(path, grey=True), GREY)
    np.testing.assert_array_equal(read_picture(path), np.stack([GREY] * 3, axis=-1))


def test_jpeg(tmp_path):
    path = put(tmp_path / "p.jpg", np.full((8, 8, 3), 77, np.uint8))
    assert np.abs(read_picture(path).astype(int) - 77).max() <= 2


def test_size(tmp_path):
    path = put(tmp_path / "p.png", np.indices((30, 40)).sum(0).astype(np.uint8) % 2 * 255)
    assert read_picture(path, size=(6, 2)).shape == (6, 2, 3)
    assert read_picture(path, size=5, grey=True).shape == (5, 5)
    assert np.abs(read_picture(path, size=3).astype(int) - 127).max() < 9       # every pixel of the large one counts
    with pytest.raises(ValueError, match="expected size to be"):
        read_picture(path, size=(0, 3))


@pytest.mark.parametrize("shape", [(30, 60), (60, 30), (24, 24), (10, 200)])
@pytest.mark.parametrize("size", [24, (12, 18)])
def test_crop(tmp_path, shape, size):
    """The centre in the proportions of the size, resized: as Pillow's `fit`."""
    ops = pytest.importorskip("PIL.ImageOps")
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    path = put(tmp_path / "p.png", pixels)
    height, width = (size, size) if isinstance(size, int) else size
    expected = np.asarray(ops.fit(Image.fromarray(pixels), (width, height), Image.Resampling.BILINEAR))
    found = read_picture(path, size, crop=True)
    assert found.shape == expected.shape and np.abs(found.astype(int) - expected).max() <= 1
    rows, columns = np.indices((20 * shape[0], 20 * shape[1]))
    smooth = np.stack([rows * 255 // rows.max(), columns * 255 // columns.max(), rows * 0], 2).astype(np.uint8)
    path = put(tmp_path / "p.jpg", smooth, quality=95)          # decoded at a part of its size
    expected = np.asarray(ops.fit(Image.fromarray(smooth), (width, height), Image.Resampling.BILINEAR))
    assert np.abs(read_picture(path, size, crop=True).astype(int) - expected).max() < 16


def test_transparent_is_white(tmp_path):
    """As with a drawing whose background was left empty, where black is stored under what cannot be seen."""
    alpha = np.zeros((3, 4), np.uint8)
    alpha[1, 1] = 255
    path = put(tmp_path / "p.png", np.dstack([RGB * 0, alpha]))
    expected = np.full((3, 4), 255)
    expected[1, 1] = 0
    np.testing.assert_array_equal(read_picture(path, grey=True), expected)
    palette = Image.fromarray(GREY).convert("P")
    palette.save(tmp_path / "q.png", transparency=0)
    assert read_picture(tmp_path / "q.png", grey=True)[0, 0] == 255


def test_sixteen_bits(tmp_path):
    path = put(tmp_path / "p.png", GREY.astype(np.uint16) << 8)
    np.testing.assert_array_equal(read_picture(path, grey=True), GREY)


def test_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                        # the camera was turned by a quarter
    path = put(tmp_path / "p.png", GREY, exif=exif)
    np.testing.assert_array_equal(read_picture(path, grey=True), np.rot90(GREY, -1))


WHOLE = png(4, 4)


@pytest.mark.parametrize("contents, message", [
    (b"", "cannot identify"), (b"no picture at all", "cannot identify"), (WHOLE[:45], ""),
    (WHOLE.replace(b"IDAT", b"IDAX"), ""),
    (png(0, 0), ""), (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot identify")])
def test_unreadable_pictures(tmp_path, contents, message):
    path = tmp_path / "wrong.png"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=f"^cannot read {re.escape(str(path))} as an image: .*{message}"):
        read_picture(path)


@pytest.mark.parametrize(("size", "given"), [
    ((20_000, 20_000), "more than 64,000,000"), ((10_000, 9_500), "more than 64,000,000"),     # Pillow's error, warning
    ((9_999, 8_905), "9999 x 8905"), ((1, 64_000_000), "1 x 64000000"), ((65_536, 1), "65536 x 1")])
def test_too_large_pictures(tmp_path, size, given):
    """They are refused before they are decoded: a compressed picture of a pixel by many took gigabytes to resize."""
    (tmp_path / "class").mkdir()
    path = tmp_path / "class" / "large.png"
    path.write_bytes(png(*size))
    message = (f"cannot read {path} as an image: it has {given} pixels, expected at most 64,000,000, and 65,535 "
               "on a side")
    for read in (lambda: read_picture(path, 32), lambda: ImageFolder(tmp_path, 32)):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            read()


def test_the_longest_side(tmp_path):
    path = put(tmp_path / "p.png", np.full((65_535, 1), 7, np.uint8))
    assert np.unique(read_picture(path, 4)).tolist() == [7]


def test_transparent_pictures_of_many_rows(tmp_path):
    """They are put on white some rows at a time, which leaves no seam."""
    pixels = np.random.default_rng(0).integers(0, 256, (pictures._BAND + 9, 5, 4)).astype(np.uint8)
    whole = Image.alpha_composite(Image.new("RGBA", (5, len(pixels)), "white"), Image.fromarray(pixels))
    np.testing.assert_array_equal(read_picture(put(tmp_path / "p.png", pixels)), np.asarray(whole.convert("RGB")))
    assert read_picture(tmp_path / "p.png", grey=True).tolist() == np.asarray(whole.convert("L")).tolist()


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "gif", "tiff", "webp", "ppm"])
def test_damaged_files_are_errors_or_pictures(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    path = put(tmp_path / f"p.{kind}", noise)
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    refusals = []
    for i in range(60):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole) if i % 2 else 60)] = rng.integers(256)
        path.write_bytes(damaged if i % 3 else whole[:rng.integers(len(whole))])
        try:
            assert read_picture(path).ndim == 3
        except ValueError as e:
            refusals.append(str(e))
    assert len(refusals) > 10 and all(str(path) in text for text in refusals)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "p.png")


# ---- folders --------------------------------------------------------------------------------------------------------

@pytest.fixture
def folder(tmp_path):
    """Two classes; besides pictures there are other files."""
    for i, name in enumerate(["dog/b.png", "dog/a.PNG", "cat/10.bmp", "cat/9.png", "cat/more/1.png"]):
        put(tmp_path / "root" / name, np.full((4, 6), i, np.uint8))
    for name in ("notes.txt", "dog/Thumbs.db", "cat/.hidden.png"):
        (tmp_path / "root" / name).write_bytes(b"no picture")
    (tmp_path / "root" / ".git").mkdir()
    return tmp_path / "root"


def test_folder(folder):
    data = ImageFolder(folder, grey=True)
    assert data.classes == ["cat", "dog"]
    assert [path.relative_to(folder).as_posix() for path in data.paths] == [
        "cat/10.bmp", "cat/9.png", "cat/more/1.png", "dog/a.PNG", "dog/b.png"]
    x, y = data.arrays
    assert x.dtype == np.uint8 and x.shape == (5, 4, 6)
    assert x[:, 0, 0].tolist() == [2, 3, 4, 1, 0]
    assert y.dtype == np.int64 and y.tolist() == [0, 0, 0, 1, 1]
    [batch] = DataLoader(data, 8)
    assert batch[0].shape == (5, 4, 6)
    assert ImageFolder(str(folder), size=(2, 3)).arrays[0].shape == (5, 2, 3, 3)


def test_classes_of_a_model(folder):
    assert ImageFolder(folder, grey=True, classes=["dog", "eel", "cat"]).targets.tolist() == [2, 2, 2, 0, 0]
    with pytest.raises(ValueError, match=r"subfolders of the classes 'dog', 'eel', got 'cat'"):
        ImageFolder(folder, classes=["dog", "eel"])


def test_pictures_of_other_sizes(folder):
    odd = put(folder / "dog/c.png", np.zeros((5, 6), np.uint8))
    with pytest.raises(ValueError, match=rf"got 5 x 6 pixels in {re.escape(str(odd))} and 4 x 6 in .*10\.bmp; state"):
        ImageFolder(folder)
    assert len(ImageFolder(folder, size=4)) == 6


def test_unreadable_picture_in_a_folder(folder):
    (folder / "dog" / "a.PNG").write_bytes(WHOLE[:45])
    with pytest.raises(ValueError, match=r"a\.PNG as an image"):
        ImageFolder(folder)


@pytest.mark.parametrize("lazy", [False, True, None])
def test_skipped_pictures(folder, lazy):
    """Unreadable and truncated files are left out and counted; those of other sizes, too, if no size is given."""
    (folder / "cat" / "10.bmp").write_bytes(b"no picture")
    (folder / "dog" / "b.png").write_bytes(WHOLE[:45])
    data = ImageFolder(folder, size=4, lazy=lazy, skip_unreadable=True)
    assert [path.name for path in data.paths] == ["9.png", "1.png", "a.PNG"]
    assert data.targets.tolist() == [0, 0, 1]
    assert [path.name for path in data.skipped] == ["10.bmp", "b.png"]
    assert all(str(path) in reason and "cannot read" in reason for path, reason in data.skipped.items())
    assert data.take(np.array([2, 0]))[0].numpy()[:, 0, 0, 0].tolist() == [1, 3]
    with pytest.raises(ValueError, match=r"cannot read .*10\.bmp as an image"):
        ImageFolder(folder, size=4)
    for name in ("a.PNG", "b.png"):
        (folder / "dog" / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"root: none of the images of 'dog' can be read; the first: cannot read"):
        ImageFolder(folder, size=4, skip_unreadable=True)
    for path in folder.rglob("*.*g"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 5 images can be read, such as .*10\.bmp"):
        ImageFolder(folder, size=4, skip_unreadable=True)


def test_lazy_pictures(folder, monkeypatch):
    """They are decoded when they are used: the same numbers as in memory, and errors name the file."""
    data, lazy = ImageFolder(folder, size=4), ImageFolder(folder, size=4, lazy=True)
    assert len(lazy) == 5 and lazy.arrays[0].shape == (5, 4, 4, 3) and repr(lazy) == repr(data)
    for a, b in zip(DataLoader(data, 2, shuffle=True), DataLoader(lazy, 2, shuffle=True, prefetch=2), strict=True):
        assert all(np.array_equal(p.numpy(), q.numpy()) for p, q in zip(a, b, strict=True))
    np.testing.assert_array_equal(lazy.arrays[0][1:3], data.arrays[0][1:3])
    np.testing.assert_array_equal(lazy.arrays[0][4], data.arrays[0][4])
    (folder / "dog" / "a.PNG").write_bytes(WHOLE[:45])
    with pytest.raises(ValueError, match=r"a\.PNG as an image"):
        list(DataLoader(lazy, 2, prefetch=2))
    with pytest.raises(ValueError, match="lazy images need a size"):
        ImageFolder(folder, lazy=True)
    (folder / "dog" / "a.PNG").write_bytes((folder / "dog" / "b.png").read_bytes())
    monkeypatch.setattr(folders, "_MOST_IN_MEMORY", 5 * 4 * 4 * 3 - 1)
    assert isinstance(ImageFolder(folder, size=4).arrays[0], folders.PictureFiles)
    monkeypatch.setattr(folders, "_MOST_IN_MEMORY", 5 * 4 * 4 * 3)
    assert isinstance(ImageFolder(folder, size=4).arrays[0], np.ndarray)


def test_invalid_folders(folder, tmp_path):
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected images \(\.png, .*\) of each class, got none of 'empty'"):
        ImageFolder(folder)
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="expected a subfolder of images for each class"):
        ImageFolder(tmp_path / "bare")
    with pytest.raises(FileNotFoundError, match="expected a folder with one subfolder"):
        ImageFolder(tmp_path / "nowhere")


def test_without_pillow(monkeypatch, tmp_path):
    def absent(module, purpose):
        raise ImportError(f"{purpose} needs {module}")
    monkeypatch.setattr(pictures, "optional", absent)
    with pytest.raises(ImportError, match=r"reading pictures needs PIL\.Image"):
        read_picture(tmp_path / "p.png")
