"""fastnet and other libraries in one process, in each order of import; and the CPU time of an idle process."""
import pytest
from processes import output

from fastnet import backend

openmp = pytest.mark.skipif(not backend.config()["openmp"], reason="the kernels run on one thread")

CHECK = """
import numpy as np
x = np.random.default_rng(0).standard_normal((300, 200)).astype("float32")
def check_fastnet():
    t = fastnet.from_numpy(x)
    np.testing.assert_allclose((t @ t.t()).numpy(), x.astype(float) @ x.T, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(t.exp().sum().item(), np.exp(x.astype(float)).sum(), rtol=1e-5)
"""
TORCH = """
def check_other():
    t = torch.from_numpy(x)
    np.testing.assert_allclose((t @ t.t()).numpy(), x.astype(float) @ x.T, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(t.exp().sum().item(), np.exp(x.astype(float)).sum(), rtol=1e-5)
"""
SKLEARN = """
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
def check_other():
    labels = (x[:, 0] > 0).astype(int)
    assert LogisticRegression(max_iter=500).fit(x, labels).score(x, labels) > 0.95
    far = x + 100 * labels[:, None].astype("float32")
    found = KMeans(2, n_init=1, random_state=0).fit_predict(far)
    assert (found == labels).all() or (found == 1 - labels).all()
"""


def in_both_orders(other):
    return pytest.mark.parametrize("imports", [f"import fastnet, {other}", f"import {other}, fastnet"])


@in_both_orders("torch")
def test_torch_and_fastnet_compute_right(imports, torch):
    output(imports + CHECK + TORCH + """
for _ in range(2):
    check_fastnet()
    check_other()
""")


@in_both_orders("sklearn")
def test_sklearn_and_fastnet_compute_right(imports):
    pytest.importorskip("sklearn")
    output(imports + CHECK + SKLEARN + """
for _ in range(2):
    check_fastnet()
    check_other()
""")


@openmp
@in_both_orders("torch")
def test_each_library_keeps_its_thread_settings(imports, torch):
    """But a maximum lowered in the OpenMP that both share binds both: it cannot be told from threadpoolctl's."""
    pytest.importorskip("threadpoolctl")
    output(imports + CHECK + TORCH + """
from threadpoolctl import threadpool_info
torch.set_num_threads(3)
for n in (3, 1, 2):
    fastnet.set_num_threads(n)
    assert (torch.get_num_threads(), fastnet.get_num_threads()) == (3, n)
    check_fastnet(), check_other()
shared = sum(pool["user_api"] == "openmp" for pool in threadpool_info()) == 1
for n in (3, 1, 2):
    torch.set_num_threads(n)
    assert (torch.get_num_threads(), fastnet.get_num_threads()) == (n, min(n, 2) if shared else 2)
    check_fastnet(), check_other()
""", OMP_NUM_THREADS="4")


@openmp
@in_both_orders("torch")
def test_threadpoolctl_limits_both(imports, torch):
    pytest.importorskip("threadpoolctl")
    output(imports + CHECK + TORCH + """
from threadpoolctl import threadpool_limits
fastnet.set_num_threads(2)
torch.set_num_threads(2)
assert torch.get_num_threads() == 2             # PyTorch sets OpenMP's maximum anew when it is first asked
with threadpool_limits(1, user_api="openmp"):
    assert (torch.get_num_threads(), fastnet.get_num_threads()) == (1, 1)
    check_fastnet(), check_other()
assert (torch.get_num_threads(), fastnet.get_num_threads()) == (2, 2)
""", OMP_NUM_THREADS="4")


@openmp
def test_idle_threads_use_no_cpu_time():
    """Processor time, not time on the clock: threads that wait for work may spin for some milliseconds, then sleep."""
    spent = float(output("""if True:
    import time, fastnet
    from fastnet._runtime import threads
    threads.set_share(0)
    fastnet.set_num_threads(2)
    x = fastnet.ones(512, 512)
    for _ in range(5):
        x @ x
    time.sleep(0.3)
    before = time.process_time()
    time.sleep(1)
    print(time.process_time() - before)
    """))
    assert spent < 0.25
