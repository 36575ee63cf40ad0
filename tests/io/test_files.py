"""Files that are written take the place of the old ones, whole or not at all, and of nothing that is no file."""
import errno
import os
import re
import stat
import threading

import pytest

import fastnet
from fastnet._io.atomic import ABANDONED, replacing

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs the files of a POSIX system")


def write(path, contents=b"new"):
    with replacing(path) as file:
        file.write(contents)


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_a_link_to_nothing_makes_its_target(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(tmp_path / "link")
    assert (tmp_path / "target").read_bytes() == b"new"


@POSIX
def test_a_pipe_is_written_to(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join()
    assert got == [b"new"] and stat.S_ISFIFO(pipe.stat().st_mode)


@POSIX
def test_a_device_stays_one():
    write(os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@POSIX
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path, monkeypatch):
    path, opened = tmp_path / "file", os.open

    def refusing(name, flags, *args, **kwargs):             # for root every file may be written
        if str(name) == str(path) and not os.stat(name).st_mode & stat.S_IWUSR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return opened(name, flags, *args, **kwargs)
    monkeypatch.setattr(os, "open", refusing)
    write(path, b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=re.escape(repr(str(path)))):
        write(path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@POSIX
def test_permissions(tmp_path, monkeypatch):
    changed = []
    umask = os.umask(0o027)
    monkeypatch.setattr(os, "umask", changed.append)
    try:
        write(tmp_path / "file")
    finally:
        monkeypatch.undo()
        os.umask(umask)
    assert not changed, "the umask is the whole process's"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    (tmp_path / "file").chmod(0o604)
    write(tmp_path / "file")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o604


@pytest.mark.parametrize("name", ["x" * 250, "é" * 125])
def test_names_of_full_length(tmp_path, name):
    write(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


@POSIX
def test_paths_of_bytes(tmp_path):
    path = os.fsencode(tmp_path / "model.safetensors")
    fastnet.nn.Linear(2, 3).save(path, {"a": 1})
    assert fastnet.load(path).out_features == 3 and fastnet.load_metadata(path) == {"a": 1}
    fastnet.save_file({"x": fastnet.ones(1)}, path)
    with pytest.raises(ValueError, match=f"^{re.escape(os.fsdecode(path))}: the file holds only tensors"):
        fastnet.load(path)


@pytest.mark.parametrize("name", ["", "folder", "folder/", "new/", "missing/file"])
def test_errors_name_what_was_given(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=rf": {re.escape(repr(name))}$"):
        fastnet.nn.Linear(2, 2).save(name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"] and not list((tmp_path / "folder").iterdir())


@pytest.mark.parametrize("function", ["open", "os.fsync", "os.chmod", "os.replace"])
def test_errors_never_name_the_temporary_file(tmp_path, monkeypatch, function):
    """Wherever a read-only file system is noticed, which also refuses to remove what is not there."""
    path = tmp_path / "model"
    path.write_bytes(b"old")
    removed = os.remove

    def failing(*args, **kwargs):
        names = [name if isinstance(name, str) else None for name in args[:2 if function == "os.replace" else 1]]
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), names[0], None, *names[1:])

    def removing(name):
        if not os.path.exists(name):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), name)
        removed(name)
    monkeypatch.setattr(os, "remove", removing)
    monkeypatch.setattr(f"fastnet._io.atomic.{function}", failing, raising=False)
    with pytest.raises(OSError) as e:
        write(path)
    assert str(e.value) == f"[Errno {errno.EROFS}] Read-only file system: {str(path)!r}"
    monkeypatch.undo()
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_error_about_another_file_keeps_its_names(tmp_path):
    """What the block itself does may fail with files of its own."""
    with pytest.raises(OSError) as e:
        with replacing(tmp_path / "file"):
            os.rename(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (e.value.filename, e.value.filename2) == (str(tmp_path / "a"), str(tmp_path / "b"))


def test_what_killed_writers_left_is_removed(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    left = []
    for path in (*paths, paths[0]):
        writer = replacing(path)
        writer.__enter__().flush()                          # and nothing more is heard of it
        left.append((writer, next(p for p in tmp_path.iterdir() if p not in [x for _, x in left])))
    for _, temporary in left[:2]:
        os.utime(temporary, (0, temporary.stat().st_mtime - ABANDONED - 9))
    write(paths[0])
    assert [temporary.exists() for _, temporary in left] == [False, True, True], "of this file, and old"


def test_an_error_of_another_kind_is_as_it_was(tmp_path):
    """What a download raises has no number, and says in its own words what is wrong."""
    with pytest.raises(OSError, match=r"^no route to the host$"):
        with replacing(tmp_path / "file"):
            raise OSError("no route to the host")
