"""Module: registration, modes, copies, repr, hooks, recordings."""
import copy
import pickle

import pytest
from module_tools import Block, assert_equal, model, values

import fastnet
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


def test_compile_in_place(tmp_path):
    x, net = fastnet.randn(4, 3), nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    expected = net(x)
    net.compile()
    compiled = net._compiled_call
    for _ in range(3):
        assert (net(x) == expected).all()
    assert len(compiled) == 1 and compiled.calls == 3
    handle = net.register_forward_hook(lambda module, args, output: output + 1)
    assert (net(x) == expected + 1).all()
    handle.remove()
    net(x).sum().backward()
    assert net[0].weight.grad is not None
    assert (fastnet.compile(lambda x: net(x) * 2)(x) == expected * 2).all()
    assert (copy.deepcopy(net)(x) == expected).all() and "_compiled_call" not in copy.deepcopy(net).__dict__
    net.save(tmp_path / "net.safetensors")
    assert (fastnet.load(tmp_path / "net.safetensors")(x) == expected).all()


def test_set_submodule_and_type():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()))
    net.set_submodule("1.0", nn.Tanh())
    net.set_submodule("1.more", nn.ReLU())
    assert isinstance(net[1][0], nn.Tanh) and isinstance(net.get_submodule("1.more"), nn.ReLU)
    for target, module, error, words in (("", nn.ReLU(), ValueError, "expected the path of a submodule, got ''"),
                                         ("2.a", nn.ReLU(), AttributeError, "no Module at '2'"),
                                         ("1", 3, TypeError, "cannot be set to a int")):
        with pytest.raises(error, match=words):
            net.set_submodule(target, module)
    with pytest.raises(AttributeError, match="no Module at '9'"):
        net.set_submodule("9", nn.ReLU(), strict=True)
    assert isinstance(net[1], nn.Sequential)
    assert net.type(fastnet.float64) is net and net[0].weight.dtype == fastnet.float64


# ---- registration ---------------------------------------------------------------------------------------------------

def test_assigned_parameters_buffers_and_modules_are_registered():
    block = Block()
    assert [k for k, _ in block.named_parameters()] == [
        "scale", "inner.weight", "inner.bias", "norm.weight", "norm.bias"]
    assert [k for k, _ in block.named_parameters(recurse=False)] == ["scale"]
    assert [k for k, _ in block.named_parameters(prefix="m", recurse=False)] == ["m.scale"]
    assert [k for k, _ in block.named_buffers()] == [
        "seen", "scratch", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
    assert [k for k, _ in block.named_modules()] == ["", "inner", "norm"]
    assert [k for k, _ in block.named_children()] == ["inner", "norm"]
    assert list(block.state_dict()) == ["scale", "seen", "inner.weight", "inner.bias", "norm.weight", "norm.bias",
                                        "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
    assert block.shift is None and block.n == 3
    assert {"scale", "seen", "inner", "n"} <= set(dir(block))
    assert len(list(block.parameters())) == 5 and len(list(block.buffers())) == 5
    assert next(block.modules()) is block


def test_reassigning_moves_between_the_registries():
    block = Block()
    first = block.inner
    block.inner = nn.Linear(3, 3, bias=False)
    assert block.inner is not first and [k for k, _ in block.named_children()] == ["inner", "norm"]
    block.scale = None
    assert block.scale is None and "scale" not in dict(block.named_parameters())
    block.seen = fastnet.ones(1)
    assert dict(block.named_buffers())["seen"].tolist() == [1]
    block.n = nn.Parameter(fastnet.ones(1))
    assert "n" in dict(block.named_parameters()) and "n" not in block.__dict__
    del block.norm, block.n
    assert not hasattr(block, "norm") and not hasattr(block, "n")
    with pytest.raises(AttributeError, match="'Block' object has no attribute 'norm'"):
        block.norm  # noqa: B018


def test_bad_registration():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)
    with pytest.raises(AttributeError, match=r"Forgetful.__init__ must call super\(\).__init__\(\)"):
        Forgetful()
    block = Block()
    with pytest.raises(TypeError, match=r"'scale' is a parameter of Block.*Tensor"):
        block.scale = fastnet.ones(3)
    with pytest.raises(TypeError, match="'inner' is a module of Block"):
        block.inner = 3
    for name in ("", "a.b", 3):
        with pytest.raises(KeyError, match="without dots"):
            block.add_module(name, nn.ReLU())
    with pytest.raises(KeyError, match="already has an attribute 'n'"):
        block.register_buffer("n", fastnet.ones(1))
    with pytest.raises(TypeError, match="'x' cannot be registered as a buffer: got list"):
        block.register_buffer("x", [1])
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()(1)


def test_paths():
    m = model()
    assert m.get_submodule("0.inner") is m[0].inner and m.get_submodule("") is m
    assert m.get_parameter("0.inner.weight") is m[0].inner.weight
    assert m.get_buffer("0.seen") is m[0].seen
    for get, path in ((m.get_submodule, "0.outer"), (m.get_parameter, "0.inner"), (m.get_buffer, "7.seen")):
        with pytest.raises(AttributeError, match=f"'{path}'"):
            get(path)


def test_tied_parameters_count_once():
    m = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    m[1].weight = m[0].weight
    assert [k for k, _ in m.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(m.named_parameters(remove_duplicate=False))) == 4
    assert list(m.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    twin = copy.deepcopy(m)
    assert twin[1].weight is twin[0].weight and twin[0].weight is not m[0].weight
    shared = nn.ReLU()
    assert len(list(nn.Sequential(shared, shared).modules())) == 2
    assert len(list(nn.Sequential(shared, shared).children())) == 1
    m.to(fastnet.float64)
    assert m[1].weight is m[0].weight and m[0].weight.dtype == fastnet.float64


# ---- modes, dtypes, gradients ---------------------------------------------------------------------------------------

def test_modes():
    m = model()
    assert m.training and m[0].norm.training
    assert m.eval() is m and not any(x.training for x in m.modules())
    assert m.train() is m and all(x.training for x in m.modules())
    m[0].training = False
    assert not m[0].training and m[0].norm.training
    with pytest.raises(ValueError, match="'yes'"):
        m.train("yes")


def test_a_subclass_may_keep_a_submodule_in_evaluation_mode():
    class Frozen(nn.Sequential):
        def train(self, mode=True):
            return super().train(False)
    m = nn.Sequential(Frozen(nn.Dropout(0.5)), nn.Dropout(0.5)).train()
    assert not m[0][0].training and m[1].training


def test_dtypes():
    m = model()
    weight, address = m[2].weight, m[2].weight.data_ptr()
    m(fastnet.ones(4, 3)).sum().backward()
    assert m.double() is m and m[2].weight is weight and weight.dtype == fastnet.float64
    assert weight.data_ptr() != address and weight._slot is not None
    assert weight.grad.dtype == fastnet.float64 and m[0].norm.running_mean.dtype == fastnet.float64
    assert m[0].norm.num_batches_tracked.dtype == fastnet.int64
    m.zero_grad()
    m(fastnet.ones(4, 3, dtype=fastnet.float64)).sum().backward()
    assert weight.grad.dtype == fastnet.float64
    assert m.float().to("cpu").to(fastnet.ones(1)).cpu()[2].weight.dtype == fastnet.float32
    with pytest.raises(TypeError, match="float32 or float64"):
        m.to(fastnet.int64)


def test_gradients():
    m = model()
    m(fastnet.randn(4, 3)).sum().backward()
    assert all(p.grad is not None for p in m.parameters())
    m.zero_grad(set_to_none=False)
    assert all(not p.grad.numpy().any() for p in m.parameters())
    m.zero_grad()
    assert all(p.grad is None for p in m.parameters())
    m[0].requires_grad_(False)
    m(fastnet.randn(4, 3)).sum().backward()
    assert m[0].inner.weight.grad is None and m[2].weight.grad is not None


def test_apply():
    seen = []
    m = model()
    assert m.apply(lambda x: seen.append(type(x).__name__)) is m
    assert seen == ["Linear", "BatchNorm1d", "Block", "ReLU", "Linear", "Sequential"]


# ---- copies ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies(how):
    m = model().eval()
    m[2].bias.requires_grad_(False)
    twin = how(m)
    assert_equal(values(m), values(twin))
    assert repr(twin) == repr(m) and not twin.training
    for p, q in zip(m.parameters(), twin.parameters()):
        assert type(q) is nn.Parameter and q._slot is not None and q.data_ptr() != p.data_ptr()
        assert q.requires_grad == p.requires_grad
    with fastnet.no_grad():
        twin[2].weight.add_(1)
    assert not (twin[2].weight == m[2].weight).any()
    x = fastnet.randn(4, 3)
    assert not (m(x) == twin(x)).all()
    twin.train()
    assert not m.training


def test_deepcopy_does_not_copy_gradients_of_parameters():
    def copied(namespace):
        layer = namespace.nn.Linear(2, 2)
        layer(namespace.ones(1, 2)).sum().backward()
        return copy.deepcopy(layer).weight.grad, copy.deepcopy(layer.bias).grad
    assert copied(fastnet) == (None, None)
    assert copied(pytest.importorskip("torch")) == (None, None)


def test_parameters():
    source = fastnet.ones(2, 3)
    p = nn.Parameter(source)
    assert p.requires_grad and p.is_leaf and isinstance(p, fastnet.Tensor)
    assert not nn.Parameter(source, requires_grad=False).requires_grad
    source.zero_()
    assert (p == 1).all()                                     # a copy: a parameter does not share memory
    a, b = nn.Parameter(fastnet.ones(5)), nn.Parameter(fastnet.ones(5))
    assert a._slot[0] is b._slot[0] and b.data_ptr() - a.data_ptr() == b._slot[1] - a._slot[1]
    with pytest.raises(RuntimeError, match="int64"):
        nn.Parameter(fastnet.arange(3))
    assert nn.Parameter(fastnet.arange(3), requires_grad=False).dtype == fastnet.int64
    assert repr(p).startswith("Parameter containing:\ntensor([[1.")
    with pytest.raises(RuntimeError, match="expected device to be 'cpu', got 'cuda'"):
        nn.Linear(1, 1, device="cuda")
    with pytest.raises(RuntimeError, match="got 'cuda:0'"):
        nn.Linear(1, 1).to("cuda:0", non_blocking=True)
    with pytest.raises(TypeError, match="int64"):
        nn.Linear(1, 1, dtype=fastnet.int64)
    assert nn.Linear(1, 1, device="cpu", dtype=fastnet.float64).weight.dtype == fastnet.float64


# ---- repr -----------------------------------------------------------------------------------------------------------

def test_repr():
    m = model()
    m[2].requires_grad_(False)
    assert repr(m) == """\
Sequential(
  (0): Block(
    (inner): Linear(in_features=3, out_features=3, bias=True)  # weight (3, 3), bias (3,)
    (norm): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)\
  # weight (3,), bias (3,)
  )  # scale (3,)
  (1): ReLU()
  (2): Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,)
)  # 29 parameters, 21 of them trainable"""
    assert repr(nn.Linear(1000, 10, bias=False)) == (
        "Linear(in_features=1000, out_features=10, bias=False)  # weight (10, 1000); 10,000 parameters")
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"


def test_a_module_is_printed_by_its_own_repr():
    class Graph(nn.Linear):
        def __repr__(self):
            return f"Graph ({self.in_features} -> {self.out_features})"
    assert repr(nn.Sequential(Graph(3, 2), nn.ReLU())) == """\
Sequential(
  (0): Graph (3 -> 2)
  (1): ReLU()
)  # 8 parameters"""


# ---- hooks ----------------------------------------------------------------------------------------------------------

def test_hooks():
    layer, seen = nn.Linear(2, 2), []
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    after = layer.register_forward_hook(lambda module, args, output: seen.append((args[0].tolist(), output.tolist())))
    assert layer(fastnet.ones(1, 2)).tolist() == [layer.bias.tolist()]
    assert seen == [([[0, 0]], [layer.bias.tolist()])]
    before.remove()
    after.remove()
    layer(fastnet.ones(1, 2))
    assert len(seen) == 1
    doubled = layer.register_forward_hook(lambda module, args, output: output * 2)
    twice = layer(fastnet.ones(1, 2))
    doubled.remove()
    assert (twice == layer(fastnet.ones(1, 2)) * 2).all()


# ---- inside recordings ----------------------------------------------------------------------------------------------

def test_compiled_functions_see_a_replaced_layer():
    m = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    kept = m[0]                                              # alive: its deletion would invalidate the recording
    f = fastnet.compile(lambda x: m(x).detach())
    x = fastnet.ones(1, 2)
    f(x), f(x)
    assert len(f) == 1
    m[0] = nn.Linear(2, 3)
    assert f(x).shape == (1, 3)
    m[0].weight = nn.Parameter(fastnet.zeros(4, 2))
    m[0].bias = None
    assert f(x).tolist() == [[0, 0, 0, 0]]
    m.append(nn.Flatten(0))
    assert f(x).shape == (4,)
    m[0] = kept
    assert (f(x) == m(x)).all()
    count = len(f)
    nn.Linear(2, 2)                                          # a module outside of all recordings invalidates none
    f(x)
    assert len(f) == count


def test_modes_are_guarded_where_they_are_read():
    m = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.9))
    f = fastnet.compile(lambda x: m(x).detach())
    x = fastnet.ones(64, 2)
    f(x), m.eval()
    assert (f(x) == m(x)).all()
    m[0].train()                                             # Linear does not read the mode
    f(x)
    assert len(f) == 2


def test_a_mode_set_by_the_function_needs_no_guard():
    m = nn.Dropout(0.5)

    def evaluate(x):
        m.eval()
        y = m(x)
        m.train()
        return y + 0
    f = fastnet.compile(evaluate)
    for _ in range(3):
        assert (f(fastnet.ones(50)) == 1).all()
    assert len(f) == 1


@pytest.mark.parametrize("call", [
    lambda m: m.load_state_dict(m.state_dict()), lambda m: nn.Linear(1, 1), lambda m: m.double(),
    lambda m: copy.deepcopy(m)], ids=["load", "make", "cast", "copy"])
def test_calls_that_a_replay_could_not_repeat_are_refused(call):
    m = nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match="inside a compiled function"):
        fastnet.compile(lambda x: call(m))(fastnet.ones(1))
    assert m.weight.dtype == fastnet.float32
