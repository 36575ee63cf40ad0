"""A module of a user's, whose values a compiled function reads."""
BETA = 1.0


def times_beta(x):
    return x * BETA


def limit(x):
    return x.clamp(min=1)


def at_least_one(x):
    return limit(x)
