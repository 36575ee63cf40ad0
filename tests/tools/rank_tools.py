"""Programs as several ranks on this machine, for tests."""
import os
import socket
import subprocess
import sys
import time

from data_tools import HOME, TOOLS

from fastnet._core.world import TOKEN
from fastnet.distributed.launcher import environment_of, free_port

SHARDED = TOOLS / "sharded.py"
TOKEN_OF_TESTS = "of-tests"


def settings(count, port=None, token=TOKEN_OF_TESTS):
    """The environments of `count` ranks that meet at one port."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port or free_port()), TOKEN: token, "OMP_NUM_THREADS": "1",
             "PYTHONPATH": os.pathsep.join([str(HOME), str(TOOLS)])}
    return [environment_of(rank, count, os.environ) | place for rank in range(count)]


def start(environments, *args, cwd=HOME):
    """Python with these arguments, in each environment."""
    return [subprocess.Popen([sys.executable, *map(str, args)], env=e, text=True, stdout=subprocess.PIPE, cwd=cwd,
                             stderr=subprocess.PIPE) for e in environments]


def finish(processes, timeout=100):
    """(exit codes, outputs, errors) of processes, which are killed if they hang."""
    try:
        pairs = [p.communicate(timeout=timeout) for p in processes]
    finally:
        for p in processes:
            if p.poll() is None:
                p.kill()
                p.communicate()
    return [p.returncode for p in processes], [out for out, _ in pairs], [err for _, err in pairs]


def run(count, *args, check=True, **options):
    """The outputs of `count` ranks of a program."""
    codes, outputs, errors = finish(start(settings(count), *args, **options))
    assert not check or codes == [0] * count, "\n".join(errors)
    return outputs if check else (codes, outputs, errors)


def run_code(count, code, **options):
    """The outputs of `count` ranks that have joined a process group and run this code, with names of `dist`."""
    head = "import fastnet, numpy as np\nimport fastnet.distributed as dist\ndist.init_process_group(timeout=20)\n"
    return run(count, "-c", head + code, **options)


def connected(port):
    """A connection to a process that will listen at a port of this machine."""
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise TimeoutError
