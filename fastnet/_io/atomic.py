"""Files are replaced whole or not at all."""
import os
import stat
import time
import zlib
from contextlib import contextmanager, suppress
from glob import escape, glob

ABANDONED = 3600                        # seconds without a write, after which a temporary file's writer is dead


@contextmanager
def replacing(path, mode="wb", **options):
    """Open a temporary file beside `path` that takes its place when the block ends without an error.

    Readers see the old contents or the new, never a part; after an error nothing is left behind, and what a killed
    process left behind is removed by the next one an hour later that writes the same file. A link stays, and what it
    points to is replaced. Devices and pipes have nothing to replace: they are written to.

    Args:
        path: the file to write; its folder must exist.
        mode, options: as for `open`, a mode that writes anew.

    Raises:
        OSError: naming `path`, whatever could not be done: a full disk, a missing folder, a file that is read-only.
    """
    path = os.fsdecode(path)
    old = _mode(path)
    if not os.path.basename(path) or not (old is None or stat.S_ISREG(old)):
        with open(path, mode, **options) as file:           # a folder, or no name at all: an error that says so
            yield file
        return
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    prefix = os.path.join(folder, f".fastnet-{zlib.crc32(os.fsencode(name)):08x}-")        # names can be of full length
    temporary = f"{prefix}{os.urandom(6).hex()}.tmp"
    try:
        if old is not None:
            os.close(os.open(target, os.O_WRONLY))          # what may not be written may not be replaced
        _remove_abandoned(prefix)
        with open(temporary, mode.replace("w", "x"), **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            os.chmod(temporary, stat.S_IMODE(old) & 0o777)
        os.replace(temporary, target)
    except BaseException as e:
        with suppress(OSError):         # there may be none; a read-only file system refuses before it looks
            os.remove(temporary)
        if isinstance(e, OSError) and e.errno is not None and (
                not isinstance(e.filename, str) or e.filename in (temporary, target)):
            e.filename = path
            del e.filename2             # the other name of a replacement that failed
        raise


def _mode(path):
    """Kind and permissions of a file, None where there is none."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _remove_abandoned(prefix):
    """Remove the temporary files of writers that were killed."""
    for left in glob(f"{escape(prefix)}*.tmp"):
        with suppress(OSError):
            if time.time() - os.path.getmtime(left) > ABANDONED:
                os.remove(left)
