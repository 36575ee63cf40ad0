"""What the tests share."""
import pytest

import fastnet
from fastnet import backend as kernels
from fastnet._core import memory


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
