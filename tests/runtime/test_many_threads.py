"""Python threads that use fastnet at once, as an interpreter without a GIL runs them: same bits, no crash."""
import threading

import numpy as np
import pytest

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")
THREADS, STEPS = 4, 50


def at_once(work):
    """work(i) in several threads that start together; the results in order. An error of a thread is raised."""
    barrier, results, errors = threading.Barrier(THREADS), [None] * THREADS, []

    def run(i):
        barrier.wait()
        try:
            results[i] = work(i)
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def network():
    fastnet.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def trained(i):
    """The weights of a small network after some eager steps, from a start that depends on nothing."""
    model, x = MODELS[i], fastnet.tensor(X)
    optimizer = fastnet.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), fastnet.tensor(LABELS)).backward()
        optimizer.step()
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


X = np.random.default_rng(0).standard_normal((16, 8)).astype("float32")
LABELS = np.arange(16) % 3
MODELS = []


def test_each_thread_trains_its_own_model():
    MODELS[:] = [network() for _ in range(THREADS)]
    assert len(set(at_once(trained))) == 1


def test_threads_share_a_model_and_views_of_its_parameters():
    model = network()

    def infer(i):
        for _ in range(STEPS):
            hidden = (fastnet.tensor(X) @ model[0].weight.T + model[0].bias).relu()
            result = hidden @ model[2].weight.t() + model[2].bias
        return result.detach().numpy().tobytes()
    assert len(set(at_once(infer))) == 1


def test_threads_share_a_compiled_function():
    model = network()
    compiled = fastnet.compile(model)
    with fastnet.no_grad():             # one recording for each size: threads that come at once may make several
        expected = {n: compiled(fastnet.tensor(X[:n])).numpy().tobytes() for n in (4, 8, 16)}

    def infer(i):
        with fastnet.no_grad():
            return [compiled(fastnet.tensor(X[:n])).numpy().tobytes() == expected[n]
                    for _ in range(STEPS) for n in (4, 8, 16)]
    assert all(all(same) for same in at_once(infer))


def test_nodes_are_numbered_in_order_in_every_thread():
    def orders(i):
        x, found = fastnet.ones(2, requires_grad=True), []
        for _ in range(STEPS):
            x = x * 2
            found.append(x.grad_fn.order)
        return found
    results = at_once(orders)
    assert all(numbers == sorted(numbers) for numbers in results)
    assert len({n for numbers in results for n in numbers}) == THREADS * STEPS


def test_blocks_of_memory_belong_to_one_thread():
    def fill(i):
        kept = []
        for step in range(STEPS):
            kept.append(fastnet.full((100 + 7 * step,), float(i)))
            del kept[:-5]
            assert all((t.numpy() == i).all() for t in kept)
    at_once(fill)
