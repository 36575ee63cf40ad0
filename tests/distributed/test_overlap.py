"""Gradients are exchanged while backward() computes the next ones, eagerly and in replays."""
import time

import numpy as np
import pytest
from rank_tools import finish, run_code, settings, start

import fastnet
from fastnet import nn
from fastnet.distributed import buckets
from fastnet.distributed.buckets import Buckets

NETWORK = """
import threading, time
from fastnet import nn
from fastnet.distributed import buckets
buckets.BUCKET_BYTES = 100
rank = dist.get_rank()
arrived = threading.Event()

class Net(nn.Module):
    def __init__(self, hook):
        super().__init__()
        self.first, self.last, self.hook = nn.Linear(4, 16), nn.Linear(16, 2), hook
    def forward(self, x):
        hidden = self.first(x)
        hidden.register_hook(self.hook)         # called after the gradients of the last layer are computed
        return self.last(hidden.tanh())

def watch(exchange):
    combine = exchange._combine
    def noted(number, array):
        combine(number, array)
        noted.threads.append(threading.current_thread() is threading.main_thread())
        arrived.set()
    exchange._combine, noted.threads = noted, []
    return noted
"""

EAGER = NETWORK + """
def hook(gradient):
    assert arrived.wait(20), "the last layer's gradients were not exchanged during backward()"
    arrived.clear()
model = dist.DistributedDataParallel(Net(hook))
noted = watch(model._exchange)
for step in range(3):
    model.zero_grad()
    x = fastnet.full((3, 4), rank + step + 1.0)
    arrived.clear()
    model(x).sum().backward()
    assert noted.threads == [False, False]
    noted.threads.clear()
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    arrived.set()
    with model.no_sync():
        model(x).sum().backward()
    for p, ours in zip(model.parameters(), found):
        dist.all_reduce(p.grad, dist.ReduceOp.AVG)
        assert p.grad.tolist() == ours.tolist()
    assert noted.threads == []
"""


@pytest.mark.parametrize("size", [2, 4])
def test_eager_backward(size):
    run_code(size, EAGER)


RECORDED = NETWORK + """
from fastnet.callbacks import Callback
from fastnet.data.arrays import fingerprint

class Patch(Callback):
    def __init__(self):
        self.calls = []
    def on_batch_end(self, trainer):
        exchange = trainer._sharded._exchange
        if trainer.step == 1:                   # the first batch was recorded: replays follow
            assert exchange.overlaps and len(trainer._sharded.buckets) == 4
            watch(exchange)
            ready = exchange.ready
            def noted(number):
                ready(number)
                self.calls.append((number, exchange._sends))
                if exchange._sends and number == 1:     # inside the replay, before the first layers' gradients
                    assert arrived.wait(20), "nothing was exchanged during the replay"
            exchange.ready = noted
        arrived.clear()

fastnet.manual_seed(0)
model = nn.Sequential(*[nn.Linear(8, 8) for _ in range(4)])
x = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
patch = Patch()
trainer = fastnet.Trainer(model, "sgd", lr=0.1, loss="mse", shards=2 * dist.get_world_size())
trainer.fit(x, x[:, ::-1].copy(), batch_size=16, epochs=2, callbacks=[patch], progress=False)
assert len(trainer._sharded._gradients) == 1            # one recording serves all shards
assert patch.calls == [(n, sends) for _ in range(7) for sends in (False, True) for n in range(3)], patch.calls
print(fingerprint(*[p.detach() for p in model.parameters()]))
"""


def test_replays():
    assert len(set(run_code(2, RECORDED))) == 1


FAILING = NETWORK + """
import sys
def hook(gradient):
    arrived.wait(20)
    if rank == 1:
        raise ValueError("broken")
model = dist.DistributedDataParallel(Net(hook))
watch(model._exchange)
try:
    model(fastnet.ones(3, 4)).sum().backward()
except ValueError:
    if CAUGHT:
        time.sleep(30)                          # this rank goes on, but with no exchange
    raise
"""


@pytest.mark.parametrize("caught", [False, True])
def test_an_exception_in_the_middle_of_backward_ends_the_other_ranks(caught):
    code = (f"CAUGHT = {caught}\nimport fastnet, numpy as np\nimport fastnet.distributed as dist\n"
            "dist.init_process_group(timeout=60)\n" + FAILING)
    ranks = start(settings(3), "-c", code)
    try:
        ranks[0].wait(60)
        begin = time.monotonic()
        ranks[2].wait(60)
        assert time.monotonic() - begin < 5
    finally:
        if caught:
            ranks[1].kill()
    codes, _, errors = finish(ranks)
    assert codes[0] == codes[2] == 1 and codes[1]
    assert all("rank 1 has ended" in errors[rank] for rank in (0, 2)), errors
    assert caught or "ValueError: broken" in errors[1]


KILLED = NETWORK + """
import os, signal, sys
def hook(gradient):
    arrived.wait(20)
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
model = dist.DistributedDataParallel(Net(hook))
watch(model._exchange)
begin = time.monotonic()
try:
    model(fastnet.ones(3, 4)).sum().backward()
finally:
    print(time.monotonic() - begin)
"""


def test_a_rank_that_is_killed_in_the_middle_of_backward():
    codes, outputs, errors = run_code(2, KILLED, check=False)
    assert codes == [1, -9] and float(outputs[0]) < 5
    assert "rank 1 has ended" in errors[0]


GRAD_ALONE = NETWORK + """
model = dist.DistributedDataParallel(Net(lambda gradient: None))
noted = watch(model._exchange)
fastnet.grad(model(fastnet.ones(3, 4)).sum(), list(model.parameters()))
assert noted.threads == []                      # grad() sets no gradients, so nothing is exchanged
model(fastnet.ones(3, 4)).sum().backward()
assert noted.threads == [False, False]
"""


def test_grad_exchanges_nothing():
    run_code(2, GRAD_ALONE)


def test_buckets_begin_with_the_last_parameters(monkeypatch):
    fastnet.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(16, 16) for _ in range(3)])
    names = {id(p): name for name, p in model.named_parameters()}
    found = {}
    for limit in (1, 1000, 1 << 20):
        monkeypatch.setattr(buckets, "BUCKET_BYTES", limit)
        made = Buckets(model.parameters(), None)
        found[limit] = [[names[id(p)] for p in group] for group in made.groups]
        model(fastnet.ones(2, 16)).sum().backward()
        gradients = {names[id(p)]: p.grad.numpy() for p in model.parameters()}
        for number, group in enumerate(found[limit]):
            assert made.is_at_home(number)
            size = sum(gradients[name].size for name in group)
            assert made.home(number).size >= size
            for name in group:
                assert np.shares_memory(made.home(number), gradients[name])
        model.zero_grad()
        del gradients
    assert found[1] == [["2.bias"], ["2.weight"], ["1.bias"], ["1.weight"], ["0.bias"], ["0.weight"]]
    assert found[1000] == [["2.weight", "2.bias"], ["1.weight", "1.bias"], ["0.weight", "0.bias"]]
    assert found[1 << 20] == [list(names.values())]
