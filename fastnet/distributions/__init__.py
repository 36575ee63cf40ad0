"""Probability distributions under PyTorch's names: samples, log-probabilities, entropies and divergences."""
from fastnet.distributions import constraints, utils
from fastnet.distributions.bernoulli import Bernoulli
from fastnet.distributions.categorical import Categorical
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.independent import Independent
from fastnet.distributions.kl import kl_divergence, register_kl
from fastnet.distributions.normal import Normal
from fastnet.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from fastnet.distributions.uniform import Uniform

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Independent", "Normal", "OneHotCategorical",
    "OneHotCategoricalStraightThrough", "Uniform", "constraints", "kl_divergence", "register_kl", "utils",
]
