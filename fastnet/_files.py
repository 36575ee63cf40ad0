"""Files are replaced whole or not at all."""
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path, mode="wb", **options):
    """Open a temporary file beside `path` that takes its place when the block ends without an error.

    Readers see the old contents or the new, never a part; after an error nothing is left behind.

    Args:
        path: the file to write; its folder must exist.
        mode, options: as for `open`.

    Raises:
        OSError: naming `path`, whatever could not be done: a full disk, a missing folder.
    """
    path, temporary = Path(path), None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(handle, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _permissions(path))
        os.replace(temporary, path)
    except BaseException as e:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(e, OSError) and _names_none_but(e, path):
            e.filename = str(path)
        raise


def _names_none_but(error, path):
    """Whether an OSError names no file but, perhaps, the temporary one beside `path`: nothing that helps a reader."""
    name = error.filename
    named = isinstance(name, str) and not Path(name).name.startswith(f".{path.name}.")
    return not named and error.filename2 is None


def _permissions(path):
    """Those of the file that is replaced, else those that `open` would have given; mkstemp gives fewer."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
