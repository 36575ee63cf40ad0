"""Ranks of torchrun, whose agent listens at MASTER_PORT: rank 0 listens at a port below."""
import contextlib
import importlib.util
import socket
import time

import pytest
from rank_tools import connected, finish, settings, start

JOIN = """
import fastnet.distributed as dist
from fastnet.distributed import rendezvous; rendezvous._GREETING = 2.0
dist.init_process_group(timeout=30)
print(dist.get_rank())
"""
AGENT = {"TORCHELASTIC_USE_AGENT_STORE": "True"}


def test_torchrun(tmp_path):
    if importlib.util.find_spec("torch") is None:       # which this process need not load
        pytest.skip("torch is not installed")
    (tmp_path / "train.py").write_text(
        "import sys, numpy as np, fastnet\nx = np.ones((8, 2), np.float32)\n"
        "fastnet.Trainer(fastnet.nn.Linear(2, 1), loss='mse').fit(x, x[:, 0], progress=False)\n"
        "sys.stdout.write(f'rank {fastnet.distributed.get_rank()} of {fastnet.distributed.get_world_size()}\\n')\n")
    [environment] = settings(1)
    [code], [output], [error] = finish(start([environment], "-m", "torch.distributed.run", "--standalone",
                                             "--nproc-per-node", 2, tmp_path / "train.py"))
    assert code == 0, error
    assert sorted(output.splitlines()) == ["rank 0 of 2", "rank 1 of 2"]


def test_ports_that_others_hold():
    """MASTER_PORT is that of torchrun's agent, and a stranger, which never answers, holds the port below."""
    with socket.create_server(("127.0.0.1", 0)) as agent:
        port = agent.getsockname()[1]
        with socket.socket() as stranger:
            with contextlib.suppress(OSError):          # of another program, then
                stranger.bind(("127.0.0.1", port - 1))
                stranger.listen()
            ranks = [e | AGENT for e in settings(2, port)]
            codes, outputs, errors = finish(start(ranks, "-c", JOIN))
    assert (codes, outputs) == ([0, 0], ["0\n", "1\n"]), errors


def test_ranks_of_two_programs_with_one_token():
    """Rank 1 of the second program finds rank 0 of the first one, passes it, and meets its own."""
    port = int(settings(2)[0]["MASTER_PORT"])
    [one, other], [second, last] = ([e | AGENT for e in settings(2, p)] for p in (port, port + 1))
    processes = start([one], "-c", JOIN)
    connected(port - 1).close()                         # it listens
    processes += start([last], "-c", JOIN)
    time.sleep(0.5)                                     # it looks for its rank 0 in the meantime
    processes += start([second, other], "-c", JOIN)
    codes, outputs, errors = finish(processes)
    assert (codes, outputs) == ([0] * 4, ["0\n", "1\n", "0\n", "1\n"]), errors
