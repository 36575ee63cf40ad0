"""Distributions beside PyTorch's: log-probabilities, moments, entropies, quantiles, gradients, samples, divergences."""
import itertools

import numpy as np
import pytest

import fastnet
from fastnet import distributions as D

RANDOM = np.random.default_rng(0)
LOC, SCALE = RANDOM.standard_normal((3, 2)), RANDOM.uniform(0.5, 2.0, (3, 2))
PROBS = RANDOM.uniform(0.1, 0.9, (3, 2))
FACTORS = np.tril(RANDOM.uniform(0.2, 1.0, (3, 2, 2)))
LOGITS = RANDOM.standard_normal((3, 4))

# name -> (class, parameters as float64 arrays or other arguments)
TABLE = {
    "beta": ("Beta", {"concentration1": SCALE, "concentration0": 2 * SCALE}),
    "binomial": ("Binomial", {"total_count": 5, "probs": PROBS}),
    "cauchy": ("Cauchy", {"loc": LOC, "scale": SCALE}),
    "chi2": ("Chi2", {"df": 3 * SCALE}),
    "dirichlet": ("Dirichlet", {"concentration": np.exp(LOGITS) + 0.5}),
    "exponential": ("Exponential", {"rate": SCALE}),
    "gamma": ("Gamma", {"concentration": SCALE, "rate": 2 * SCALE}),
    "geometric": ("Geometric", {"probs": PROBS}),
    "gumbel": ("Gumbel", {"loc": LOC, "scale": SCALE}),
    "half normal": ("HalfNormal", {"scale": SCALE}),
    "laplace": ("Laplace", {"loc": LOC, "scale": SCALE}),
    "log normal": ("LogNormal", {"loc": LOC, "scale": SCALE / 3}),
    "multinomial": ("Multinomial", {"total_count": 4, "logits": LOGITS}),
    "multivariate": ("MultivariateNormal", {"loc": LOC, "scale_tril": FACTORS}),
    "covariance": ("MultivariateNormal", {"loc": LOC, "covariance_matrix": FACTORS @ FACTORS.swapaxes(1, 2)}),
    "poisson": ("Poisson", {"rate": 3 * SCALE}),
    "student": ("StudentT", {"df": 5 + SCALE, "loc": LOC, "scale": SCALE}),
    "bernoulli": ("Bernoulli", {"probs": PROBS}),
    "bernoulli-logits": ("Bernoulli", {"logits": LOC}),
    "categorical": ("Categorical", {"probs": np.exp(LOGITS)}),
    "categorical-logits": ("Categorical", {"logits": LOGITS}),
    "normal": ("Normal", {"loc": LOC, "scale": SCALE}),
    "one-hot": ("OneHotCategorical", {"logits": LOGITS}),
    "uniform": ("Uniform", {"low": LOC, "high": LOC + SCALE}),
}
MOMENTS = ("mean", "variance", "stddev", "mode")
# Values at which the probability has a jump or a kink, or the sampler is only approximately of the given parameters.
FLOAT32 = {"rtol": 1e-4, "atol": 1e-4}
FLOAT64 = {"rtol": 1e-9, "atol": 1e-9}


def made(engine, distributions, name, dtype, gradients=False):
    """(distribution, its parameters as tensors) of a row of the table."""
    cls, arguments = TABLE[name]
    tensors = {k: engine.tensor(v.tolist(), dtype=dtype) if isinstance(v, np.ndarray) else v
               for k, v in arguments.items()}
    if gradients:
        for t in tensors.values():
            if not isinstance(t, int | float):
                t.requires_grad_()
    return getattr(distributions, cls)(**tensors), tensors


def both(name, dtype="float64", gradients=False):
    """The distribution and its parameters in fastnet, then in PyTorch."""
    torch = pytest.importorskip("torch")
    return (*made(fastnet, D, name, getattr(fastnet, dtype), gradients),
            *made(torch, torch.distributions, name, getattr(torch, dtype), gradients))


def attempt(call):
    try:
        return call()
    except NotImplementedError:
        return None


def assert_same(ours, theirs, tolerance):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), **tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TABLE)
def test_values_and_gradients_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    tolerance = FLOAT64 if dtype == "float64" else FLOAT32
    p, ours, q, theirs = both(name, dtype, gradients=True)
    values = q.sample((5,))
    given = fastnet.tensor(values.numpy().tolist(), dtype=str(values.dtype).removeprefix("torch."))
    for call in ("log_prob", "cdf"):
        expected = attempt(lambda call=call: getattr(q, call)(values))
        if expected is not None:
            actual = getattr(p, call)(given)
            assert_same(actual, expected, tolerance)
            assert_same_gradients(actual, expected, ours, theirs, tolerance)
    expected = attempt(lambda: q.entropy())
    if name == "multinomial":           # PyTorch computes a part of it in float32
        tolerance = FLOAT32
    if expected is not None:
        assert_same(p.entropy(), expected, tolerance)
        assert_same_gradients(p.entropy(), expected, ours, theirs, tolerance)
    u = torch.linspace(0.05, 0.95, 6, dtype=getattr(torch, dtype)).reshape(3, 2)
    expected = attempt(lambda: q.icdf(u))
    if expected is not None and type(p).icdf is not D.Distribution.icdf:
        assert_same(p.icdf(fastnet.tensor(u.tolist(), dtype=dtype)), expected, tolerance)
    for moment in MOMENTS:
        expected = attempt(lambda moment=moment: getattr(q, moment))
        if expected is not None:
            assert_same(getattr(p, moment), expected, tolerance)


def assert_same_gradients(actual, expected, ours, theirs, tolerance):
    if not expected.requires_grad:
        return
    for parameters, result in ((theirs, expected), (ours, actual)):
        for t in parameters.values():
            if not isinstance(t, int | float):
                t.grad = None
        try:
            result.sum().backward(retain_graph=True)
        except NotImplementedError:     # the gradient of the incomplete gamma function
            return
    for name, t in theirs.items():
        if not isinstance(t, int | float) and t.grad is not None:
            g = ours[name].grad
            np.testing.assert_allclose(np.zeros(t.shape) if g is None else g.numpy(), t.grad.numpy(),
                                       rtol=tolerance["rtol"] * 10, atol=tolerance["atol"] * 10)


@pytest.mark.parametrize("name", TABLE)
def test_samples_have_the_moments_of_the_distribution(name):
    fastnet.manual_seed(0)
    p, _ = made(fastnet, D, name, fastnet.float64)
    n = 20_000
    draws = p.sample((n,)).double().numpy()
    assert draws.shape == (n, *p.batch_shape, *p.event_shape)
    if np.isnan(p.mean.numpy()).any():
        return
    mean, variance = p.mean.numpy(), p.variance.numpy()
    error = np.sqrt(variance / n)
    assert (np.abs(draws.mean(0) - mean) <= 5 * error + 1e-9).all()
    fourth = ((draws - mean) ** 4).mean(0)
    assert (np.abs(draws.var(0) - variance) <= 6 * np.sqrt(fourth / n) + 1e-9).all()


def test_class_numbers_have_their_frequencies():
    fastnet.manual_seed(0)
    p, _ = made(fastnet, D, "categorical", fastnet.float64)
    draws = p.sample((20_000,)).numpy()
    for row, probs in enumerate(p.probs.numpy()):
        share = np.bincount(draws[:, row], minlength=len(probs)) / len(draws)
        assert (np.abs(share - probs) < 5 * np.sqrt(probs * (1 - probs) / len(draws))).all()


@pytest.mark.parametrize("name", TABLE)
def test_shapes_and_expansion(name):
    p, _, q, _ = both(name)
    assert (tuple(p.batch_shape), tuple(p.event_shape)) == (tuple(q.batch_shape), tuple(q.event_shape))
    assert p.has_rsample == q.has_rsample and p.has_enumerate_support == q.has_enumerate_support
    wide = p.expand((2, *p.batch_shape))
    assert type(wide) is type(p) and wide.batch_shape == (2, *p.batch_shape)
    value = p.sample()
    assert fastnet.allclose(wide.log_prob(value), p.log_prob(value).expand(wide.batch_shape))
    assert wide.sample((5,)).shape == (5, 2, *p.batch_shape, *p.event_shape)
    assert p.sample((0, 3)).shape == (0, 3, *p.batch_shape, *p.event_shape)
    assert type(p).__name__ in repr(p)


@pytest.mark.parametrize("name", [name for name, (cls, _) in TABLE.items() if getattr(D, cls).has_rsample is True])
def test_samples_carry_gradients(name):
    fastnet.manual_seed(0)
    p, parameters = made(fastnet, D, name, fastnet.float64, gradients=True)
    assert not p.sample().requires_grad
    p.rsample((2,)).sum().backward()
    assert all(t.grad is not None for t in parameters.values() if not isinstance(t, int | float))


def test_enumerated_support():
    for name in ("bernoulli", "categorical", "one-hot"):
        p, _, q, _ = both(name)
        for expand in (True, False):
            assert_same(p.enumerate_support(expand).double(), q.enumerate_support(expand).double(), FLOAT64)


PAIRS = [*((name, name) for name in ("beta", "binomial", "dirichlet", "exponential", "gamma", "geometric", "laplace",
                                     "multivariate", "poisson", "log normal")),
         ("multivariate", "covariance"), ("chi2", "gamma"),
         ("normal", "normal"), ("bernoulli", "bernoulli-logits"), ("categorical", "categorical-logits"),
         ("uniform", "uniform"), ("one-hot", "one-hot")]


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_divergences_are_pytorchs(pair):
    torch = pytest.importorskip("torch")
    (p, _, p2, _), (q, _, q2, _) = map(both, pair)
    assert_same(D.kl_divergence(p, q), torch.distributions.kl_divergence(p2, q2), FLOAT64)


def test_divergence_of_independent_and_of_unknown_pairs():
    p = D.Independent(D.Normal(fastnet.zeros(2, 3), 1.0), 1)
    q = D.Independent(D.Normal(fastnet.ones(2, 3), 1.0), 1)
    assert D.kl_divergence(p, q).tolist() == [1.5, 1.5]
    with pytest.raises(NotImplementedError, match="no formula for Normal and Bernoulli"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Bernoulli(0.5))
    with pytest.raises(TypeError, match="register_kl"):
        D.register_kl(int, D.Normal)


def test_probabilities_of_0_have_finite_entropies():
    assert D.Categorical(logits=fastnet.tensor([0.0, float("-inf")])).entropy().item() == 0
    p, q = D.Bernoulli(fastnet.tensor([0.0, 1.0])), D.Bernoulli(fastnet.tensor([0.5, 0.5]))
    assert np.allclose(D.kl_divergence(p, q).numpy(), np.log(2))
    assert np.isinf(D.kl_divergence(q, p).numpy()).all()


WRONG = {
    "Normal: expected scale to be in greater_than": lambda: D.Normal(0.0, fastnet.tensor([1.0, -1.0])),
    "Normal: expected loc to be in real": lambda: D.Normal(float("nan"), 1.0),
    "Categorical: expected either probs or logits, got neither": lambda: D.Categorical(),
    "Categorical: expected a parameter with at least 1 dimension": lambda: D.Categorical(fastnet.tensor(1.0)),
    "Bernoulli: expected either probs or logits, got both": lambda: D.Bernoulli(0.5, 0.0),
    "Bernoulli: expected probs to be in interval": lambda: D.Bernoulli(1.5),
    "Uniform: expected low < high": lambda: D.Uniform(1.0, 1.0),
    "expected values in the support integer_interval": lambda: D.Categorical(fastnet.ones(3)).log_prob(
        fastnet.tensor(3)),
    "does not broadcast with the batch shape": lambda: D.Normal(fastnet.zeros(3), 1.0).log_prob(fastnet.zeros(2)),
    "last dimensions are the event shape": lambda: D.OneHotCategorical(fastnet.ones(3)).log_prob(fastnet.ones(2)),
    "expected the value to be a tensor": lambda: D.Normal(0.0, 1.0).log_prob(1.0),
    "reinterpreted_batch_ndims from 0 to 1": lambda: D.Independent(D.Normal(fastnet.zeros(3), 1.0), 2),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arguments_are_refused(message):
    with pytest.raises(ValueError) as error:
        WRONG[message]()
    assert message in str(error.value)


def test_checks_can_be_turned_off():
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    before = D.Distribution._default_validate_args
    try:
        D.Distribution.set_default_validate_args(False)
        assert D.Normal(0.0, -1.0).scale.item() == -1
    finally:
        D.Distribution.set_default_validate_args(before)


def test_draws_repeat_with_the_seed():
    for name in TABLE:
        p, _ = made(fastnet, D, name, fastnet.float32)
        draws = []
        for _ in range(2):
            fastnet.manual_seed(3)
            draws.append(p.sample((4,)).numpy())
        assert (draws[0] == draws[1]).all()


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_a_policy_gradient_step_is_recorded(backend):
    """The recorded step draws other actions each time, the same as the eager step."""
    def step(states, rewards, model, optimizer):
        policy = D.Categorical(logits=model(states))
        actions = policy.sample()
        loss = -(policy.log_prob(actions) * rewards).mean() - 0.01 * policy.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return actions, loss

    def trained(run):
        fastnet.manual_seed(0)
        model = fastnet.nn.Sequential(fastnet.nn.Linear(3, 8), fastnet.nn.Tanh(), fastnet.nn.Linear(8, 4))
        optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1)
        states, rewards = fastnet.randn(6, 3), fastnet.randn(6)
        results = [run(states, rewards, model, optimizer) for _ in range(5)]
        return [(a.tolist(), loss.item()) for a, loss in results]

    if backend == "compiled" and fastnet.show_config is None:
        pytest.skip("not built")
    with fastnet.use_backend(backend):
        compiled = fastnet.compile(step)
        assert trained(compiled) == trained(step)
        assert len({tuple(actions) for actions, _ in trained(compiled)}) > 1


def test_constraints():
    c = D.constraints
    x = fastnet.tensor([[0.25, 0.75], [0.5, 0.6]])
    assert c.simplex.check(x).tolist() == [True, False]
    assert c.boolean.check(fastnet.tensor([0.0, 1.0, 0.5])).tolist() == [True, True, False]
    assert c.positive_definite.check(fastnet.eye(2)).item() and not c.positive_definite.check(-fastnet.eye(2)).item()
    assert c.lower_cholesky.check(fastnet.eye(2)).item() and c.corr_cholesky.check(fastnet.eye(2)).item()
    assert not c.square.check(fastnet.zeros(2, 3)).item() and not c.symmetric.check(fastnet.zeros(2, 3)).item()
    assert c.nonnegative_integer.check(fastnet.tensor([1.0, 1.5])).tolist() == [True, False]
    with pytest.raises(ValueError, match="depends on parameters"):
        c.dependent.check(x)
    with pytest.raises(TypeError, match="expected lower_bound and upper_bound"):
        c.interval(0)
    for n, k in itertools.product((1, 2), (0.5, 2.0)):
        assert c.interval(0, 1).check(fastnet.tensor([k] * n)).tolist() == [k < 1] * n


def test_a_sample_drawn_before_leaves_the_gradients():
    logits = fastnet.tensor([0.1, 0.5], requires_grad=True)
    p = D.Categorical(logits=logits)
    p.sample()
    p.entropy().backward()
    first, logits.grad = logits.grad.tolist(), None
    D.Categorical(logits=logits).entropy().backward()
    assert first == logits.grad.tolist() and any(first)


def test_gradients_of_gamma_draws_are_pytorchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.uniform(0.05, 3, 300), rng.uniform(3, 200, 200)])
    fastnet.manual_seed(0)
    ours = fastnet.tensor(a, requires_grad=True)
    draws = fastnet.functional.random_filling.standard_gamma(ours)
    draws.sum().backward()
    expected = torch._standard_gamma_grad(torch.tensor(a), torch.tensor(draws.detach().numpy()))
    np.testing.assert_allclose(ours.grad.numpy(), expected.numpy(), rtol=2e-3, atol=1e-6)


TRANSFORMS = {
    "exp": lambda d: d.ExpTransform(), "affine": lambda d: d.AffineTransform(1.0, -2.0),
    "sigmoid": lambda d: d.SigmoidTransform(), "tanh": lambda d: d.TanhTransform(),
    "softplus": lambda d: d.SoftplusTransform() if hasattr(d, "SoftplusTransform") else
    d.transforms.SoftplusTransform(),
    "compose": lambda d: d.ComposeTransform([d.AffineTransform(0.5, 2.0), d.TanhTransform()]),
    "inverse": lambda d: d.ComposeTransform([d.SigmoidTransform(), d.SigmoidTransform().inv]),
    "independent": lambda d: d.IndependentTransform(d.ExpTransform(), 1),
    "reshape": lambda d: d.ReshapeTransform((2,), (2, 1)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    ours, theirs = TRANSFORMS[name](D), TRANSFORMS[name](torch.distributions)
    x = LOC.copy()
    a, b = fastnet.tensor(x), torch.tensor(x)
    y, z = ours(a), theirs(b)
    assert_same(y, z, FLOAT64)
    assert_same(ours.inv(y), theirs.inv(z), FLOAT64)
    assert_same(ours.log_abs_det_jacobian(a, y), theirs.log_abs_det_jacobian(b, z), FLOAT64)
    assert ours.bijective == theirs.bijective or name in ("independent", "compose", "inverse")


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transformed_distributions_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    p = D.TransformedDistribution(D.Normal(fastnet.tensor(LOC), fastnet.tensor(SCALE)), [TRANSFORMS[name](D)])
    q = torch.distributions.TransformedDistribution(
        torch.distributions.Normal(torch.tensor(LOC), torch.tensor(SCALE)), [TRANSFORMS[name](torch.distributions)])
    assert (tuple(p.batch_shape), tuple(p.event_shape)) == (tuple(q.batch_shape), tuple(q.event_shape))
    value = q.sample((4,))
    assert_same(p.log_prob(fastnet.tensor(value.numpy())), q.log_prob(value), {"rtol": 1e-7, "atol": 1e-7})
    assert p.sample((4,)).shape == tuple(value.shape)
    assert p.expand((5, *p.batch_shape)).sample().shape == (5, *p.sample().shape)
    if not p.event_shape:
        assert_same(p.cdf(fastnet.tensor(value.numpy())), q.cdf(value), {"rtol": 1e-7, "atol": 1e-7})


def test_mixtures_are_pytorchs():
    torch = pytest.importorskip("torch")
    made = []
    for f, d in ((fastnet, D), (torch, torch.distributions)):
        weights = d.Categorical(logits=f.tensor(LOGITS[:, :2].tolist(), dtype=f.float64))
        made.append(d.MixtureSameFamily(weights, d.Normal(f.tensor(LOC.tolist(), dtype=f.float64),
                                                          f.tensor(SCALE.tolist(), dtype=f.float64))))
    p, q = made
    value = q.sample((7,))
    assert_same(p.log_prob(fastnet.tensor(value.numpy())), q.log_prob(value), FLOAT64)
    assert_same(p.cdf(fastnet.tensor(value.numpy())), q.cdf(value), FLOAT64)
    assert_same(p.mean, q.mean, FLOAT64)
    assert_same(p.variance, q.variance, FLOAT64)
    fastnet.manual_seed(0)
    draws = p.sample((20_000,)).numpy()
    assert (np.abs(draws.mean(0) - p.mean.numpy()) < 5 * np.sqrt(p.variance.numpy() / len(draws))).all()
