"""Fixtures that all tests share, and options that thin out parametrised tests."""
import gc
import zlib
from collections import defaultdict

import pytest

import fastnet
from fastnet import backend as kernels
from fastnet._core import memory


def pytest_addoption(parser):
    group = parser.getgroup("cases of parametrised tests")
    group.addoption("--backend", choices=["numpy", "compiled"],
                    help="run only this one's cases of tests on each backend")
    group.addoption("--cases", type=int, metavar="N", help="run at most N cases of each parametrised test")
    group.addoption("--whole", action="append", default=[], metavar="PATH",
                    help="with --cases: run all cases of the tests below this path; can be repeated")


@pytest.hookimpl(trylast=True)          # after -k and -m
def pytest_collection_modifyitems(config, items):
    """Apply --backend, --cases and --whole."""
    backend, most, whole = map(config.getoption, ("backend", "cases", "whole"))
    kept = [item for item in items if backend is None or parameter(item, "backend") in (None, backend)]
    if most is not None:
        kept = thinned_out(kept, most, tuple(whole))
    config.hook.pytest_deselected(items=list(set(items) - set(kept)))
    items[:] = kept


def pytest_collection_finish():
    """Exempt modules and cases from garbage collection: gc.collect(), which tests call, is then ten times as fast."""
    gc.collect()
    gc.freeze()


def parameter(item, fixture):
    """The parameter that a fixture has in a case; None if it has none."""
    return getattr(item, "callspec", None) and item.callspec.params.get(fixture)


def thinned_out(items, most, whole):
    """At most `most` cases of each test that is not below one of the paths `whole`.

    A checksum of the names chooses them, so each run has the same cases, and a new case changes few of them.
    """
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid if item.nodeid.startswith(whole) else item.nodeid.partition("[")[0]].append(item)
    chosen = {item for group in cases.values()
              for item in sorted(group, key=lambda item: zlib.crc32(item.nodeid.encode()))[:most]}
    return [item for item in items if item in chosen]


@pytest.fixture(params=["numpy", "compiled"])
def backend(request):
    """Run a test on each backend, from a fixed seed; a file asks for it with `pytest.mark.usefixtures("backend")`."""
    if request.param == "compiled" and not kernels.compiled_available:
        pytest.skip(f"the compiled kernels are {kernels._absent.status}: {kernels._absent.error}")
    state = fastnet.get_rng_state()
    fastnet.manual_seed(0)
    with kernels.use_backend(request.param):
        yield request.param
    fastnet.set_rng_state(state)


@pytest.fixture(params=["python", "compiled"])
def twin(request):
    """The modules of an implementation of the runtime: `twin.tape`, `twin.saved`, `twin.state`, `twin.memory`."""
    from twins import TWINS
    if request.param not in TWINS:
        pytest.skip(f"the compiled modules are {kernels._absent.status}: {kernels._absent.error}")
    return TWINS[request.param]


@pytest.fixture
def small_work_threaded():
    """Let kernels use as many threads as they may however little there is to do."""
    if not kernels.compiled_available:
        pytest.skip(f"the compiled kernels are {kernels._absent.status}: NumPy's have no threads of their own")
    from kernel_tools import threaded
    with threaded(1):
        yield


@pytest.fixture(name="torch")
def _torch():
    """PyTorch; a test that asks for it skips where there is none."""
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torch_on_one_thread():
    """PyTorch on one thread: on a busy machine its threads wait for each other longer than small tensors take."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fresh_arena(monkeypatch):
    """Parameters are laid out from the start of an arena, whatever was made before."""
    monkeypatch.setattr(memory, "_arenas", {})


@pytest.fixture
def path(tmp_path):
    """A path to save a model at."""
    return tmp_path / "model.safetensors"


@pytest.fixture
def written(tmp_path):
    """Write a file and return its path."""
    def write(contents, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        return path
    return write
