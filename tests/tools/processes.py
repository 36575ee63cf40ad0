"""Fresh interpreters: what no test can see in its own process."""
import os
import signal
import subprocess
import sys

from data_tools import HOME, TOOLS


def start(*args, path=HOME, **environment):
    """A process of Python with these arguments, and fastnet from the folder `path`; no setting of this one reaches it.

    It is of a session of its own, so that it can be ended with its children.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FASTNET_", "OMP_", "PYTHON"))}
    command = [sys.executable, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=path,
                            start_new_session=True, env=inherited | {"PYTHONPATH": str(path)} | environment)


def interpreter(*args, path=HOME, check=True, timeout=100, **environment):
    """Run what `start` starts to its end. What hangs is ended, its children with it."""
    with start(*args, path=path, **environment) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if check:
        assert process.returncode == 0, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def python(code, path=HOME, **options):
    """Run `code`; the options are those of `interpreter`."""
    return interpreter("-c", code, path=path, **options)


def output(code, **options):
    """What `code` prints."""
    return python(code, **options).stdout


def output_with_tests(code, **options):
    """What `code` prints that imports files of the tests."""
    folders = sorted(f for f in TOOLS.parent.iterdir() if f.is_dir())
    return output(code, PYTHONPATH=os.pathsep.join(map(str, [HOME, *folders])), **options)
