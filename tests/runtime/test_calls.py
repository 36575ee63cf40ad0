"""The questions that each call of a compiled function asks: compiled and in Python, they get the same answers."""
import numpy as np
import pytest

from fastnet import backend
from fastnet._runtime.twins import calls as reference

BASE = np.arange(48, dtype=np.float32)
FROZEN = BASE[:4].view()
FROZEN.flags.writeable = False
ARRAYS = {"whole": BASE, "head": BASE[:10], "reversed": BASE[20:10:-1], "columns": BASE.reshape(6, 8)[:, 2:4],
          "transposed": BASE.reshape(6, 8)[1:3].T, "scalar": BASE[7:8].reshape(()), "empty": BASE[5:5],
          "unaligned": np.frombuffer(b"\0" * 33, np.float32, 8, 1), "other dtype": np.arange(3), "frozen": FROZEN,
          "elsewhere": np.ones(3, np.float32)}
compiled = pytest.mark.skipif(not backend.compiled_available, reason="the compiled kernels are not there")


@compiled
@pytest.mark.parametrize("name", [n for n in ARRAYS if n != "empty"])
def test_bounds(name):
    assert backend.calls.bounds(ARRAYS[name]) == reference.bounds(ARRAYS[name])


@compiled
def test_overlaps():
    for a in ARRAYS.values():
        for b in ARRAYS.values():
            arrays = [ARRAYS["elsewhere"], a, b]
            assert a.size == 0 or b.size == 0 or backend.calls.overlaps(arrays) == reference.overlaps(arrays)


@pytest.mark.parametrize("calls", [backend.calls, reference])
def test_descriptions_differ_where_arrays_do(calls):
    described = {name: calls.describe(a) for name, a in ARRAYS.items()}
    assert len(set(described.values())) == len(described)
    assert calls.describe(BASE[:10].copy()) == described["head"]


@compiled
def test_a_watch_is_about_objects_and_blind_to_one_key():
    group, params = {"lr": 0.1, "betas": (0.9, 0.99)}, [object(), object()]
    watch = backend.calls.Watch([group, params])
    assert watch.same() and watch.same(but="lr")
    lr = group["lr"]
    group["lr"] = 0.2
    assert watch.same(but="lr") and not watch.same()
    group["lr"], betas = lr, group["betas"]
    group["betas"] = (*betas[:1], 0.99)
    assert not watch.same(but="lr")
    group["betas"] = betas
    assert watch.same()
    params.append(object())
    assert not watch.same()
    params.pop()
    group["new"] = 1
    assert not watch.same()
