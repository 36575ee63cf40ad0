"""Threads: how many by default, after a fork, under threadpoolctl; and the caller's floating-point mode."""
import os
import threading

import numpy as np
import pytest
from kernel_tools import TWIN_CASES, arguments, built, threaded
from processes import output

import fastnet
from fastnet import backend as kernels
from fastnet._runtime import thread_policy as threads
from fastnet.backend import K

OPENMP = kernels.config()["openmp"]
openmp = pytest.mark.skipif(not OPENMP, reason="the kernels run on one thread: no extension, or no OpenMP")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


# ---- how many -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("affinity, quota, omp, expected", [
    (8, None, None, 8), (8, 3, None, 3), (8, 3, "2", 2), (2, 3, "4", 2), (8, None, "4,2", 4), (8, None, " 3 ", 3),
    (8, None, "", 8), (8, None, "0", 8), (8, None, "-2", 8), (8, None, "many", 8), (8, 1, "4", 1), (1, 16, "16", 1)])
def test_default_is_the_smallest_limit(monkeypatch, affinity, quota, omp, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    monkeypatch.setattr(threads, "cgroup_quota", lambda: quota)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if omp is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", omp)
    assert threads.default_threads() == expected


@pytest.mark.parametrize("count, expected", [(6, 6), (None, 1)])
def test_without_affinity(monkeypatch, count, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.setattr(threads, "cgroup_quota", lambda: None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads.default_threads() == expected


def quota(folder, membership, files):
    """The quota that a system with these files gives."""
    root = folder / "cgroup"
    root.mkdir()
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    path = folder / "membership"
    if membership is not None:
        path.write_bytes(membership)
    return threads.cgroup_quota(root, path)


def v1(quota, period=100000):
    return {"cpu.cfs_quota_us": f"{quota}\n", "cpu.cfs_period_us": f"{period}\n"}


def under(folder, files):
    return {f"{folder}/{name}": text for name, text in files.items()}


CGROUPS = {
    "v2": (b"0::/\n", {"cpu.max": "300000 100000\n"}, 3),
    "v2 without a quota": (b"0::/\n", {"cpu.max": "max 100000\n"}, None),
    "v2 in a slice": (b"0::/user/app\n", {"user/app/cpu.max": "250000 100000", "cpu.max": "max 100000"}, 2),
    "v2, half a processor": (b"0::/a\n", {"a/cpu.max": "50000 100000"}, 1),
    "v2, other period": (b"0::/a\n", {"a/cpu.max": "100000 25000"}, 4),
    "v2, the parent's is lower": (b"0::/a/b\n", {"a/b/cpu.max": "800000 100000", "a/cpu.max": "200000 100000"}, 2),
    "v2, only the parent's": (b"0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "500000 100000"}, 5),
    "v2, someone else's": (b"0::/a\n", {"b/cpu.max": "100000 100000"}, None),
    "v2, seen from inside a container": (b"0::/docker/1f\n", {"cpu.max": "200000 100000"}, 2),
    "v1": (b"5:memory:/m\n4:cpu,cpuacct:/\n", under("cpu,cpuacct", v1(200000)), 2),
    "v1 without a quota": (b"4:cpu,cpuacct:/\n", under("cpu,cpuacct", v1(-1)), None),
    "v1 in a group": (b"4:cpu:/docker/1f\n", under("cpu/docker/1f", v1(600000)) | under("cpu", v1(-1)), 6),
    "v1, the parent's is lower": (b"4:cpu:/a/b\n", under("cpu/a/b", v1(800000)) | under("cpu/a", v1(250000)), 2),
    "v1, linked as cpu": (b"4:cpuacct,cpu:/a\n", under("cpu/a", v1(300000)), 3),
    "v1, seen from inside a container": (b"4:cpu,cpuacct:/docker/1f\n", under("cpu", v1(400000)), 4),
    "v1, other controllers": (b"4:cpuset:/a\n", under("cpuset/a", v1(100000)), None),
    "both": (b"4:cpu:/a\n0::/a\n", under("cpu/a", v1(300000)) | {"a/cpu.max": "500000 100000"}, 3),
    "no membership": (None, {"cpu.max": "200000 100000"}, 2),
    "nothing": (None, {}, None),
    "garbage": (b"\xff\xfe\n\nno colons\n1:2\n0::/a\n", {"a/cpu.max": "many few"}, None),
    "no period": (b"0::/\n", {"cpu.max": "100000 0"}, None),
    "v1, no period": (b"1:cpu:/\n", under("cpu", v1(100000, 0)), None),
}


@pytest.mark.parametrize("membership, files, expected", CGROUPS.values(), ids=CGROUPS)
def test_cgroups(tmp_path, membership, files, expected):
    assert quota(tmp_path, membership, files) == expected


def test_malformed_lines_leave_the_others(tmp_path):
    assert quota(tmp_path, b"\nno colons\n1:2\n0::/a\n", {"a/cpu.max": "200000 100000"}) == 2


def test_quota_of_this_system():
    """Whatever is there is read without an error."""
    found = threads.cgroup_quota()
    assert found is None or found >= 1


SHOW = "import fastnet; print(fastnet.get_num_threads())"


@openmp
def test_the_environment_limits():
    assert output(SHOW, OMP_NUM_THREADS="1") == "1\n"


@openmp
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity_limits():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    assert output(code + SHOW) == "1\n"
    assert output(code + SHOW.replace("print", "fastnet.set_num_threads(3); print")) == "3\n"   # a choice holds


TASKS = """if True:
    import os, fastnet
    from fastnet._runtime import threads
    def tasks():
        return len(os.listdir("/proc/self/task"))
    threads.set_share(0)
    fastnet.set_num_threads(1)
    x = fastnet.ones(1 << 18)
"""


@openmp
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list a process's threads")
def test_kernels_use_as_many_threads_as_they_may():
    out = output(TASKS + """
    before = tasks()
    for n in (1, 2, 3):
        fastnet.set_num_threads(n)
        (x + x).exp().sum()
        print(tasks() - before)
    """)
    assert out.split() == ["0", "1", "2"]


@openmp
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list a process's threads")
def test_small_work_stays_on_one_thread():
    out = output(TASKS.replace("threads.set_share(0)", "pass").replace("1 << 18", "256") + """
    fastnet.set_num_threads(4)
    before = tasks()
    (x + x).exp().sum()
    print(tasks() - before)
    """)
    assert out == "0\n"


@built
def test_python_threads_run_kernels_side_by_side(small_work_threaded):
    x = fastnet.randn(200, 100)
    expected = (x @ x.t()).exp().sum(1).numpy().tobytes()
    got = []

    def work(n):
        fastnet.set_num_threads(n)
        for _ in range(20):
            got.append((x @ x.t()).exp().sum(1).numpy().tobytes())
    workers = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert got == [expected] * 80


# ---- fork -----------------------------------------------------------------------------------------------------------

FORK = """if True:
    import os, sys, warnings, fastnet
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    from fastnet import backend, nn
    if backend.compiled_available:
        from fastnet._runtime import threads
        threads.set_share(0)
        fastnet.set_num_threads(2)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = fastnet.optim.AdamW(model.parameters())
    x, y = fastnet.randn(256, 64), fastnet.zeros(256, dtype="int64")
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss
    recorded = fastnet.compile(step)
    recorded(x, y)
    def losses(i=0):
        return [float(step(x, y)).hex(), float(recorded(x, y)).hex(), (x @ x.t()).exp().sum(1).numpy().tobytes().hex()]
    expected = losses()
"""


@forks
def test_a_forked_child_computes_on_one_thread():
    out = output(FORK + """
    pid = os.fork()
    if pid == 0:
        assert fastnet.get_num_threads() == 1
        assert losses() == expected
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fastnet.set_num_threads(3)              # would hang
        assert len(caught) == 1 and caught[0].category is RuntimeWarning, caught
        assert not backend.compiled_available or "this process was forked" in str(caught[0].message)
        assert fastnet.get_num_threads() == 1
        assert losses() == expected
        if backend.compiled_available and os.path.isdir("/proc/self/task"):
            assert len(os.listdir("/proc/self/task")) == 1
        os._exit(77)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 77
    assert losses() == expected                     # and the parent continues
    print(fastnet.get_num_threads())
    """)
    assert out == ("2\n" if OPENMP else "1\n")


@forks
def test_a_fork_from_a_python_thread():
    output(FORK + """
    import threading
    codes = []
    def work():
        if backend.compiled_available:
            fastnet.set_num_threads(3)
        assert losses() == expected
        pid = os.fork()
        if pid == 0:
            os._exit(77 if losses() == expected and fastnet.get_num_threads() == 1 else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert codes == [77], codes
    """)


@forks
def test_multiprocessing_by_fork():
    output(FORK + """
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(losses, range(6)).get(timeout=60) == [expected] * 6
        assert pool.apply_async(fastnet.get_num_threads).get(timeout=60) == 1
    """)


# ---- threadpoolctl --------------------------------------------------------------------------------------------------

@openmp
def test_threadpoolctl_sees_and_limits():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    assert "openmp" in {pool["user_api"] for pool in threadpoolctl.threadpool_info()}
    x = fastnet.randn(300, 200)
    expected = (x @ x.t()).numpy().tobytes()
    fastnet.set_num_threads(3)
    try:
        with threadpoolctl.threadpool_limits(1, user_api="openmp"):
            if os.cpu_count() > 1 and os.environ.get("OMP_NUM_THREADS") != "1":     # else OpenMP's maximum was 1 before
                assert fastnet.get_num_threads() == 1
            assert (x @ x.t()).numpy().tobytes() == expected
        assert fastnet.get_num_threads() == 3
    finally:
        kernels._threads.set_num_threads(0)


@openmp
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list a process's threads")
def test_a_lowered_limit_holds_in_kernels():
    pytest.importorskip("threadpoolctl")
    out = output(TASKS + """
    from threadpoolctl import threadpool_limits
    before = tasks()
    fastnet.set_num_threads(2)
    with threadpool_limits(1, user_api="openmp"):
        (x + x).exp().sum()
        print(tasks() - before)
    (x + x).exp().sum()
    print(tasks() - before)
    """, OMP_NUM_THREADS="4")
    assert out.split() == ["0", "1"]


# ---- the floating-point mode ----------------------------------------------------------------------------------------

SUBNORMALS = {np.float32: 1e-40, np.float64: 1e-310}


def subnormals_survive():
    """NumPy's results for subnormal operands and results in this thread's floating-point mode."""
    return [bool((np.full(9, tiny, dtype) * dtype(0.5) > 0).all() and (np.full(9, np.finfo(dtype).tiny) / 4 > 0).all())
            for dtype, tiny in SUBNORMALS.items()]


def roundings():
    """Sums that differ in every rounding mode."""
    tiny = np.float64(2.0)**-60
    return [np.add([1.0, -1.0], [tiny, -tiny]).tobytes(), np.add([1.0, -1.0], [-tiny, tiny]).tobytes()]


def call_every_kernel():
    """Each kernel once, on all its threads, with subnormal numbers among its inputs."""
    seen = set()
    for case in TWIN_CASES:
        if case.kernel in seen or case.raises:
            continue
        seen.add(case.kernel)
        for dtype, tiny in SUBNORMALS.items():
            if dtype not in case.dtypes:
                continue
            args, attrs = arguments(case, dtype, case.sizes[-1])
            for a in args:
                if isinstance(a, np.ndarray) and a.dtype == dtype and a.size > 20 and a.flags.writeable:
                    a[(..., slice(0, 2))[-a.ndim:]] = tiny
            with np.errstate(all="ignore"):
                getattr(K, case.kernel)(*args, **attrs)
    assert len(seen) > 50


@pytest.mark.usefixtures("backend")
def test_the_floating_point_mode_stays(small_work_threaded):
    before = subnormals_survive(), roundings()
    with threaded(3):
        call_every_kernel()
    assert (subnormals_survive(), roundings()) == before == ([True, True], roundings())


@pytest.mark.usefixtures("backend")
def test_a_callers_own_mode_stays(small_work_threaded):
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush subnormal numbers to zero")
    try:
        assert subnormals_survive() == [False, False]
        with threaded(3):
            call_every_kernel()
        assert subnormals_survive() == [False, False]
    finally:
        torch.set_flush_denormal(False)
    assert subnormals_survive() == [True, True]


def test_importing_keeps_the_floating_point_mode():
    output("""if True:
        import numpy as np
        x = np.full(9, 1e-40, np.float32)
        import fastnet
        fastnet.ones(1 << 16).exp()
        assert (x * np.float32(0.5) > 0).all() and (np.full(9, 1e-310) * 0.5 > 0).all()
        """)


@openmp
def test_a_recording_settles_on_its_number_of_threads():
    """It tries them in its first replays, and whatever it tries, the results are the same."""
    before = fastnet.get_num_threads()
    x, w, results = fastnet.randn(64, 256), fastnet.randn(256, 256), set()
    try:
        for threads in (1, 2, 3):
            fastnet.set_num_threads(threads)
            product = fastnet.compile(lambda x: fastnet.relu(x @ w))
            for _ in range(20_000):
                results.add(product(x).numpy().tobytes())
                [recording] = product.recordings
                level, settled, seconds = recording.steps[0].tuning()
                if settled or threads == 1:
                    break
            assert settled == (threads > 1) and level in (0, 1, 2)
            tried = [t > 0 for t in seconds]        # the first level, and others until one is hopelessly slow
            assert tried[0] == (threads > 1) and tried == sorted(tried, reverse=True) and (tried[level] or threads == 1)
    finally:
        fastnet.set_num_threads(before)
    assert len(results) == 1
