"""Joining and leaving: who is refused, and what the errors say."""
import os
import signal
import socket
import time

import pytest
from rank_tools import connected, finish, run_code, settings, start

import fastnet.distributed as dist
from fastnet._core.world import launched_by
from fastnet.distributed.environment import place

JOIN = "import fastnet.distributed as dist; dist.init_process_group(timeout={}); print(dist.get_rank())"
WAIT = "import fastnet.distributed as dist, time; dist.init_process_group(timeout=30); print(0, flush=True)\n"


def test_a_wrong_token_is_refused():
    right, wrong = settings(2)
    codes, _, errors = finish(start([right, wrong | {"FASTNET_DISTRIBUTED_TOKEN": "another"}], "-c", JOIN.format(3)))
    assert codes == [1, 1]
    assert "no connection from rank 1 within 3 s" in errors[0]
    assert "has another token: expected the same FASTNET_DISTRIBUTED_TOKEN" in errors[1]


def test_a_token_is_needed(monkeypatch):
    for name, value in settings(2)[1].items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FASTNET_DISTRIBUTED_TOKEN")
    with pytest.raises(dist.DistError, match="secret token in the environment variable FASTNET_DISTRIBUTED_TOKEN"):
        dist.init_process_group("gloo")


def test_strangers_do_not_disturb():
    """A port scanner, and a client that sends garbage, connect before the other rank."""
    port = settings(2)[0]["MASTER_PORT"]
    first, second = settings(2, port)
    ranks = start([first], "-c", JOIN.format(20))
    for garbage in (b"", b"GET / HTTP/1.0\r\n\r\n" * 10):
        stranger = connected(int(port))
        stranger.sendall(garbage)
        stranger.close()
    ranks += start([second], "-c", JOIN.format(20))
    codes, outputs, errors = finish(ranks)
    assert (codes, outputs) == ([0, 0], ["0\n", "1\n"]), errors


def test_a_rank_listens_on_the_loopback_address_only():
    first, second = settings(2)
    ranks = start([first], "-c", JOIN.format(20))
    connected(int(first["MASTER_PORT"])).close()
    with socket.socket() as probe:                      # any other address of this machine
        probe.bind(("127.0.0.2", 0))
        assert probe.connect_ex(("127.0.0.2", int(first["MASTER_PORT"]))) != 0
    ranks += start([second], "-c", JOIN.format(20))
    assert finish(ranks)[0] == [0, 0]


def test_a_rank_without_network():
    [_, lonely] = settings(2)
    [code], _, [error] = finish(start([lonely], "-c", JOIN.format(0.5)))
    assert code == 1 and "rank 1 did not reach rank 0 at 127.0.0.1:" in error and "within 0.5 s" in error
    [_, lost] = settings(2)
    [code], _, [error] = finish(start([lost | {"MASTER_ADDR": "no.such.host.invalid"}], "-c", JOIN.format(0.5)))
    assert code == 1 and "rank 1 cannot resolve the address 'no.such.host.invalid'" in error


@pytest.mark.parametrize("variable, value, message", [
    ("WORLD_SIZE", "3", "rank 1 has WORLD_SIZE 3, rank 0 has 2"),
    ("FASTNET_BACKEND", "numpy", "rank 1 differs from rank 0: backend: 'compiled' on rank 0, 'numpy' on rank 1"),
])
def test_ranks_that_differ_are_refused_on_both(variable, value, message):
    first, second = settings(2)
    if variable == "FASTNET_BACKEND":
        first |= {variable: "compiled"}
    if variable == "FASTNET_BACKEND" and not dist.group.config()["isa"]:
        pytest.skip("compiled kernels are not built")
    codes, _, errors = finish(start([first, second | {variable: value}], "-c", JOIN.format(10)))
    assert codes == [1, 1] and all(message in error for error in errors)


def test_versions_that_differ_are_refused():
    first, second = settings(2)
    codes, _, errors = finish([*start([first], "-c", JOIN.format(10)),
                               *start([second], "-c", "import fastnet; fastnet.__version__ = '0.0.7'\n" +
                                      JOIN.format(10))])
    assert codes == [1, 1]
    assert all("rank 1 has fastnet 0.0.7, rank 0 has" in error for error in errors)


def test_calls_that_differ_are_refused():
    """By the transport, also where no digest is compared."""
    code = ("from fastnet._core import world\nfrom fastnet.distributed.collectives import all_reduce_array\n"
            "all_reduce_array(world.current().transport, np.ones(2 + dist.get_rank()))")
    codes, _, errors = run_code(2, code, check=False)
    assert codes == [1, 1] and any("sent 24 bytes where 16 were expected" in error for error in errors)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_the_others_name_a_rank_that_is_killed():
    """Without a launcher, also those that do not exchange with it at that moment."""
    loop = WAIT + "import fastnet\nwhile True: dist.all_reduce(fastnet.ones(3))"
    ranks = start(settings(4), "-c", loop)
    for rank in ranks:
        assert rank.stdout.readline() == "0\n"
    os.kill(ranks[2].pid, signal.SIGKILL)
    begin = time.monotonic()
    codes, _, errors = finish(ranks)
    assert time.monotonic() - begin < 5
    assert codes == [1, 1, -9, 1]
    assert all("rank 2 has ended" in errors[rank] for rank in (0, 1, 3)), errors


def test_places(monkeypatch):
    for name, value in settings(4, 29500)[3].items():
        monkeypatch.setenv(name, value)
    assert (place().rank, place().size, place().port) == (3, 4, 29500) and launched_by() == "sockets"
    monkeypatch.setenv("FASTNET_RANK_PROCESS", "damaged")
    assert launched_by() == "sockets"
    monkeypatch.setenv("MASTER_PORT", "soon")
    with pytest.raises(ValueError, match="MASTER_PORT to be an integer, got 'soon'"):
        place()
    monkeypatch.setenv("MASTER_PORT", "70000")
    with pytest.raises(ValueError, match="MASTER_PORT from 1 to 65535, got 70000"):
        place()
    monkeypatch.setenv("MASTER_PORT", "0")
    with pytest.raises(ValueError, match="MASTER_PORT from 1 to 65535, got 0"):
        place()
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert list(place().ports) == [29500]
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    assert list(place().ports) == list(range(29499, 29491, -1))
    with pytest.raises(ValueError, match="rank 5 of 4"):
        place(rank=5)
    monkeypatch.delenv("RANK")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert launched_by() == "mpi"
    with pytest.raises(ValueError, match="variable RANK to be an integer, got ''"):
        place()
    with pytest.raises(ValueError, match="'sockets' or 'mpi', got 'nccl'"):
        dist.init_process_group("nccl")


def test_mpi_without_its_library(monkeypatch):
    def import_module(name):
        raise ImportError("libmpi.so.12: cannot open shared object file")
    monkeypatch.setattr("fastnet._core.optional.importlib.import_module", import_module)
    with pytest.raises(ImportError, match=r"library of MPI, which mpi4py did not find: pip install mpich \(libmpi"):
        dist.init_process_group("mpi")
