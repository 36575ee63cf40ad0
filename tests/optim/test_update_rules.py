"""Adadelta, Adamax, NAdam, RAdam, Rprop, ASGD and L-BFGS beside PyTorch's; hooks of steps; averages of models."""
import numpy as np
import pytest
from optim_tools import gradients, parameters, values

import fastnet
from fastnet import nn, optim

RULES = [
    ("Adadelta", {}), ("Adadelta", {"rho": 0.8, "weight_decay": 0.1, "lr": 0.5, "maximize": True}),
    ("Adamax", {}), ("Adamax", {"weight_decay": 0.1, "betas": (0.8, 0.9)}),
    ("NAdam", {"weight_decay": 0.1}), ("NAdam", {"decoupled_weight_decay": True, "momentum_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.1}), ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Rprop", {}), ("Rprop", {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.02)}),
    ("ASGD", {}), ("ASGD", {"t0": 5, "lambd": 0.01, "weight_decay": 0.1}),
]
OVER_RULES = pytest.mark.parametrize("rule, kw", RULES, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(RULES)])
ROUNDED = {"NAdam", "ASGD"}             # PyTorch keeps their numbers for each parameter in float32


def step_both(torch, ours, theirs, optimizer, other, i):
    for p, q, g in zip(ours, theirs, gradients([p.detach().numpy() for p in ours], i)):
        p.grad = None if g is None else fastnet.tensor(g)
        q.grad = None if g is None else torch.tensor(g)
    optimizer.step()
    other.step()


def close(ours, theirs, rule):
    tolerance = 1e-7 if rule in ROUNDED else 1e-11
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance)


def in_numpy(state):
    return {"param_groups": state["param_groups"], "state": {
        number: {name: np.asarray(value) if hasattr(value, "shape") else value for name, value in entry.items()}
        for number, entry in state["state"].items()}}


@pytest.mark.parametrize("arena", [True, False], ids=["arena", "apart"])
@OVER_RULES
def test_agrees_with_torch(rule, kw, arena):
    torch = pytest.importorskip("torch")
    start = values("float64")
    ours, theirs = parameters(start, arena), [torch.tensor(a, requires_grad=True) for a in start]
    optimizer, other = getattr(optim, rule)(ours, **kw), getattr(torch.optim, rule)(theirs, **kw)
    for i in range(12):
        step_both(torch, ours, theirs, optimizer, other, i)
    close(ours, theirs, rule)


@OVER_RULES
def test_states_move_from_torch_and_back(rule, kw):
    torch = pytest.importorskip("torch")
    start = values("float64")
    ours, theirs = parameters(start), [torch.tensor(a, requires_grad=True) for a in start]
    optimizer, other = getattr(optim, rule)(ours, **kw), getattr(torch.optim, rule)(theirs, **kw)
    for i in range(4):
        step_both(torch, ours, theirs, optimizer, other, i)
    loaded = getattr(optim, rule)(ours, **kw)
    loaded.load_state_dict(in_numpy(other.state_dict()))
    back = getattr(torch.optim, rule)(theirs, **kw)
    mine = optimizer.state_dict()
    back.load_state_dict({"param_groups": other.state_dict()["param_groups"], "state": {
        number: {name: torch.tensor(np.asarray(value)) if hasattr(value, "shape") else value
                 for name, value in entry.items()} for number, entry in mine["state"].items()}})
    assert {n: set(e) for n, e in mine["state"].items()} == {n: set(e) for n, e in other.state_dict()["state"].items()}
    for i in range(4, 8):
        step_both(torch, ours, theirs, loaded, back, i)
    close(ours, theirs, rule)


@OVER_RULES
def test_steps_are_recorded(rule, kw):
    results = []
    for run in (lambda f: f, fastnet.compile):
        p = nn.Parameter(fastnet.tensor([3.0, -2.0, 0.5]))
        optimizer = getattr(optim, rule)([p], **kw)

        def step(p=p, optimizer=optimizer):
            optimizer.zero_grad()
            ((p - 1) ** 2).sum().backward()
            optimizer.step()
        step = run(step)
        for _ in range(6):
            step()
        results.append(p.tolist())
    assert results[0] == results[1]


def rosenbrock(x):
    return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()


@pytest.mark.parametrize("kw", [{"lr": 0.1}, {"line_search_fn": "strong_wolfe"},
                                {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 7}])
def test_lbfgs_agrees_with_torch(kw):
    torch = pytest.importorskip("torch")
    start = [-1.2, 1.0, 0.5, 0.3]
    ours = fastnet.tensor(start, dtype=fastnet.float64, requires_grad=True)
    theirs = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    pairs = (ours, optim.LBFGS([ours], **kw)), (theirs, torch.optim.LBFGS([theirs], **kw))
    for _ in range(4):
        losses = []
        for x, optimizer in pairs:
            def closure(x=x, optimizer=optimizer):
                optimizer.zero_grad()
                loss = rosenbrock(x)
                loss.backward()
                return loss
            losses.append(float(optimizer.step(closure).detach()))
        assert losses[0] == pytest.approx(losses[1], rel=1e-9)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-7, atol=1e-9)
    mine, other = (optimizer.state[x] for x, optimizer in pairs)
    assert (mine["func_evals"], mine["n_iter"]) == (other["func_evals"], other["n_iter"])


def test_lbfgs_refuses_what_it_cannot_do():
    w = fastnet.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="expects a closure"):
        optim.LBFGS([w]).step()
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([{"params": [w]}, {"params": [fastnet.ones(1, requires_grad=True)]}])
    with pytest.raises(RuntimeError, match="strong_wolfe"):
        optim.LBFGS([w], line_search_fn="armijo")


def test_options_of_implementations_are_accepted():
    w = fastnet.ones(2, requires_grad=True)
    for rule in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam"):
        getattr(optim, rule)([w], foreach=True, fused=False, capturable=False, differentiable=False)
    with pytest.raises(NotImplementedError, match="differentiable=False"):
        optim.SGD([w], differentiable=True)
    with pytest.raises(TypeError, match="unexpected"):
        optim.SGD([w], unknown=True)


def test_hooks_of_steps():
    w = fastnet.ones(2, requires_grad=True)
    w.grad = fastnet.ones(2)
    optimizer, seen = optim.SGD([w], lr=0.5), []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", w.tolist())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", w.tolist())))
    optimizer.step()
    assert seen == [("before", [1.0, 1.0]), ("after", [0.5, 0.5])]
    before.remove()
    optimizer.step()
    assert seen[2:] == [("after", [0.0, 0.0])]


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_wrong_numbers_are_refused(rule):
    w = fastnet.ones(1, requires_grad=True)
    for wrong in (lambda: optim.Adadelta([w], rho=2.0), lambda: optim.Rprop([w], etas=(1.5, 1.2)),
                  lambda: optim.NAdam([w], betas=(1.0, 0.9)), lambda: optim.RAdam([w], lr=-1.0)):
        with pytest.raises(ValueError, match="invalid"):
            wrong()


@pytest.mark.parametrize("average", [{}, {"multi_avg_fn": "ema"}, {"avg_fn": "ema"}, {"use_buffers": True}],
                         ids=["equal", "ema", "ema of one", "buffers"])
def test_averages_of_models_are_torchs(average):
    torch = pytest.importorskip("torch")
    models = []
    for package in (fastnet, torch):
        utils = package.optim.swa_utils
        ema = {"multi_avg_fn": utils.get_ema_multi_avg_fn, "avg_fn": utils.get_ema_avg_fn}
        kw = {k: ema[k](0.9) if v == "ema" else v for k, v in average.items()}
        model = package.nn.Sequential(package.nn.Linear(3, 2), package.nn.BatchNorm1d(2))
        models.append((model, utils.AveragedModel, kw))
    (ours, make, kw), (theirs, make_theirs, theirs_kw) = models
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    mine, other = make(ours, **kw), make_theirs(theirs, **theirs_kw)
    for i in range(4):
        x = np.random.default_rng(i).standard_normal((5, 3)).astype("float32")
        with fastnet.no_grad(), torch.no_grad():
            ours(fastnet.tensor(x))
            theirs(torch.tensor(x))
            for p, q in zip(ours.parameters(), theirs.parameters()):
                p.add_(i + 1)
                q.add_(i + 1)
        mine.update_parameters(ours)
        other.update_parameters(theirs)
    assert int(mine.n_averaged) == int(other.n_averaged) == 4
    for a, b in zip(mine.state_dict().values(), other.state_dict().values()):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_update_bn_computes_the_statistics_of_all_batches():
    model = nn.BatchNorm1d(2)
    batches = [fastnet.randn(6, 2) for _ in range(3)]
    optim.swa_utils.update_bn([(x, None) for x in batches], model)
    np.testing.assert_allclose(model.running_mean.numpy(), np.mean([x.numpy().mean(0) for x in batches], 0), rtol=1e-5,
                               atol=1e-6)
    assert model.momentum == 0.1


# ---- complex parameters ---------------------------------------------------------------------------------------------

COMPLEX = {"SGD": {"lr": 0.05, "momentum": 0.9}, "Adam": {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1},
           "AdamW": {"lr": 0.05}, "RMSprop": {"lr": 0.02, "centered": True}, "Adagrad": {"lr": 0.1}, "Adadelta": {},
           "Adamax": {"lr": 0.05}, "NAdam": {"lr": 0.05}, "RAdam": {"lr": 0.05}, "Rprop": {"lr": 0.05},
           "ASGD": {"lr": 0.05}, "LBFGS": {"lr": 0.5, "max_iter": 5}}


@pytest.mark.parametrize("arena", [True, False])
@pytest.mark.parametrize("rule", COMPLEX)
def test_complex_parameters_are_updated_as_pairs_of_real_ones(torch, rule, arena):
    rng = np.random.default_rng(0)
    start = [rng.standard_normal((*shape, 2)) @ (1, 1j) for shape in ((3,), (), (2, 4))]
    goal = [rng.standard_normal((*shape, 2)) @ (1, 1j) for shape in ((3,), (), (2, 4))]
    ours, theirs = parameters(start, arena), [torch.tensor(a, requires_grad=True) for a in start]
    for f, params in ((fastnet, ours), (torch, theirs)):
        optimizer = getattr(f.optim, rule)(params, **COMPLEX[rule])

        def closure(f=f, params=params, optimizer=optimizer):
            optimizer.zero_grad()
            loss = sum((p - f.tensor(t)).abs().pow(2).sum() for p, t in zip(params, goal))
            loss.backward()
            return loss
        for _ in range(6):
            optimizer.step(closure)
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6, atol=1e-7)


def test_a_recorded_step_updates_complex_parameters():
    def trained(compiled):
        p = nn.Parameter(fastnet.tensor([1 + 2j, -1j, 3 + 0j]))
        optimizer = optim.NAdam([p], lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (p * x).abs().pow(2).sum()
            loss.backward()
            optimizer.step()
            return loss
        run = fastnet.compile(step) if compiled else step
        return [run(fastnet.tensor([1.0, 2.0, 0.5])).item() for _ in range(5)], p.detach().numpy()
    (eager, p), (recorded, q) = trained(False), trained(True)
    assert eager == recorded and np.array_equal(p, q)


def test_rules_for_real_numbers_refuse_complex_parameters():
    p = nn.Parameter(fastnet.ones(2, 2, dtype=fastnet.complex64))
    p.grad = p.detach()
    for rule in ("Adafactor", "Muon"):
        with pytest.raises(RuntimeError, match=f"{rule} does not take complex parameters"):
            getattr(optim, rule)([p]).step()


def test_the_state_of_muon_is_restored():
    def made(seed):
        p = nn.Parameter(values("float32", seed, [(3, 4)])[0])
        return p, optim.Muon([p], lr=0.1)

    def trained(p, optimizer, steps):
        for i in steps:
            p.grad = fastnet.tensor(values("float32", 50 + i, [(3, 4)])[0])
            optimizer.step()
        return p.detach()
    (p, optimizer), (q, restored) = made(0), made(1)
    trained(p, optimizer, range(3))
    q.data.copy_(p.data)
    restored.load_state_dict(optimizer.state_dict())
    assert fastnet.equal(trained(q, restored, range(3, 5)), trained(p, optimizer, range(3, 5)))
