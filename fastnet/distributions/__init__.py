"""Probability distributions under PyTorch's names: samples, log-probabilities, entropies and divergences."""
from fastnet.distributions import constraints, kl, transforms, utils
from fastnet.distributions.bernoulli import Bernoulli
from fastnet.distributions.beta import Beta
from fastnet.distributions.binomial import Binomial
from fastnet.distributions.categorical import Categorical
from fastnet.distributions.cauchy import Cauchy
from fastnet.distributions.chi2 import Chi2
from fastnet.distributions.dirichlet import Dirichlet
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.exponential import Exponential
from fastnet.distributions.gamma import Gamma
from fastnet.distributions.geometric import Geometric
from fastnet.distributions.gumbel import Gumbel
from fastnet.distributions.half_normal import HalfNormal
from fastnet.distributions.independent import Independent
from fastnet.distributions.kl import kl_divergence, register_kl
from fastnet.distributions.laplace import Laplace
from fastnet.distributions.log_normal import LogNormal
from fastnet.distributions.mixture_same_family import MixtureSameFamily
from fastnet.distributions.multinomial import Multinomial
from fastnet.distributions.multivariate_normal import MultivariateNormal
from fastnet.distributions.normal import Normal
from fastnet.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from fastnet.distributions.poisson import Poisson
from fastnet.distributions.student_t import StudentT
from fastnet.distributions.transformed_distribution import TransformedDistribution
from fastnet.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    IndependentTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from fastnet.distributions.uniform import Uniform

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
    "ComposeTransform", "Dirichlet", "Distribution", "ExpTransform", "Exponential", "Gamma", "Geometric", "Gumbel",
    "HalfNormal", "Independent", "IndependentTransform", "Laplace", "LogNormal", "MixtureSameFamily", "Multinomial",
    "MultivariateNormal", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Poisson",
    "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform", "SoftplusTransform", "StudentT",
    "TanhTransform", "Transform", "TransformedDistribution", "Uniform", "constraints", "identity_transform", "kl",
    "kl_divergence", "register_kl", "transforms", "utils",
]
