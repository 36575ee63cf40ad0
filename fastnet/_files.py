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
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _permissions(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _permissions(path):
    """Those of the file that is replaced, else those that `open` would have given; mkstemp gives fewer."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
