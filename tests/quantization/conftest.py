"""One seed for each test, so that weights, and errors of rounding, do not depend on the process or on other tests."""
import pytest

import fastnet


@pytest.fixture(autouse=True)
def seeded():
    state = fastnet.get_rng_state()
    fastnet.manual_seed(0)
    yield
    fastnet.set_rng_state(state)
