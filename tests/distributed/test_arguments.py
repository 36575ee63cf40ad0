"""Wrong arguments of distributed programs: the errors say what was expected."""
import datetime

import pytest

import fastnet
import fastnet.distributed as dist
from fastnet import nn
from fastnet.cli import main


@pytest.fixture
def alone():
    dist.init_process_group(world_size=1, rank=0)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("arguments, error, message", [
    ({"world_size": "2"}, TypeError, r"expected world_size to be a whole number, got '2' \(str\)"),
    ({"world_size": 1.5, "rank": 0}, TypeError, r"expected world_size to be a whole number, got 1.5"),
    ({"world_size": 1, "rank": 0.0}, TypeError, "expected rank to be a whole number, got 0.0"),
    ({"timeout": float("nan")}, ValueError, "expected a timeout above 0 seconds, got nan"),
    ({"timeout": -1}, ValueError, "expected a timeout above 0 seconds, got -1"),
    ({"timeout": datetime.timedelta(0)}, ValueError, "expected a timeout above 0 seconds, got 0:00:00"),
    ({"timeout": "1"}, TypeError, "expected timeout to be a number, got '1'"),
])
def test_init_process_group(arguments, error, message):
    with pytest.raises(error, match=message):
        dist.init_process_group(**arguments)


def test_a_timeout_without_end():
    dist.init_process_group(world_size=1, rank=0, timeout=float("inf"))
    assert dist.get_world_size() == 1
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_broadcast():
    for src in ("0", 0.5):
        with pytest.raises(TypeError, match=f"expected src to be a whole number, got {src!r}"):
            dist.broadcast(fastnet.ones(2), src=src)


@pytest.mark.usefixtures("alone")
def test_distributed_data_parallel():
    with pytest.raises(TypeError, match="DistributedDataParallel: expected a Module, got 3"):
        dist.DistributedDataParallel(3)
    x = fastnet.ones(4, 2).numpy()
    trainer = fastnet.Trainer(dist.DistributedDataParallel(nn.Linear(2, 1)), loss="mse")
    with pytest.raises(TypeError, match="expected the plain module, got a DistributedDataParallel; give the Trainer"):
        trainer.fit(x, x[:, :1], progress=False)


def test_distributed_sampler():
    with pytest.raises(ValueError, match="expected num_replicas to be at least 1, got 0"):
        dist.DistributedSampler(range(5), num_replicas=0, rank=0)
    with pytest.raises(TypeError, match="expected rank to be a whole number, got '0'"):
        dist.DistributedSampler(range(5), num_replicas=2, rank="0")


def test_launch_port(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["launch", "--nproc", "2", "--port", "99999", "x.py"])
    assert caught.value.code == 2
    assert "--port: expected a port from 1 to 65535, got '99999'" in capsys.readouterr().err
